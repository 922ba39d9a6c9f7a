// What would the official Twilio SDK sign, and what would it refuse?
// Usage: node twilio.js <node_modules> <count> <seed>. One JSON line for each request: right, then with one
// byte changed. A change that the SDK itself doesn't notice (the case of %2b, of the host) is made anew.
"use strict";
const path = require("path");
const { createRequire } = require("module");
const [modules, count, seed] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const sdk = createRequire(path.join(modules, "x.js"))("twilio/lib/webhooks/webhooks.js");

let state = seed >>> 0; // mulberry32
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];

const ALPHABETS = [
  "abcXYZ0123456789",
  " +&=%#?/'\"\\<>;:@!*()~.-_\n\r\t",
  "äöüßçñéЖ中文ع",
  ["👍", "🏳️‍🌈", "\u{1d11e}", "\uff21", "\ufffd", "\u00a0", "\u200b"],
].map((letters) => [...letters]);
const NAMES = ["From", "To", "Body", "MessageSid", "CallSid", "AccountSid", "ToCity", "Digits", "from", "Ä", "a b", "MediaUrl0"];

function text(longest) {
  let out = "";
  for (let n = below(longest + 1); n > 0; n--) out += pick(pick(ALPHABETS));
  return out;
}

function parameters() {
  const params = {};
  for (let n = below(20); n > 0; n--) {
    const name = random() < 0.7 ? pick(NAMES) : "x" + text(8);
    const value = () => (random() < 0.2 ? "" : text(random() < 0.02 ? 2000 : 30));
    params[name] = random() < 0.15 ? Array.from({ length: 1 + below(4) }, value) : value();
  }
  return params;
}

function encode(params) {
  const plus = random() < 0.8;
  const one = (s) => (plus ? encodeURIComponent(s).replace(/%20/g, "+") : encodeURIComponent(s));
  return Object.entries(params)
    .flatMap(([name, value]) => [].concat(value).map((v) => one(name) + "=" + one(v)))
    .join("&");
}

function decode(body) {
  const params = {};
  for (const [name, value] of new URLSearchParams(body)) {
    if (name in params) params[name] = [].concat(params[name], value);
    else params[name] = value;
  }
  return params;
}

function url() {
  const user = random() < 0.05 ? "user:pa%20ss@" : "";
  const port = pick(["", "", "", ":443", ":8443", ":80"]);
  const query = pick(["", "", "?a=1&b=%2B2", "?it's=a'b&c=(d)", "?x=ä&y=%C3%A4", "?a=1&a=2&b"]);
  const at = pick(["/webhooks/twilio", "/webhooks/twilio/ke-y_1", "/", "/a%20b/c;d", ""]);
  return pick(["https", "https", "http"]) + "://" + user + "hooks.example.com" + port + at + query;
}

// The address as Twilio may have signed it though we were told it otherwise.
function signedUrl(received) {
  if (random() < 0.7 || /:\d+(?=[/?]|$)/.test(received)) return received;
  const port = received.startsWith("https") ? ":443" : ":80";
  return received.replace(/^(\w+:\/\/[^/?]*)/, "$1" + port);
}

function changed(request) {
  const part = pick(request.body ? ["body", "body", "url", "signature"] : ["url", "signature"]);
  const bytes = Buffer.from(request[part], "utf8");
  const at = below(bytes.length);
  const before = bytes[at];
  bytes[at] = 0x21 + below(94);
  if (bytes[at] === before) return null;
  const now = bytes.toString("utf8");
  if (now.includes("\ufffd") && !request[part].includes("\ufffd")) return null;
  const other = { ...request, [part]: now };
  if (other.url.includes("#") || !/^https?:\/\/\S+$/.test(other.url)) return null;
  const params = other.json ? {} : decode(other.body);
  try {
    const passes = other.json
      ? sdk.validateRequestWithBody(other.token, other.signature, other.url, other.body)
      : sdk.validateRequest(other.token, other.signature, other.url, params);
    return passes ? null : other;
  } catch {
    return null; // not an address any more
  }
}

const lines = [];
for (let i = 0; i < count; i++) {
  const token = Array.from({ length: 32 }, () => below(16).toString(16)).join("");
  const request = { token, url: url(), json: random() < 0.1 };
  if (request.json) {
    request.body = JSON.stringify(parameters());
    request.url += (request.url.includes("?") ? "&" : "?") + "bodySHA256=" + sdk.getExpectedBodyHash(request.body);
    request.signature = sdk.getExpectedTwilioSignature(token, signedUrl(request.url), {});
  } else {
    const params = parameters();
    request.body = encode(params);
    request.signature = sdk.getExpectedTwilioSignature(token, signedUrl(request.url), params);
  }
  let other = null;
  while (!other) other = changed(request);
  lines.push(JSON.stringify([request, other]));
}
process.stdout.write(lines.join("\n") + "\n");
