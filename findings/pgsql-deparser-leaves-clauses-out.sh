#!/usr/bin/env bash
# Believed: pgsql-deparser, which writes SQL from libpg_query's own parse tree, says everything that the tree says,
#   or throws.
# Happens: it leaves clauses out without a word, and what is left still parses, so nothing downstream notices. Some of
#   it changes what happens: a temporary table becomes a permanent one, GROUP BY DISTINCT counts twice, a statement for
#   the tables of one owner moves those of all, a chained transaction ends. Two statements come out unparsable.
# Seen with pgsql-parser 18.2.8, pgsql-deparser 18.3.8, Node 20.20, 2026-11 (trees compared without positions):
#   lost        GROUP BY DISTINCT             SELECT a FROM t GROUP BY ROLLUP (a, b), CUBE (c)
#   lost        INTO TEMP                     SELECT 1 INTO x
#   lost        OWNED BY                      ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE c NOWAIT
#   lost        AND CHAIN                     COMMIT
#   lost        INCLUDE                       CREATE TABLE t ( a int, b int, PRIMARY KEY (a) )
#   lost        TABLESPACE                    CREATE UNLOGGED TABLE x ( a int ) WITH (fillfactor=10)
#   lost        USING INDEX TABLESPACE        CREATE TABLE x ( a int PRIMARY KEY )
#   lost        GRANT ON PARAMETER            GRANT SET ON a TO b
#   lost        INCLUDING COMPRESSION         CREATE TABLE t ( LIKE u INCLUDING COMMENTS INCLUDING CONSTRAINTS ... )
#   unparsable  CREATE EXTENSION ... VERSION  CREATE EXTENSION x SCHEMA s NEW_VERSION 1 CASCADE
#   unparsable  TRANSACTION SNAPSHOT          SET 'x'
# Why it matters: a policy or grant that went through it is not the one that was reviewed. Compare the trees of what
#   goes in and what comes out, as below, and refuse what differs.
# Needs: npm, node. Exits 0 while this holds.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts --save-exact pgsql-parser@18.2.8 pgsql-deparser@18.3.8

cat >compare.mjs <<'JS'
import { loadModule, parse } from "pgsql-parser";
import { deparse } from "pgsql-deparser";

const statements = [
  ["lost", "GROUP BY DISTINCT", "select a from t group by distinct rollup (a, b), cube (c)"],
  ["lost", "INTO TEMP", "select 1 into temp table x"],
  ["lost", "OWNED BY", "alter table all in tablespace a owned by b set tablespace c nowait"],
  ["lost", "AND CHAIN", "commit and chain"],
  ["lost", "INCLUDE", "create table t (a int, b int, primary key (a) include (b))"],
  ["lost", "TABLESPACE", "create unlogged table x (a int) with (fillfactor = 10) tablespace y"],
  ["lost", "USING INDEX TABLESPACE", "create table x (a int primary key using index tablespace t)"],
  ["lost", "GRANT ON PARAMETER", "grant set on parameter a to b"],
  ["lost", "INCLUDING COMPRESSION", "create table t (like u including all excluding indexes)"],
  ["unparsable", "CREATE EXTENSION ... VERSION", "create extension x with schema s version '1' cascade"],
  ["unparsable", "TRANSACTION SNAPSHOT", "set transaction snapshot 'x'"],
  // As a contrast: what comes out whole.
  ["same", "policies", "create policy p on t as restrictive for select to a using (true)"],
  ["same", "NULLS NOT DISTINCT", "create unique index i on t (a) nulls not distinct"],
];

const shape = (tree) =>
  JSON.stringify(tree, (key, value) => (/location|stmt_len/.test(key) ? undefined : value));

await loadModule();
let differs = false;
for (const [believed, clause, sql] of statements) {
  const before = await parse(sql);
  const written = await deparse(before);
  const after = await parse(written).catch(() => null);
  const seen = after === null ? "unparsable" : shape(after) === shape(before) ? "same" : "lost";
  console.log(seen.padEnd(11), clause.padEnd(29), written.replace(/\s+/g, " "));
  differs ||= seen !== believed;
}
process.exit(differs ? 1 : 0);
JS
node compare.mjs
