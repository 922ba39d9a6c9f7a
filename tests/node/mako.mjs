// A running `mako dev`, for tests: its own Postgres, two tenants, a free port.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** The program that is tried: `MAKO_BIN`, or what was built last. */
export const binary = process.env.MAKO_BIN ?? fileURLToPath(new URL("../../target/debug/mako", import.meta.url));

/** Starts `mako dev`; the announcement of `--json`, and `stop`. `MAKO_BIN` names the binary. */
export async function makoDev(environment = {}) {
  const child = spawn(binary, ["dev", "--ephemeral", "--json", "--listen", "127.0.0.1:0"], {
    env: { ...process.env, LOG: "warn", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (chunk) => (log = (log + chunk).slice(-20_000)));
  const line = await new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      if (text.includes("\n")) resolve(text);
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`mako dev ended with ${code}: ${log}`)));
  });
  child.removeAllListeners("exit");
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      await once(child, "exit");
    }
  };
  const announced = JSON.parse(line);
  const [alice, bob] = announced.tenants;
  return { ...announced, alice, bob, stop, log: () => log };
}
