"""Does the service keep to its document, whatever is sent? schemathesis, all checks, as alice and as bob.

Starts `mako dev` (MAKO_BIN, else target/debug/mako) with an echo server in place of every provider, and runs half of
CASES (2000) as each tenant. Ends with 1 if a check failed or fewer cases were run.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = pathlib.Path(__file__).resolve().parent
MAKO = os.environ.get("MAKO_BIN", str(HERE.parents[1] / "target/debug/mako"))
CASES = int(os.environ.get("CASES", "2000"))
SEED = os.environ.get("SEED", "20261125")
PER_OPERATION = os.environ.get("PER_OPERATION", "12")
SERVICES = ["VAPI", "TWILIO", "MAKE", "HUBSPOT", "SALESFORCE", "PIPEDRIVE", "ZOHO", "MONDAY"]


class Echo(BaseHTTPRequestHandler):
    """A provider that agrees with everything."""

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b"{}"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, *_):
        pass


def fuzz(dev, tenant):
    """One run as a tenant; how many cases, and whether all checks held."""
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"),
        "run", dev["api_url"] + "/openapi.json",
        "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful",
        "--max-examples", PER_OPERATION, "--seed", SEED, "--no-shrink", "--continue-on-failure",
        "--request-timeout", "20",
    ]  # fmt: skip
    env = os.environ | {"MAKO_TOKEN": tenant["token"], "NO_COLOR": "1", "COLUMNS": "120"}
    done = subprocess.run(command, env=env, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(done.stdout)
    generated = re.search(r"([\d,]+) generated", done.stdout)
    return int(generated[1].replace(",", "")) if generated else 0, done.returncode == 0


def main():
    echo = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=echo.serve_forever, daemon=True).start()
    provider = f"http://127.0.0.1:{echo.server_port}"
    env = os.environ | {f"RELAY_BASE_URL_{service}": provider for service in SERVICES} | {"LOG": "warn"}
    command = [MAKO, "dev", "--ephemeral", "--json", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    try:
        dev = json.loads(process.stdout.readline())
        runs = [fuzz(dev, tenant) for tenant in dev["tenants"]]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    cases = sum(count for count, _ in runs)
    failed = sum(not held for _, held in runs) + (cases < CASES)
    print(f"{cases} cases as {len(runs)} tenants")
    print(f"{len(runs) + 1 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
