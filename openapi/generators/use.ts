// Compiled, never run: what each generator made of the document.
import createClient from "openapi-fetch";
import * as hey from "./out/hey";
import { createLead as orvalCreate } from "./out/orval/leads/leads";
import type { Lead as OrvalLead, Service as OrvalService } from "./out/orval/mako.schemas";
import type { components, paths } from "./out/openapi-typescript";

type Lead = components["schemas"]["Lead"];
type Services = "vapi" | "twilio" | "make" | "hubspot" | "salesforce" | "pipedrive" | "zoho" | "monday";
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Summary = { summary: string | null };

export const nullable: [
  Same<Pick<Lead, "summary">, Summary>,
  Same<Pick<hey.Lead, "summary">, Summary>,
  OrvalLead["summary"] extends string | null ? true : false,
  undefined extends OrvalLead["summary"] ? false : true,
] = [true, true, true, true];
export const unions: [
  Same<components["schemas"]["Service"], Services>,
  Same<hey.Service, Services>,
  Same<OrvalService, Services>,
] = [true, true, true];

const lead = { name: "n", phone: "p", status: "new", source: "web", summary: null };

export async function errorsAreProblems(): Promise<(string | null | undefined)[]> {
  const typed = await createClient<paths>({ baseUrl: "" }).POST("/v1/leads", { body: lead });
  const heys = await hey.createLead({ body: lead });
  const orval = await orvalCreate(lead);
  return [typed.error?.hint, heys.error?.hint, orval.status === 422 ? orval.data.hint : null];
}
