import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { createMakoClient, MakoError } from "../dist/index.js";
import { makoDev } from "../../../tests/node/mako.mjs";

let dev, mako;
before(async () => {
  dev = await makoDev({ CORS_ALLOWED_ORIGINS: "" });
  mako = as(dev.alice);
});
after(() => dev?.stop());

const as = (tenant, options = {}) =>
  createMakoClient({ baseUrl: dev.api_url, getAccessToken: async () => tenant.token, ...options });

/** A server that answers as it is told, for what Mako doesn't do on demand. */
async function answering(handler) {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

test("a lead is made, read, changed and deleted", async () => {
  const made = await mako.leads.create({ name: "Ada", phone: "+1 (555) 010-0199", status: "new", source: "web" });
  assert.equal(made.error, undefined);
  assert.equal(made.data.phone, "+15550100199");
  assert.equal(made.data.summary, null);
  const { data: changed } = await mako.leads.update(made.data.id, { status: "contacted", summary: "called" });
  assert.deepEqual([changed.status, changed.summary], ["contacted", "called"]);
  assert.deepEqual((await mako.leads.get(made.data.id)).data, changed);
  assert.equal((await as(dev.bob).leads.get(made.data.id)).error.code, "MK404");
  assert.equal((await mako.leads.delete(made.data.id)).error, undefined);
  assert.equal((await mako.leads.get(made.data.id)).error.code, "MK404");
});

test("a list is a page when awaited, and every row when iterated", async () => {
  const client = as(dev.bob);
  for (let n = 0; n < 7; n += 1) {
    await client.contacts.create({ first_name: `Page ${n}`, company: "Pages Ltd" });
  }
  const { data: page } = await client.contacts.list({ company: "Pages Ltd", limit: 3, count: "exact" });
  assert.deepEqual([page.data.length, page.count, typeof page.next_cursor], [3, 7, "string"]);
  const names = [];
  for await (const contact of client.contacts.list({ company: "Pages Ltd", limit: 3 })) names.push(contact.first_name);
  assert.deepEqual(names, [6, 5, 4, 3, 2, 1, 0].map((n) => `Page ${n}`));
});

test("errors are values with PostgREST's fields, and an iteration throws them", async () => {
  const { data, error, response } = await mako.leads.create({ name: "", phone: "1", status: "new", source: "web" });
  assert.equal(data, undefined);
  assert.equal(response.status, 422);
  assert.equal(error.code, "MK422");
  assert.match(error.details, /name: can't be empty/);
  assert.equal(error.hint, null);
  const stranger = createMakoClient({ baseUrl: dev.api_url, getAccessToken: () => undefined });
  assert.equal((await stranger.me()).error.message, "Unauthorized: No active session");
  await assert.rejects(
    async () => {
      for await (const _ of stranger.leads.list()) assert.fail();
    },
    (error) => error instanceof MakoError && error.code === "PGRST302" && error.status === 401,
  );
});

test("a create that is repeated with its key makes one row", async () => {
  const lead = { name: "Once", phone: "12345", status: "new", source: "web" };
  const first = await mako.leads.create(lead, { idempotencyKey: "once" });
  const second = await mako.leads.create(lead, { idempotencyKey: "once" });
  assert.deepEqual([first.response.status, second.response.status], [201, 200]);
  assert.equal(first.data.id, second.data.id);
});

test("keys go in, are known, and don't come out", async () => {
  const key = "sk_live_0123456789abcdef";
  assert.equal((await mako.apiKeys.save("vapi", key)).data.hint, "cdef");
  const { data } = await mako.apiKeys.list();
  assert.ok(!JSON.stringify(data).includes(key));
  assert.equal(data.data.find((it) => it.service_name === "vapi").is_active, true);
  assert.equal((await mako.apiKeys.verify("vapi", key)).data.matches, true);
  assert.equal((await mako.apiKeys.delete("vapi", { purge: true })).error, undefined);
  assert.equal((await mako.relay("vapi", "/call")).status, 409);
});

test("a back end with a service token uses the key of the user that it acts for, as README shows", async () => {
  const key = "sk_live_fedcba9876543210";
  assert.equal((await mako.apiKeys.save("hubspot", key)).error, undefined);
  const claims = { role: "service_role", iat: Math.floor(Date.now() / 1000), exp: Math.floor(Date.now() / 1000) + 60 };
  const signed = [{ alg: "HS256", typ: "JWT" }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
  const token = `${signed.join(".")}.${createHmac("sha256", dev.jwt_secret).update(signed.join(".")).digest("base64url")}`;
  const server = createMakoClient({ baseUrl: dev.api_url, getAccessToken: () => token });
  const params = (user) => ({ path: { service: "hubspot" }, header: { "x-mako-user": user } });
  const reveal = (client, user) => client.api.POST("/v1/api-keys/{service}/reveal", { params: params(user) });
  assert.equal((await reveal(server, dev.alice.user_id)).data.api_key, key);
  assert.equal((await reveal(server, dev.bob.user_id)).error.code, "MK404");
  assert.equal((await reveal(mako, dev.alice.user_id)).error.code, "MK403");
});

test("the dashboard has the numbers that getUserDashboardStats had", async () => {
  const { data } = await mako.dashboard.stats({ days: 7 });
  assert.equal(typeof data.total_leads, "number");
  assert.equal(data.period.days, 7);
  assert.equal((await mako.dashboard.timeseries({ interval: "week", points: 4 })).data.data.length, 4);
  assert.equal((await mako.dashboard.funnel()).data.stages[0].status, "new");
  assert.ok((await mako.dashboard.activity({ limit: 1 })).data.data.length <= 1);
});

test("the localStorage contacts move over once, as README shows", async () => {
  const stored = JSON.stringify([
    { id: "1", name: "Jane Doe", email: "", phone: "+1 (555) 123-4567", company: "", jobPosition: "", status: "Active", notes: "" },
    { id: "test_1", name: "Demo", email: "", phone: "", company: "", jobPosition: "", status: "Pending", notes: "" },
  ]);
  const localStorage = new Map([["crm_contacts", stored]]);
  const import_ = async () => {
    const kept = JSON.parse(localStorage.get("crm_contacts") ?? "[]").filter((it) => !String(it.id).startsWith("test_"));
    return mako.contacts.import(kept);
  };
  const first = await import_();
  assert.deepEqual([first.data.created, first.data.rejected], [1, []]);
  const second = await import_();
  assert.deepEqual([second.data.created, second.data.unchanged], [0, 1]);
});

test("a 429 or 503 with Retry-After is repeated, so often and no more, and a create only with its key", async () => {
  const seen = [];
  let failures = 2;
  const server = await answering((request, response) => {
    seen.push(request.headers["idempotency-key"]);
    if (failures-- > 0) {
      const status = failures % 2 ? 503 : 429;
      response.writeHead(status, { "Retry-After": "0", "Content-Type": "application/problem+json" });
      response.end(JSON.stringify({ status, code: "PGRST001", message: "m", details: null, hint: null }));
    } else {
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end("{}");
    }
  });
  const client = createMakoClient({ baseUrl: server.url, getAccessToken: () => "t" });
  const lead = { name: "n", phone: "1", status: "new", source: "web" };
  assert.equal((await client.leads.create(lead)).error, undefined);
  assert.equal(seen.length, 3);
  assert.equal(new Set(seen).size, 1, "the same key each time");
  seen.length = 0;
  failures = 99;
  assert.equal((await client.leads.list()).error.code, "PGRST001");
  assert.equal(seen.length, 4);
  seen.length = 0;
  assert.equal((await client.api.POST("/v1/leads", { body: lead })).error.code, "PGRST001");
  assert.equal(seen.length, 1);
  server.close();
});

test("a client brings the newest position that it was told, so that it reads what it has written", async () => {
  const brought = [];
  const told = ["0/9", "0/10", "0/A", "1/0", null, "0/FFFFFFFF"];
  const server = await answering((request, response) => {
    brought.push(request.headers["x-mako-lsn"]);
    const position = told.shift();
    response.writeHead(200, { "Content-Type": "application/json", ...(position && { "x-mako-lsn": position }) }).end("{}");
  });
  const client = createMakoClient({ baseUrl: server.url, getAccessToken: () => "t" });
  for (let call = 0; call < 7; call += 1) await client.me();
  assert.deepEqual(brought, [undefined, "0/9", "0/10", "0/10", "1/0", "1/0", "1/0"]);
  const other = createMakoClient({ baseUrl: server.url, getAccessToken: () => "t" });
  await other.me();
  assert.equal(brought.at(-1), undefined, "another client's writes are not its own");
  server.close();
});

test("what isn't Mako's answer is an error in Mako's shape, and nothing is thrown", async () => {
  const html = await answering((_, response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<p>"));
  const cut = await answering((_, response) =>
    response.writeHead(200, { "Content-Type": "application/json" }).end('{"data":['),
  );
  const proxy = await answering((_, response) => response.writeHead(502).end("bad gateway"));
  for (const [url, code, status] of [
    [html.url, "MK_NOT_MAKO", 502],
    [cut.url, "MK_NOT_MAKO", 502],
    [proxy.url, "MK_NOT_MAKO", 502],
    ["http://127.0.0.1:1", "MK_UNREACHABLE", 503],
  ]) {
    const { data, error } = await createMakoClient({ baseUrl: url, getAccessToken: () => "t" }).leads.list();
    assert.equal(data, undefined);
    assert.deepEqual([error.code, error.status, error.details], [code, status, null]);
  }
  const tokenless = as(dev.alice, { getAccessToken: () => Promise.reject(new Error("no session store")) });
  assert.equal((await tokenless.me()).error.message, "no session store");
  const controller = new AbortController();
  controller.abort();
  assert.equal((await mako.api.GET("/v1/me", { signal: controller.signal })).error.code, "MK_ABORTED");
  for (const server of [html, cut, proxy]) server.close();
});

test("without getAccessToken the browser's cookie is sent", async () => {
  let sent;
  const client = createMakoClient({
    baseUrl: dev.api_url,
    fetch: async (request) => {
      sent = request;
      return Response.json({});
    },
  });
  await client.me();
  assert.equal(sent.credentials, "include");
  assert.equal(sent.headers.get("authorization"), null);
});
