import type { components } from "./schema.js";
import type { Result } from "./pages.js";
import { unexpected } from "./transport.js";

type Connection = components["schemas"]["Connection"];

export interface ConnectOptions {
  /** A page of this origin, where the window ends; this one if not given. */
  returnTo?: string;
  /** Another of the provider's hosts to sign in at, such as `test.salesforce.com`. */
  server?: string;
}

/** What a window tells when it is back: what Mako added to the page's address. */
export interface Returned {
  status: string;
  error: string | null;
  /** What an authorisation that is `pending` is finished by. */
  completion: string | undefined;
}

const LOOK = 250;

/** Where the window ends, without what is of no account there. */
export function returnTo({ returnTo = location.href }: ConnectOptions): string {
  const url = new URL(returnTo, location.href);
  for (const name of ["service", "status", "error"]) url.searchParams.delete(name);
  url.hash = "";
  return url.href;
}

/** Waits for the window to come back to this origin, or to be closed: undefined. */
export async function returned(window: Window, service: string): Promise<Returned | undefined> {
  while (!window.closed) {
    const { search, hash } = own(window) ?? { search: "", hash: "" };
    const added = new URLSearchParams(search);
    const status = added.get("status");
    if (status && added.get("service") === service) {
      window.close();
      return { status, error: added.get("error"), completion: /[#?&]completion=([^&]+)/.exec(hash)?.[1] };
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
  return undefined;
}

/** The address of a window that is on a page of this origin; of any other's nothing can be read. */
function own(window: Window): { search: string; hash: string } | undefined {
  try {
    const { origin, search, hash } = window.location;
    return origin === location.origin ? { search, hash } : undefined;
  } catch {
    return undefined;
  }
}

/** A connection that was not made, in the shape of every other error. */
export function failed(code: string, message: string): Result<Connection> {
  const { problem, response } = unexpected(code, message, 409);
  return { data: undefined, error: { ...problem, title: "Not connected" }, response };
}
