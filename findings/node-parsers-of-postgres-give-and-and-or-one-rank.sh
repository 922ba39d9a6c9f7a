#!/usr/bin/env bash
# Believed: AND binds closer than OR in every SQL dialect, and the SQL parser that most programs in Node use builds its tree so.
# Happens: node-sql-parser gives AND and OR one rank and takes them from the left, in its modes for PostgreSQL, MySQL, MariaDB,
#   SQLite, Snowflake and Redshift always (MySQL's was right for comparisons in 4.18.0), in those for BigQuery and SQL Server where
#   an operand is a bare column; only Trino's is right. After NOT EXISTS it is the other way round: there OR binds closer. Its own
#   text of the tree has no parentheses, so a round trip looks right.
#   pgsql-ast-parser has AND and OR right, but lets IS NULL and IS TRUE take the last operand alone instead of the comparison.
# Seen with node-sql-parser 5.4.0, pgsql-ast-parser 12.0.2, libpg-query 18.1.5 (PostgreSQL's own parser), Node 20.20, 2026-11:
#   a = 1 or b = 2 and c = 3                 node-sql-parser: (a = 1 or b = 2) and c = 3
#   a or b is null and c                     node-sql-parser: (a or b is null) and c
#   a = 1 and not exists (select 1) or c = 3 node-sql-parser: a = 1 and (not exists (select 1) or c = 3)
#   a = b is true                            pgsql-ast-parser: a = (b is true)    PostgreSQL: (a = b) is true
#   a = b is null                            pgsql-ast-parser: a = (b is null)    PostgreSQL: (a = b) is null
# Why it matters: policies are written `owner = … or is_public and published`. A linter, a rewriter or a cache of rows that stands
#   on such a tree judges another rule than the database's. Ask the database, which writes every parenthesis (pg_get_expr), or use
#   a parser made of PostgreSQL's own.
# Needs: npm. Exits 0 while this holds.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

npm init -y >init.log
npm install --silent --no-audit --no-fund node-sql-parser@5.4.0 pgsql-ast-parser@12.0.2 libpg-query@18.1.5

cat >group.mjs <<'JS'
import assert from 'node:assert';
import nodeSqlParser from 'node-sql-parser';
import { parseFirst } from 'pgsql-ast-parser';
import { parse } from 'libpg-query';

const binary = (left, operator, right) => `(${left} ${operator.toLowerCase()} ${right})`;

/** How PostgreSQL's own parser groups it. */
function postgres(node) {
    const [kind, it] = Object.entries(node)[0];
    switch (kind) {
        case 'ColumnRef': return it.fields[0].String.sval;
        case 'A_Const': return String(it.ival.ival);
        case 'FuncCall': return 'call';
        case 'SubLink': return 'exists';
        case 'NullTest': return `(${postgres(it.arg)} is null)`;
        case 'BooleanTest': return `(${postgres(it.arg)} is true)`;
        case 'A_Expr': return binary(postgres(it.lexpr), it.name[0].String.sval, postgres(it.rexpr));
        case 'BoolExpr':
            if (it.boolop === 'NOT_EXPR') return `(not ${postgres(it.args[0])})`;
            return it.args.map(postgres).reduce((left, right) => binary(left, it.boolop.slice(0, -5), right));
    }
    throw new Error(kind);
}

/** How node-sql-parser does. */
function nodeSql(node) {
    switch (node.type) {
        case 'column_ref': return node.column.expr?.value ?? node.column;
        case 'number': return String(node.value);
        case 'null': return 'null';
        case 'function': return node.name.name[0].value.toLowerCase() === 'exists' ? 'exists' : 'call';
        case 'unary_expr': return node.operator === 'NOT EXISTS' ? '(not exists)' : `(not ${nodeSql(node.expr)})`;
        case 'binary_expr': return binary(nodeSql(node.left), node.operator, nodeSql(node.right));
    }
    throw new Error(node.type);
}

/** How pgsql-ast-parser does. */
function pgsqlAst(node) {
    switch (node.type) {
        case 'ref': return node.name;
        case 'integer': return String(node.value);
        case 'call': return node.function.name === 'exists' ? 'exists' : 'call';
        case 'unary':
            return node.op.startsWith('IS ')
                ? `(${pgsqlAst(node.operand)} ${node.op.toLowerCase()})`
                : `(not ${pgsqlAst(node.operand)})`;
        case 'binary': return binary(pgsqlAst(node.left), node.op, pgsqlAst(node.right));
    }
    throw new Error(node.type);
}

const parser = new nodeSqlParser.Parser();
const readers = {
    postgres: async sql => postgres((await parse(sql)).stmts[0].stmt.SelectStmt.whereClause),
    nodeSql: async sql => nodeSql(parser.astify(sql, { database: 'PostgreSQL' }).where),
    pgsqlAst: async sql => pgsqlAst(parseFirst(sql).where),
};
const expected = [
    // Condition, who groups it otherwise than PostgreSQL or refuses it.
    ['a = 1 and b = 2 or c = 3', []],
    ['a = 1 or b = 2 and c = 3', ['nodeSql']],
    ['a or b is null and c', ['nodeSql']],
    ['a = 1 or f(b) and c = 3', ['nodeSql']],
    ['a = 1 and not exists (select 1) or c = 3', ['nodeSql']],
    ['a = b is true', ['nodeSql', 'pgsqlAst']],
    ['a = b is null', ['nodeSql', 'pgsqlAst']],
];
for (const [condition, othersExpected] of expected) {
    const sql = `select 1 from t where ${condition}`;
    const read = {};
    for (const [name, reader] of Object.entries(readers)) {
        read[name] = await reader(sql).catch(() => 'refused');
    }
    console.log(condition.padEnd(42), JSON.stringify(read));
    const others = ['nodeSql', 'pgsqlAst'].filter(name => read[name] !== read.postgres);
    assert.deepEqual(others, othersExpected, condition);
}
const dialects = {};
for (const dialect of ['PostgreSQL', 'MySQL', 'MariaDB', 'Sqlite', 'Snowflake', 'Redshift', 'BigQuery', 'TransactSQL', 'Trino']) {
    const tops = ['a = 1 or b = 2 and c = 3', 'a or b and c'].map(
        condition => parser.astify(`select 1 from t where ${condition}`, { database: dialect }).where.operator,
    );
    dialects[dialect] = tops.join(' ');
}
console.log('decides last, between comparisons and between columns:', dialects);
const both = 'AND AND', columns = 'OR AND', neither = 'OR OR';
assert.deepEqual(dialects, {
    PostgreSQL: both, MySQL: both, MariaDB: both, Sqlite: both, Snowflake: both, Redshift: both,
    BigQuery: columns, TransactSQL: columns, Trino: neither,
});
JS
node group.mjs
