import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

test("the committed types are those of openapi/openapi.json", () => {
  const folder = mkdtempSync(join(tmpdir(), "mako-"));
  const out = join(folder, "schema.ts");
  execFileSync("npx", ["--no-install", "openapi-typescript", "../openapi.json", "--output", out], { cwd: root });
  assert.equal(readFileSync(join(root, "src/schema.ts"), "utf8"), readFileSync(out, "utf8"), "npm run generate");
  rmSync(folder, { recursive: true });
});

test("the package has the client, its types and README, and nothing else", () => {
  const output = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: root });
  const files = JSON.parse(output)[0].files.map((file) => file.path);
  for (const file of ["README.md", "package.json", "dist/index.js", "dist/index.d.ts", "dist/schema.d.ts"]) {
    assert.ok(files.includes(file), file);
  }
  assert.deepEqual(files.filter((file) => !/^(dist\/|README\.md$|package\.json$)/.test(file)), []);
});
