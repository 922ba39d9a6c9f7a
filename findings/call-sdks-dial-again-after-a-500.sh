#!/usr/bin/env bash
# Believed: an SDK that places telephone calls sends the POST once, or repeats it under an idempotency key:
#   a 500 may come after the provider has dialled.
# Happens: with the settings they ship with, four providers' SDKs send "place a call" three times on a 500,
#   and no try carries anything that says that it is a repetition of the same call. Retell's clients
#   disagree with each other: the one for Node tries three times, the one for Python once.
#   Svix, as the contrast, repeats too, but under one idempotency key.
# Seen with Node 20.20 and Python 3.11, 2026-11 ("keys" counts the different idempotency keys seen):
#   node   @vapi-ai/server-sdk 2.0.1          POST /call                             tries=3 keys=0
#   node   retell-sdk 5.66.1                  POST /v2/create-phone-call             tries=3 keys=0
#   node   telnyx 7.24.0                      POST /calls                            tries=3 keys=0
#   node   @elevenlabs/elevenlabs-js 2.73.0   POST /v1/convai/twilio/outbound-call   tries=3 keys=0
#   node   svix 1.99.1                        POST /api/v1/app/app/msg               tries=3 keys=1
#   python vapi_server_sdk 3.0.0              POST /call                             tries=3 keys=0
#   python retell-sdk 6.2.13                  POST /v2/create-phone-call             tries=1 keys=0
#   python telnyx 4.189.0                     POST /calls                            tries=3 keys=0
# Why it matters: a provider that fails after dialling rings the same person three times, and each call
#   sends its own events. Set maxRetries (max_retries) to 0 for calls that dial, and retry under your own key.
# Needs: npm, node, python3 with venv and pip. Exits 0 while this holds.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts --save-exact \
  @vapi-ai/server-sdk@2.0.1 retell-sdk@5.66.1 telnyx@7.24.0 @elevenlabs/elevenlabs-js@2.73.0 svix@1.99.1
python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install vapi_server_sdk==3.0.0 retell-sdk==6.2.13 telnyx==4.189.0

cat >place.mjs <<'JS'
import http from "node:http";
import { VapiClient } from "@vapi-ai/server-sdk";
import Retell from "retell-sdk";
import Telnyx from "telnyx";
import { ElevenLabsClient } from "@elevenlabs/elevenlabs-js";
import { Svix } from "svix";

let tries = [];
const provider = http.createServer((request, response) => {
  request.resume().on("end", () => {
    tries.push({ line: `${request.method} ${request.url.split("?")[0]}`, key: request.headers["idempotency-key"] });
    response.writeHead(500, { "content-type": "application/json" }).end('{"message":"failed"}');
  });
});
await new Promise((ready) => provider.listen(0, "127.0.0.1", ready));
const url = `http://127.0.0.1:${provider.address().port}`;

async function place(name, call) {
  tries = [];
  let outcome = "answered";
  await call().catch(() => (outcome = "raised"));
  if (outcome !== "raised") throw new Error(`${name}: the failure was not raised`);
  const keys = new Set(tries.map((t) => t.key).filter(Boolean));
  console.log("node", name, tries[0].line, `tries=${tries.length}`, `keys=${keys.size}`);
}

const [from, to] = ["+15005550006", "+15005550007"];
await place("@vapi-ai/server-sdk", () =>
  new VapiClient({ token: "t", baseUrl: url }).calls.create({ assistantId: "a", phoneNumberId: "p", customer: { number: to } }));
await place("retell-sdk", () =>
  new Retell({ apiKey: "k", baseURL: url }).call.createPhoneCall({ from_number: from, to_number: to }));
await place("telnyx", () =>
  new Telnyx({ apiKey: "k", baseURL: url }).calls.dial({ connection_id: "c", from, to }));
await place("@elevenlabs/elevenlabs-js", () =>
  new ElevenLabsClient({ apiKey: "k", baseUrl: url }).conversationalAi.twilio.outboundCall({ agentId: "a", agentPhoneNumberId: "p", toNumber: to }));
await place("svix", () =>
  new Svix("testsk_x.eu", { serverUrl: url }).message.create("app", { eventType: "call.ended", payload: {} }));
process.exit(0);
JS

cat >place.py <<'PY'
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from retell import Retell
from telnyx import Telnyx
from vapi import Vapi

tries = []


class Provider(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        tries.append((self.path, self.headers.get("idempotency-key")))
        body = b'{"message":"failed"}'
        self.send_response(500)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


provider = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=provider.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{provider.server_port}"


def place(name, call):
    tries.clear()
    try:
        call()
    except Exception as error:
        if type(error).__name__ != "InternalServerError":
            raise
    keys = {key for _, key in tries if key}
    print("python", name, "POST", tries[0][0], f"tries={len(tries)}", f"keys={len(keys)}", flush=True)


ring = {"from": "+15005550006", "to": "+15005550007"}
place("vapi_server_sdk", lambda: Vapi(token="t", base_url=url).calls.create(assistant_id="a", phone_number_id="p"))
place("retell-sdk", lambda: Retell(api_key="k", base_url=url).call.create_phone_call(from_number=ring["from"], to_number=ring["to"]))
place("telnyx", lambda: Telnyx(api_key="k", base_url=url).calls.dial(connection_id="c", from_=ring["from"], to=ring["to"]))
PY

cat >expected <<'TXT'
node @vapi-ai/server-sdk POST /call tries=3 keys=0
node retell-sdk POST /v2/create-phone-call tries=3 keys=0
node telnyx POST /calls tries=3 keys=0
node @elevenlabs/elevenlabs-js POST /v1/convai/twilio/outbound-call tries=3 keys=0
node svix POST /api/v1/app/app/msg tries=3 keys=1
python vapi_server_sdk POST /call tries=3 keys=0
python retell-sdk POST /v2/create-phone-call tries=1 keys=0
python telnyx POST /calls tries=3 keys=0
TXT
{ timeout 120 node place.mjs; timeout 60 venv/bin/python place.py; } >seen
cat seen
diff expected seen || { echo "changed: the SDKs' retries differ from what is described above" >&2; exit 1; }
