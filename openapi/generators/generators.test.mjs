// The document is clean, and three generators make strict TypeScript of it without a warning.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));

function run(...command) {
  const { status, stdout, stderr } = spawnSync("npx", ["--no-install", ...command], {
    cwd: here,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" },
  });
  const said = stdout + stderr;
  assert.equal(status, 0, said);
  return said;
}

function quietly(...command) {
  assert.doesNotMatch(run(...command), /warn|⚠|deprecat|error/i);
}

rmSync(`${here}/out`, { recursive: true, force: true });

// Warnings are errors there; it says much about Node besides.
test("the document keeps its rules", () => {
  run("redocly", "lint", "../openapi.json", "--config", "redocly.yaml");
});

test("openapi-typescript understands it", () => {
  quietly("openapi-typescript", "../openapi.json", "--output", "out/openapi-typescript.ts");
});

test("@hey-api/openapi-ts understands it", () => {
  quietly("openapi-ts", "--input", "../openapi.json", "--output", "out/hey", "--no-log-file");
});

test("orval understands it", () => {
  const output = ["--output", "out/orval/mako.ts", "--mode", "tags-split", "--client", "fetch"];
  quietly("orval", "--input", "../openapi.json", ...output);
});

test("what they made is strict TypeScript with unions, nulls and typed errors", () => {
  run("tsc");
});
