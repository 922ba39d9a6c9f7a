// A page may use supabase-js and @mako/client side by side: one token, one truth.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { createClient } from "@supabase/supabase-js";

import { createMakoClient } from "../../openapi/typescript/dist/index.js";
import { makoDev } from "./mako.mjs";
import { postgrest } from "./postgrest.mjs";

let dev, rest, mako, supabase;
before(async () => {
  dev = await makoDev();
  rest = await postgrest(dev);
  ({ mako, supabase } = both(dev.alice.token));
});
after(async () => {
  await rest?.stop();
  await dev?.stop();
});

/** Both clients with one token, as one session would give it. */
function both(token) {
  const accessToken = async () => token;
  return {
    mako: createMakoClient({ baseUrl: dev.api_url, getAccessToken: accessToken }),
    supabase: createClient(rest.url, "publishable-key", { accessToken }),
  };
}

/** Written for PostgrestError; reads what either client answers. */
function read(error) {
  const { code, message, details, hint } = error;
  assert.ok([code, message].every((text) => typeof text === "string" && text !== ""));
  assert.ok([details, hint].every((text) => text === null || typeof text === "string"));
  return code;
}

const lead = { name: "Side by side", phone: "+15550100123", status: "new", source: "test" };
const columns = "id, name, phone, status, source, summary, ai_summary, sentiment, created_at, updated_at";
/** PostgREST and RFC 3339 write the same time differently. */
const timed = (row) => ({ ...row, created_at: Date.parse(row.created_at), updated_at: Date.parse(row.updated_at) });

test("a lead made by either is the same lead to both", async () => {
  const ours = await mako.leads.create(lead);
  const theirs = await supabase.from("leads").insert(lead).select(columns).single();
  assert.equal(ours.error, undefined);
  assert.equal(theirs.error, null);
  const seen = await supabase.from("leads").select(columns).eq("id", ours.data.id).single();
  assert.deepEqual(timed(seen.data), timed(ours.data));
  const { data } = await mako.leads.get(theirs.data.id);
  assert.deepEqual(timed(data), timed(theirs.data));
});

test("what one changes or deletes, the other sees", async () => {
  const { data: made } = await mako.leads.create(lead);
  await supabase.from("leads").update({ status: "qualified" }).eq("id", made.id);
  assert.equal((await mako.leads.get(made.id)).data.status, "qualified");
  await mako.leads.update(made.id, { status: "booked" });
  const { data } = await supabase.from("leads").select("status").eq("id", made.id).single();
  assert.equal(data.status, "booked");
  await supabase.from("leads").delete().eq("id", made.id);
  assert.equal((await mako.leads.get(made.id)).error.code, "MK404");
});

test("both list the same leads in the same order, and count them alike", async () => {
  const ids = [];
  for await (const { id } of mako.leads.list({ limit: 2 })) ids.push(id);
  const { data, count } = await supabase
    .from("leads")
    .select("id", { count: "exact" })
    .order("created_at", { ascending: false })
    .order("id", { ascending: false });
  assert.deepEqual(data.map(({ id }) => id), ids);
  assert.equal((await mako.leads.list({ count: "exact", limit: 1 })).data.count, count);
  assert.equal((await mako.dashboard.stats()).data.total_leads, count);
  assert.ok(count > 0);
});

test("to bob alice's leads are there through neither", async () => {
  const bob = both(dev.bob.token);
  const { data: made } = await mako.leads.create(lead);
  assert.equal((await bob.mako.leads.get(made.id)).error.code, "MK404");
  assert.deepEqual((await bob.supabase.from("leads").select().eq("id", made.id)).data, []);
  const { data: changed } = await bob.supabase.from("leads").update({ name: "x" }).eq("id", made.id).select("id");
  assert.deepEqual(changed, []);
  assert.equal((await mako.leads.get(made.id)).data.name, lead.name);
});

test("code written for PostgrestError reads our errors, with the same codes for the same conditions", async () => {
  const bad = both("not.a.token");
  assert.equal(read((await bad.mako.leads.list()).error), "PGRST301");
  assert.equal(read((await bad.supabase.from("leads").select()).error), "PGRST301");
  const long = { ...lead, name: "x".repeat(300) };
  assert.equal(read((await mako.leads.create(long)).error), "MK422");
  assert.equal(read((await supabase.from("leads").insert(long)).error), "23514");
  const { data: made } = await mako.leads.create(lead);
  await mako.leads.delete(made.id);
  assert.equal(read((await mako.leads.get(made.id)).error), "MK404");
  assert.equal(read((await supabase.from("leads").select("id").eq("id", made.id).single()).error), "PGRST116");
});
