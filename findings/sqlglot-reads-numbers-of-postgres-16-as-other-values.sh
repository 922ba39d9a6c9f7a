#!/usr/bin/env bash
# Believed: a parser with a dialect called "postgres" either reads the number literals that PostgreSQL has taken since
#   version 16 (2023) as PostgreSQL does, or refuses them.
# Happens: sqlglot reads `1_000` as the number 1 named `_000`, `0o17` as 0 named `o17`, and 0x1F and 0b11 as bit
#   strings, and writes them back so. A threshold of ten thousand becomes one of ten, and no error is raised. Where no
#   name may stand (LIMIT 1_000) it does refuse.
# Seen with sqlglot 30.30.0, Python 3.11, pglast 8.8, 2026-11:
#   literal      sqlglot writes                            PostgreSQL's own parser
#   1_000        SELECT 1 AS _000                          1000
#   0x1F         SELECT x'1F'                              31
#   0o17         SELECT 0 AS o17                           15
#   0b11         SELECT b'11'                              3
#   t.a > 10_000 SELECT t.a > 10 AS _000 FROM t            10000
# Why it matters: linters and transpilers of row-level security that stand on it judge another policy than the one that
#   the database runs. Ask the database (pg_get_expr) for the expression, which writes 1000, before parsing it.
# Needs: python3 with venv and pip. Exits 0 while this holds.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install sqlglot==30.30.0 pglast==8.8

cat >read.py <<'PY'
import sys

import pglast
import pglast.visitors
import sqlglot

EXPECTED = [
    ("select 1_000", "SELECT 1 AS _000", 1000),
    ("select 0x1F", "SELECT x'1F'", 31),
    ("select 0o17", "SELECT 0 AS o17", 15),
    ("select 0b11", "SELECT b'11'", 3),
    ("select t.a > 10_000 from t", "SELECT t.a > 10 AS _000 FROM t", 10000),
]


def number(sql):
    """The first number in PostgreSQL's own parse tree."""
    found = []

    class Numbers(pglast.visitors.Visitor):
        def visit_A_Const(self, _, node):
            text = getattr(node.val, "ival", None)
            text = node.val.fval if text is None else text
            found.append(int(str(text).replace("_", ""), 0))

    Numbers()(pglast.parse_sql(sql))
    return found[0]


differs = False
for sql, believed, value in EXPECTED:
    written = sqlglot.parse_one(sql, read="postgres").sql("postgres")
    print(f"{sql:30} {written:38} {number(sql)}")
    differs |= written != believed or number(sql) != value
try:
    sqlglot.parse_one("select 1 limit 1_000", read="postgres")
    differs = True
except sqlglot.errors.ParseError:
    print("limit 1_000 is refused")
sys.exit(differs)
PY
venv/bin/python read.py
