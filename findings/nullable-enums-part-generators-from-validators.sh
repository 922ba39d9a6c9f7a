#!/usr/bin/env bash
# Believed: in OpenAPI 3.0.3 a field that is one of an enum or null can be written as a reference with `nullable` beside it, or as
#   an enum with `nullable`, and what a generator of clients types as "or null" a validator of answers accepts.
# Happens: the seven tools agree only on an enum that lists null among its values. The reference, {type, nullable, allOf: [$ref]},
#   is "or null" for three generators (orval forgets the enum with it) and its null is refused by all four validators. An enum with
#   nullable, but without null in its list, is never null for one generator and "or null" for two; one validator accepts the null.
# Seen with Node 20.20 and Python 3.11, 2026-11:
#   openapi-typescript 7.13.0         reference=null-typed   enum=null-typed    enum-with-null=null-typed
#   @hey-api/openapi-ts 0.99.0        reference=null-typed   enum=null-refused  enum-with-null=null-typed
#   orval 8.38.0                      reference=any-string   enum=null-typed    enum-with-null=null-typed
#   openapi-response-validator 12.1.3 reference=null-refused enum=null-accepted enum-with-null=null-accepted
#   openapi-backend 5.21.2            reference=null-refused enum=null-refused  enum-with-null=null-accepted
#   express-openapi-validator 5.6.2   reference=null-refused enum=null-refused  enum-with-null=null-accepted
#   openapi-schema-validator 0.8.1    reference=null-refused enum=null-refused  enum-with-null=null-accepted
# Why it matters: a document that every generator likes makes a gateway or a client that validates refuse good answers.
# Needs: npm, node, python3 with venv and pip. Exits 0 while this holds.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts --save-exact typescript@5.9.3 \
  openapi-typescript@7.13.0 @hey-api/openapi-ts@0.99.0 orval@8.38.0 \
  openapi-response-validator@12.1.3 openapi-backend@5.21.2 express@5.3.0 express-openapi-validator@5.6.2
python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install openapi-schema-validator==0.8.1

cat >document.mjs <<'JS'
import { writeFileSync } from "node:fs";
const named = { type: "string", enum: ["gone", "failing"] };
const ways = {
  reference: { type: "string", nullable: true, allOf: [{ $ref: "#/components/schemas/Named" }] },
  enum: { ...named, nullable: true },
  "enum-with-null": { ...named, enum: [...named.enum, null], nullable: true },
};
export const documents = Object.fromEntries(Object.entries(ways).map(([way, reason]) => {
  const Row = { type: "object", required: ["reason"], properties: { reason } };
  const schema = { $ref: "#/components/schemas/Row" };
  const responses = { 200: { description: "a row", content: { "application/json": { schema } } } };
  return [way, {
    openapi: "3.0.3", info: { title: "Rows", version: "1" },
    paths: { "/row": { get: { operationId: "row", responses } } },
    components: { schemas: { Row, Named: named } },
  }];
}));
for (const [way, document] of Object.entries(documents)) writeFileSync(`${way}.json`, JSON.stringify(document));
JS
cat >validators.mjs <<'JS'
import { once } from "node:events";
import { createRequire } from "node:module";
import { documents } from "./document.mjs";
const require = createRequire(import.meta.url);
const { default: Validator } = require("openapi-response-validator");
const { OpenAPIBackend } = require("openapi-backend");
const express = require("express");
const { middleware } = require("express-openapi-validator");
const validators = {
  "openapi-response-validator 12.1.3": async (document, body) =>
    !new Validator({ responses: document.paths["/row"].get.responses, components: document.components }).validateResponse(200, body),
  "openapi-backend 5.21.2": async (document, body) => {
    const backend = new OpenAPIBackend({ definition: document });
    await backend.init();
    return !backend.validateResponse(body, "row", 200).errors;
  },
  "express-openapi-validator 5.6.2": async (document, body) => {
    const app = express();
    app.use(middleware({ apiSpec: document, validateResponses: true }));
    app.get("/row", (_request, response) => response.json(body));
    app.use((error, _request, response, _next) => response.status(error.status ?? 500).end());
    const server = app.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { ok } = await fetch(`http://127.0.0.1:${server.address().port}/row`);
    server.closeAllConnections();
    server.close();
    return ok;
  },
};
for (const [name, accepts] of Object.entries(validators)) {
  const said = [];
  for (const [way, document] of Object.entries(documents)) {
    const ok = (reason) => accepts(structuredClone(document), { reason });
    // Each knows good from bad.
    if (!(await ok("gone")) || (await ok("other"))) throw new Error(`${name}: ${way}`);
    said.push(`${way}=null-${(await ok(null)) ? "accepted" : "refused"}`);
  }
  console.log(name, ...said);
}
JS
cat >validator.py <<'PY'
import json
from openapi_schema_validator import OAS30Validator
said = []
for way in ("reference", "enum", "enum-with-null"):
    document = json.load(open(f"{way}.json"))
    schema = {"$ref": "#/components/schemas/Row", "components": document["components"]}
    ok = lambda reason: OAS30Validator(schema).is_valid({"reason": reason})
    assert ok("gone") and not ok("other"), way
    said.append(f"{way}=null-{'accepted' if ok(None) else 'refused'}")
print("openapi-schema-validator 0.8.1", *said)
PY
# The compiler says whether the generated type takes null, and whether it takes another word.
typed() {
  local way=$1 folder=$2 import=$3 type=$4
  printf '%s\nexport const good: %s = null;\nexport const word: %s = "gone";\n' "$import" "$type" "$type" >"$folder/good.ts"
  printf '%s\nexport const bad: %s = "other";\n' "$import" "$type" >"$folder/bad.ts"
  local options=(--strict --noEmit --skipLibCheck --module esnext --moduleResolution bundler --target es2022 --lib es2022,dom)
  if npx --no-install tsc "${options[@]}" "$folder/bad.ts" >/dev/null; then echo "$way=any-string"; return; fi
  if npx --no-install tsc "${options[@]}" "$folder/good.ts" >/dev/null; then echo "$way=null-typed"; else echo "$way=null-refused"; fi
}
node document.mjs
{
  typescript=() hey=() orval=()
  for way in reference enum enum-with-null; do
    mkdir -p "ot-$way"
    npx --no-install openapi-typescript "$way.json" --output "ot-$way/schema.ts" >/dev/null 2>&1
    typescript+=("$(typed "$way" "ot-$way" 'import type { components } from "./schema";' 'components["schemas"]["Row"]["reason"]')")
    npx --no-install openapi-ts --input "$way.json" --output "hey-$way" --no-log-file >/dev/null 2>&1
    hey+=("$(typed "$way" "hey-$way" 'import type { Row } from "./types.gen";' 'Row["reason"]')")
    npx --no-install orval --input "$way.json" --output "orval-$way/api.ts" --client fetch >/dev/null 2>&1
    orval+=("$(typed "$way" "orval-$way" 'import type { Row } from "./api";' 'Row["reason"]')")
  done
  echo "openapi-typescript 7.13.0 ${typescript[*]}"
  echo "@hey-api/openapi-ts 0.99.0 ${hey[*]}"
  echo "orval 8.38.0 ${orval[*]}"
  node validators.mjs
  venv/bin/python validator.py
} | tee seen
diff seen - <<'SEEN'
openapi-typescript 7.13.0 reference=null-typed enum=null-typed enum-with-null=null-typed
@hey-api/openapi-ts 0.99.0 reference=null-typed enum=null-refused enum-with-null=null-typed
orval 8.38.0 reference=any-string enum=null-typed enum-with-null=null-typed
openapi-response-validator 12.1.3 reference=null-refused enum=null-accepted enum-with-null=null-accepted
openapi-backend 5.21.2 reference=null-refused enum=null-refused enum-with-null=null-accepted
express-openapi-validator 5.6.2 reference=null-refused enum=null-refused enum-with-null=null-accepted
openapi-schema-validator 0.8.1 reference=null-refused enum=null-refused enum-with-null=null-accepted
SEEN
