// Does the official library take these deliveries? Reads [{secret, headers, body}], prints how many; fails at the first that it refuses.
// Usage: node verify.mjs <node_modules>
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const { Webhook } = createRequire(join(process.argv[2], "x.js"))("standardwebhooks");
const deliveries = JSON.parse(readFileSync(0, "utf8"));
for (const { secret, headers, body } of deliveries) new Webhook(secret).verify(body, headers);
console.log(deliveries.length);
