#!/usr/bin/env bash
# Believed: `drizzle-kit pull` writes down what a database is, so that a `push` of it straight afterwards changes nothing.
# Happens: row security of a table that has no policies, the usual way to shut a table to the API, isn't written down
#   (its SQL file has it, schema.ts has no enableRLS()), and the push turns it off: the table is then as open as its
#   grants, and on Supabase those are everything to anon. It takes no question and no other change to get there.
# Seen with drizzle-kit 0.31.11, drizzle-orm 0.45.4, PGlite 0.5.8 (PostgreSQL 18.3; the same on a PostgreSQL 15.18), 2026-11:
#   before: closed t, mine t    schema.ts says enableRLS: no
#   push:   ALTER TABLE "closed" DISABLE ROW LEVEL SECURITY;
#   after:  closed f, mine t
# Why it matters: tables of a service role alone (queues, secrets, webhooks received) are kept shut like that. Who takes
#   a Supabase database over with pull writes `.enableRLS()` by hand, or proves the database after each push.
# Needs: npm. Exits 0 while this holds.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

npm init -y >/dev/null
npm install --silent --no-audit --no-fund --save-exact \
  drizzle-kit@0.31.11 drizzle-orm@0.45.4 @electric-sql/pglite@0.5.8

cat >database.mjs <<'JS'
import { PGlite } from "@electric-sql/pglite";

const database = new PGlite("./data");
if (process.argv[2] === "make") {
  await database.exec(`
    create table closed (id int primary key);
    alter table closed enable row level security;
    create table mine (id int primary key, owner text);
    alter table mine enable row level security;
    create policy own on mine using (owner = current_user)`);
}
const { rows } = await database.query(
  "select relname, relrowsecurity from pg_class where relname in ('closed', 'mine') order by 1");
console.log(rows.map((row) => `${row.relname} ${row.relrowsecurity ? "t" : "f"}`).join(", "));
await database.close();
JS
cat >drizzle.config.json <<'JSON'
{
  "dialect": "postgresql",
  "driver": "pglite",
  "dbCredentials": { "url": "./data" },
  "out": "./out",
  "schema": "./out/schema.ts",
  "verbose": true
}
JSON

before=$(node database.mjs make)
npx drizzle-kit pull >pull.log 2>&1
said=no
! grep -q enableRLS out/schema.ts || said=yes
grep -q 'ALTER TABLE "closed" ENABLE ROW LEVEL SECURITY' out/*.sql
npx drizzle-kit push --force >push.log 2>&1
pushed=$(grep -o 'ALTER TABLE .*' push.log)
after=$(node database.mjs)
echo "before: $before    schema.ts says enableRLS: $said"
echo "push:   $pushed"
echo "after:  $after"
[ "$before" = "closed t, mine t" ]
[ "$said" = no ]
[ "$pushed" = 'ALTER TABLE "closed" DISABLE ROW LEVEL SECURITY;' ]
[ "$after" = "closed f, mine t" ]
