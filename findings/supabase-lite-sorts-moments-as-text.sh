#!/usr/bin/env bash
# Believed: a Supabase that runs on SQLite keeps a `timestamptz` in whatever form it likes, as long as one moment is one value: equal
#   to itself in another offset, sorted by time, told with its zone.
# Happens: @supabase/lite keeps the client's text, and sorts, filters and compares it as text. The same moment in another offset
#   isn't found, half past nine comes before nine o'clock where it was written with a blank instead of a T, and the default
#   now() has no zone, which JavaScript reads as the browser's local time. No error anywhere, and nothing of it in the list of
#   limitations. With the same package, schema and client on PGlite everything is as on Supabase.
# Seen with @supabase/lite 0.10.0, supabase-js 2.119.1, Node 24.21, 2026-11 (08:00 is written 10:00+02:00, 09:30 with a blank):
#   sqlite-postgres  sorted 09:30 09:00 08:00   after 08:30: 08:00 09:00   09:00Z asked for as 11:00+02:00: none    now(): without a zone
#   pglite           sorted 08:00 09:00 09:30   after 08:30: 09:00 09:30   09:00Z asked for as 11:00+02:00: found   now(): with a zone
# Why it matters: prototypes begin there and move to Supabase later: lists that page by created_at and "what is new
#   since" behave otherwise after the move, or before it. Write moments in one form (toISOString()),
#   created_at too, or start with `lite init --pglite`.
# Needs: npm, Linux. Exits 0 while this holds.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill $(cat "$dir"/pid.* 2>/dev/null) 2>/dev/null || true; sleep 1; rm -rf "$dir"' EXIT
cd "$dir"
export DO_NOT_TRACK=1

npm init -y >init.log
# Node's own SQLite is what it runs on.
npm install --silent --no-audit --no-fund @supabase/lite@0.10.0 @supabase/supabase-js@2.119.1 node@24.21.0
export PATH="$dir/node_modules/node/bin:$dir/node_modules/.bin:$PATH"

cat >probe.mjs <<'JS'
import { createClient } from '@supabase/supabase-js';

const [url, key] = process.argv.slice(2);
const moments = createClient(url, key).from.bind(createClient(url, key), 'moments');
const must = ({ data, error }) => { if (error) throw new Error(error.message); return data; };
const names = rows => must(rows).map(row => row.name).join(' ') || 'none';

must(await moments().insert({ name: '08:00', at: '2026-01-01T10:00:00+02:00' }));
must(await moments().insert({ name: '09:00', at: '2026-01-01T09:00:00Z' }));
must(await moments().insert({ name: '09:30', at: '2026-01-01 09:30:00Z' }));
const sorted = names(await moments().select('name').order('at'));
const after = names(await moments().select('name').gt('at', '2026-01-01T08:30:00Z').order('name'));
const same = names(await moments().select('name').eq('at', '2026-01-01T11:00:00+02:00'));
const [{ made }] = must(await moments().select('made').limit(1));
const zone = /(Z|[+-]\d\d(:?\d\d)?)$/.test(made) ? 'with a zone' : 'without a zone';
console.log(`sorted ${sorted} | after 08:30: ${after} | 09:00Z by another offset: ${same} | now(): ${zone}`);
JS

# Starts one, and asks it.
ask() {
  mkdir "$1"
  (cd "$1" && lite init $2 >init.log 2>&1)
  sed -i "s/^port = 54321/port = $3/" "$1/supabase/config.toml"
  echo 'create table public.moments (name text primary key, at timestamptz, made timestamptz default now());' \
    >"$1/supabase/schemas/schema.sql"
  (cd "$1" && exec lite dev >dev.log 2>&1) &
  echo $! >"pid.$1"
  for _ in $(seq 600); do
    curl -s -o /dev/null "http://127.0.0.1:$3/rest/v1/" && break
    sleep 0.1
  done
  node probe.mjs "http://127.0.0.1:$3" "$(sed -n 's/^SUPABASE_SECRET_KEY="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$1/.env")"
}
sqlite=$(ask sqlite "" 54391)
pglite=$(ask pglite --pglite 54392)
printf '%-16s %s\n' sqlite-postgres "$sqlite" pglite "$pglite"
test "$sqlite" = "sorted 09:30 09:00 08:00 | after 08:30: 08:00 09:00 | 09:00Z by another offset: none | now(): without a zone"
test "$pglite" = "sorted 08:00 09:00 09:30 | after 08:30: 09:00 09:30 | 09:00Z by another offset: 09:00 | now(): with a zone"
