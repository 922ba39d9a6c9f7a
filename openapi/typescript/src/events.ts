/** What a receiver of events does first: is it really from Mako, and what does it say? */
import { Webhook } from "standardwebhooks";
import type { components } from "./schema.js";

type Schemas = components["schemas"];
/** What receivers are told; `type` says which, and so what `data` is. */
export type Event = Schemas["Event"];
export type EventType = Schemas["EventType"];

/** Headers as a request has them: `Headers`, or Node's object of names in lower case. */
export type EventHeaders = Headers | Record<string, string | string[] | undefined>;

/**
 * The event of a request, if the secret of the subscription signed it within five minutes of now; throws if not. `body` is
 * what came, before anything parsed it.
 */
export function verifyEvent(body: string | Uint8Array, headers: EventHeaders, secret: string): Event {
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  return new Webhook(secret).verify(text, signed(headers)) as Event;
}

function signed(headers: EventHeaders): Record<string, string> {
  const names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
  const value = (name: string) => (headers instanceof Headers ? headers.get(name) : headers[name]);
  return Object.fromEntries(names.map((name) => [name, String(value(name) ?? "")]));
}
