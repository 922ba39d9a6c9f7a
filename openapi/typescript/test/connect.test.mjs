import assert from "node:assert/strict";
import { test } from "node:test";

import { createMakoClient } from "../dist/index.js";

const AWAY = "https://app.hubspot.com/oauth/authorize?state=s";
const connected = { service: "hubspot", kind: "oauth", status: "connected" };

/** A page with a window that goes where it is sent; `visit` is what happens there. */
function page(visit, connection = connected) {
  const sent = [];
  const window = {
    closed: false,
    close: () => (window.closed = true),
    location: {
      set href(to) {
        sent.push(to);
        visit(window);
      },
    },
  };
  globalThis.location = new URL("https://app.example.com/settings?tab=2&status=old#top");
  globalThis.open = () => window;
  const mako = createMakoClient({
    baseUrl: "https://api.example.com",
    getAccessToken: () => "t",
    fetch: async (request) => {
      if (request.method === "GET") return Response.json({ data: [connection] });
      sent.push(await request.json(), request.credentials);
      return Response.json({ authorize_url: AWAY });
    },
  });
  return { mako, window, sent };
}

const at = (window, url) => Object.defineProperty(window, "location", { value: new URL(url) });

test("a window goes to the provider, comes back and is closed, and the connection is the answer", async () => {
  const { mako, window, sent } = page((window) => {
    Object.defineProperty(window, "location", {
      get() {
        throw new Error("another origin");
      },
      configurable: true,
    });
    setTimeout(() => at(window, "https://app.example.com/settings?tab=2&service=hubspot&status=connected"), 10);
  });
  const { data, error } = await mako.connections.connect("hubspot");
  assert.equal(error, undefined);
  assert.deepEqual(data, connected);
  assert.ok(window.closed);
  assert.deepEqual(sent, [{ return_to: "https://app.example.com/settings?tab=2" }, "include", AWAY]);
});

test("where the page is on another site than Mako, it finishes what the window brought back", async () => {
  const back = "https://app.example.com/settings?service=hubspot&status=pending#/apps?completion=v1.sealed_text-x";
  const { mako, sent } = page((window) => at(window, back));
  const { data, error } = await mako.connections.connect("hubspot");
  assert.equal(error, undefined);
  assert.deepEqual(data, connected);
  assert.deepEqual(sent.at(-2), { completion: "v1.sealed_text-x" });
});

test("what the user declines, closes or never sees is an error", async () => {
  const declined = page((window) =>
    at(window, "https://app.example.com/settings?service=hubspot&status=error&error=access_denied"),
  );
  const { error } = await declined.mako.connections.connect("hubspot");
  assert.equal(error.code, "MK_NOT_CONNECTED");
  assert.match(error.message, /access_denied/);

  const closed = page((window) => window.close(), { ...connected, kind: "key" });
  assert.equal((await closed.mako.connections.connect("hubspot")).error.code, "MK_WINDOW_CLOSED");

  const { mako } = page(() => {});
  globalThis.open = () => null;
  assert.equal((await mako.connections.connect("hubspot")).error.code, "MK_WINDOW_BLOCKED");
});
