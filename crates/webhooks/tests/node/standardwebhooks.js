// What would the Standard Webhooks library sign?
// Usage: node standardwebhooks.js <node_modules> <count> <unix seconds>. One JSON line for each message.
"use strict";
const path = require("path");
const crypto = require("crypto");
const { createRequire } = require("module");
const [modules, count, now] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const { Webhook } = createRequire(path.join(modules, "x.js"))("standardwebhooks");

for (let i = 0; i < count; i++) {
  const secret = (i % 2 ? "whsec_" : "") + crypto.randomBytes(24 + (i % 41)).toString("base64");
  const id = "msg_" + crypto.randomBytes(12).toString("hex");
  const body = JSON.stringify({ message: { type: "hang", n: i, text: "Ä 👍 " + crypto.randomBytes(i % 200).toString("latin1") } });
  const at = new Date((now - 250 + (i % 500)) * 1000);
  const signature = new Webhook(secret).sign(id, at, body);
  console.log(JSON.stringify({ secret, id, timestamp: String(Math.floor(at / 1000)), signature, body }));
}
