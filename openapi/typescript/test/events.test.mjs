import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { createMakoClient, verifyEvent } from "../dist/index.js";
import { makoDev } from "../../../tests/node/mako.mjs";

let dev, mako, receiver;
const arrived = [];
const more = new EventTarget();

before(async () => {
  dev = await makoDev({});
  mako = createMakoClient({ baseUrl: dev.api_url, getAccessToken: async () => dev.alice.token });
  receiver = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    arrived.push({ headers: request.headers, body: Buffer.concat(parts) });
    response.writeHead(204).end();
    more.dispatchEvent(new Event("arrived"));
  }).listen(0, "127.0.0.1");
  await once(receiver, "listening");
});
after(async () => {
  receiver?.close();
  await dev?.stop();
});

/** The first that has arrived and is accepted. */
async function received(accepts) {
  for (;;) {
    const found = arrived.find(accepts);
    if (found) return found;
    await once(more, "arrived");
  }
}

test("an event is verified with the secret that the subscription was shown with, and by no other", async () => {
  const url = `http://127.0.0.1:${receiver.address().port}/mako`;
  const { data: made, error } = await mako.eventSubscriptions.create({ url, event_types: ["lead.created"] });
  assert.equal(error, undefined);
  const lead = await mako.leads.create({ name: "Ada 👍", phone: "+15550100199", status: "new", source: "web" });
  const { headers, body } = await received(() => true);

  const event = verifyEvent(body, headers, made.secret);
  assert.deepEqual([event.type, event.id, event.data], ["lead.created", headers["webhook-id"], lead.data]);
  const asFetchHasThem = new Headers(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  assert.deepEqual(verifyEvent(body.toString(), asFetchHasThem, made.secret), event);

  const { data: rotated } = await mako.eventSubscriptions.rotateSecret(made.id);
  for (const [bytes, sent, secret, refusal] of [
    [body, headers, rotated.secret, /signature/],
    [body.toString().replace("Ada", "Eve"), headers, made.secret, /signature/],
    [body, { ...headers, "webhook-id": "other" }, made.secret, /signature/],
    [body, { ...headers, "webhook-timestamp": "1600000000" }, made.secret, /too old/],
    [body, {}, made.secret, /required headers/],
  ]) {
    assert.throws(() => verifyEvent(bytes, sent, secret), refusal);
  }

  await mako.eventSubscriptions.test(made.id);
  const sample = await received(({ headers: sent }) => sent["webhook-id"] !== headers["webhook-id"]);
  for (const secret of [made.secret, rotated.secret]) {
    assert.equal(verifyEvent(sample.body, sample.headers, secret).type, "lead.created", "a day of both");
  }
});

test("deliveries are listed and sent again, and a subscription goes with them", async () => {
  const { data: subscriptions } = await mako.eventSubscriptions.list();
  const [{ id }] = subscriptions.data;
  const listed = [];
  for await (const delivery of mako.eventDeliveries.list({ subscription: id, limit: 1 })) listed.push(delivery);
  assert.deepEqual(listed.map((delivery) => delivery.is_test), [true, false]);
  const off = await mako.eventSubscriptions.update(id, { status: "disabled" });
  assert.equal(off.data.disabled_reason, "owner");
  const span = { subscription: id, since: "2020-01-01T00:00:00Z", until: "2100-01-01T00:00:00Z" };
  assert.equal((await mako.eventDeliveries.retryMany(span)).error.code, "MK409");
  assert.equal((await mako.eventSubscriptions.delete(id)).error, undefined);
  assert.equal((await mako.eventDeliveries.get(listed[0].id)).error.code, "MK404");
});
