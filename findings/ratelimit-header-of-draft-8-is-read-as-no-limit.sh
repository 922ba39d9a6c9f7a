#!/usr/bin/env bash
# Believed: the parser that express-rate-limit's makers publish reads the headers that express-rate-limit sends.
# Happens: it reads the IETF draft's headers up to draft-7. Those of draft-8, where a policy is named and the members are
#   r and t, come out as NaN, without an error: neither `remaining < 1` nor `remaining === 0` is ever true.
# Seen with express-rate-limit 8.7.5, ratelimit-header-parser 0.1.0, express 5.3.0, 2026-11, the answer after the last request:
#   draft-6  ratelimit-remaining: 0                     parsed limit 1, remaining 0
#   draft-7  ratelimit: limit=1, remaining=0, reset=9   parsed limit 1, remaining 0
#   draft-8  ratelimit: "1-in-9sec"; r=0; t=9           parsed limit NaN, remaining NaN
# Why it matters: a service that follows the draft breaks clients that were careful. Retry-After is in all three, and is what
#   a client can rely on.
# Needs: npm. Exits 0 while this holds.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

npm init -y >/dev/null
npm install --silent --no-audit --no-fund --save-exact \
  express@5.3.0 express-rate-limit@8.7.5 ratelimit-header-parser@0.1.0

cat >limits.mjs <<'JS'
import assert from "node:assert/strict";
import express from "express";
import { rateLimit } from "express-rate-limit";
import { parseRateLimit } from "ratelimit-header-parser";

const parsed = {};
for (const standardHeaders of ["draft-6", "draft-7", "draft-8"]) {
  const app = express();
  app.use(rateLimit({ windowMs: 9000, limit: 1, standardHeaders, legacyHeaders: false }));
  app.get("/", (_, response) => response.send("ok"));
  const server = app.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/`);
  server.close();
  const sent = ["ratelimit", "ratelimit-remaining"].flatMap((name) => {
    const value = answer.headers.get(name);
    return value === null ? [] : [`${name}: ${value}`];
  });
  const { limit, remaining } = parseRateLimit(answer);
  parsed[standardHeaders] = { limit, remaining };
  console.log(standardHeaders, "", sent[0].padEnd(42), `parsed limit ${limit}, remaining ${remaining}`);
}
const right = { limit: 1, remaining: 0 };
assert.deepEqual(parsed, {
  "draft-6": right,
  "draft-7": right,
  "draft-8": { limit: NaN, remaining: NaN },
});
process.exit();
JS
node limits.mjs
