// Compiled, never run: what a frontend's compiler is told.
import { createMakoClient, type ApiKey, type Event, type Lead, type LeadChange, type NewLead, type Problem } from "../src/index.js";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

export const nullableIsThereAndMayBeNull: Same<Pick<Lead, "summary">, { summary: string | null }> = true;
export const aCreateNeedsWhatItNeeds: NewLead = { name: "n", phone: "p", status: "new", source: "web" };
export const aCreateMayLeaveOutOrEmpty: NewLead = { ...aCreateNeedsWhatItNeeds, summary: null };
export const aChangeMayBeEmpty: LeadChange = {};
export const aChangeEmptiesWithNull: LeadChange = { summary: null };
// @ts-expect-error a name can't be emptied
export const aNameStays: LeadChange = { name: null };
// @ts-expect-error a create without a phone
export const aPhoneIsNeeded: NewLead = { name: "n", status: "new", source: "web" };
export const servicesAreAUnion: Same<
  ApiKey["service_name"],
  "vapi" | "twilio" | "make" | "hubspot" | "salesforce" | "pipedrive" | "zoho" | "monday"
> = true;

const mako = createMakoClient({ baseUrl: "http://127.0.0.1", getAccessToken: () => "token" });

export async function resultsNarrow(): Promise<Lead | Problem> {
  const { data, error } = await mako.leads.get("1");
  if (error) return error;
  return data;
}

export async function theWholeDocumentIsTyped(): Promise<"month" | Problem | undefined> {
  const { error } = await mako.api.GET("/v1/dashboard/timeseries", { params: { query: { interval: "month" } } });
  // @ts-expect-error not an interval
  await mako.api.GET("/v1/dashboard/timeseries", { params: { query: { interval: "year" } } });
  return error;
}

export async function rowsAreTyped(): Promise<Lead[]> {
  const leads: Lead[] = [];
  for await (const lead of mako.leads.list({ status: "new", limit: 20 })) leads.push(lead);
  return leads;
}

export function eventsNarrow(event: Event): string {
  if (event.type === "lead.updated") return `${event.data.name} ${event.changed?.join()}`;
  if (event.type === "contact.deleted") return event.data.id;
  // @ts-expect-error what data is, is not known here
  return event.data.last_error;
}
