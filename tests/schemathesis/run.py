"""Does the service keep to its document, and to whose is whose, whatever is sent?

Starts `mako dev` (MAKO_BIN, else target/debug/mako) with an echo server in place of every provider, and has schemathesis
run all its checks as alice, as bob and as a stranger with a good token. No answer may hold a trace of somebody else's rows,
which the generated requests ask for by their ids, and none of those rows may be another afterwards. Ends with 1 if a check
failed or fewer than CASES (5000) were run; PER_OPERATION (12) says how many examples each operation gets.
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

import parties

HERE = pathlib.Path(__file__).resolve().parent
MAKO = os.environ.get("MAKO_BIN", str(HERE.parents[1] / "target/debug/mako"))
CASES = int(os.environ.get("CASES", "5000"))
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


def fuzz(dev, party, others):
    """One run as a party; how many cases, and whether all checks held."""
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"),
        "run", dev["api_url"] + "/openapi.json",
        "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful",
        "--max-examples", PER_OPERATION, "--seed", SEED, "--no-shrink", "--continue-on-failure",
        "--request-timeout", "20",
    ]  # fmt: skip
    before = [parties.rows(dev, tenant) for tenant, _ in others]
    ids = {}
    for owned in before:
        for name, rows in owned.items():
            ids.setdefault(name, []).extend(row["id"] for row in rows if "id" in row)
    traces = [trace for (tenant, text), owned in zip(others, before) for trace in parties.traces(tenant, text, owned)]
    env = os.environ | {
        "SCHEMATHESIS_HOOKS": "hooks",
        "MAKO_TOKEN": party["token"],
        "MAKO_IDS_OF_OTHERS": json.dumps(ids),
        "MAKO_TRACES_OF_OTHERS": json.dumps(traces),
        "NO_COLOR": "1",
        "COLUMNS": "120",
    }
    print(f"== as {party['name']}, with {len(traces)} traces of others", flush=True)
    done = subprocess.run(command, env=env, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(done.stdout, flush=True)
    generated = re.search(r"([\d,]+) generated", done.stdout)
    kept = before == [parties.rows(dev, tenant) for tenant, _ in others]
    if not kept:
        print(f"rows of others have changed while {party['name']} asked")
    return int(generated[1].replace(",", "")) if generated else 0, done.returncode == 0 and kept


def main():
    echo = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=echo.serve_forever, daemon=True).start()
    provider = f"http://127.0.0.1:{echo.server_port}"
    env = os.environ | {f"RELAY_BASE_URL_{service}": provider for service in SERVICES} | {"LOG": "warn"}
    command = [MAKO, "dev", "--ephemeral", "--json", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    try:
        dev = json.loads(process.stdout.readline())
        marked = [(tenant, parties.mark(dev, tenant, provider)) for tenant in dev["tenants"]]
        runs = [
            fuzz(dev, party, [other for other in marked if other[0] is not party])
            for party in [*dev["tenants"], parties.stranger(dev)]
        ]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    cases = sum(count for count, _ in runs)
    failed = sum(not held for _, held in runs) + (cases < CASES)
    print(f"{cases} cases as {len(runs)} parties")
    print(f"{len(runs) + 1 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
