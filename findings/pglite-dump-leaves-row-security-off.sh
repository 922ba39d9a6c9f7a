#!/usr/bin/env bash
# Believed: a dump only reads; the database answers afterwards as it did before.
# Happens: PGlite has one session for everything, pg_dump's settings are that session's, and pgDump() puts back the
#   search path alone. row_security stays off: from then on every query that a policy would filter is an error (42501).
# Seen with PGlite 0.5.8 (PostgreSQL 18.3), pglite-tools 0.4.8, Node 20, 2026-11:
#   before: row_security on   search_path public  rows that a policy leaves: 1
#   after:  row_security off  search_path public  42501 query would be affected by row-level security policy …
# Why it matters: tests of policies that take a dump or a snapshot between two of them fail far away from the cause, and
#   code that catches 42501 as "not allowed" goes on with nothing. `reset all`, or a second instance for dumps, helps.
# Needs: npm. Exits 0 while this holds.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

npm init -y >/dev/null
npm install --silent --no-audit --no-fund --save-exact \
  @electric-sql/pglite@0.5.8 @electric-sql/pglite-tools@0.4.8

cat >dump.mjs <<'JS'
import assert from "node:assert/strict";
import { PGlite } from "@electric-sql/pglite";
import { pgDump } from "@electric-sql/pglite-tools/pg_dump";

const database = new PGlite();
await database.exec(`
  create role reader;
  create table note (id int primary key, owner text);
  alter table note enable row level security;
  create policy own on note to reader using (owner = 'alice');
  grant select on note to reader;
  insert into note values (1, 'alice'), (2, 'bob')`);

const setting = async (name) => (await database.query(`select current_setting('${name}') as value`)).rows[0].value;
const seen = () =>
  database
    .transaction(async (transaction) => {
      await transaction.query("set local role reader");
      return `rows that a policy leaves: ${(await transaction.query("select id from note")).rows.length}`;
    })
    .catch((error) => `${error.code} ${error.message}`);
const state = async () => ({
  rowSecurity: await setting("row_security"),
  searchPath: await setting("search_path"),
  seen: await seen(),
});

const before = await state();
await pgDump({ pg: database });
const after = await state();
for (const [when, is] of Object.entries({ before, after })) {
  const settings = `row_security ${is.rowSecurity.padEnd(3)}  search_path ${is.searchPath}`;
  console.log(`${`${when}:`.padEnd(7)} ${settings}  ${is.seen}`);
}
assert.deepEqual(before, { rowSecurity: "on", searchPath: "public", seen: "rows that a policy leaves: 1" });
assert.equal(after.rowSecurity, "off");
assert.equal(after.searchPath, "public");
assert.match(after.seen, /^42501 query would be affected by row-level security policy/);
await database.exec("reset all");
assert.equal(await seen(), before.seen);
JS
node dump.mjs
