import { Position } from "./position.js";
import type { components } from "./schema.js";

type Problem = components["schemas"]["Problem"];

export interface Transport {
  /**
   * The user's access token, asked for before each request; with supabase-js
   * `async () => (await supabase.auth.getSession()).data.session?.access_token`. Without it the cookie of
   * `AUTH_COOKIE` is sent.
   */
  getAccessToken?: (() => Promise<string | null | undefined> | string | null | undefined) | undefined;
  /** How often a request is repeated after a 429 or 503; 3 if not given. */
  retries?: number | undefined;
  /** The longest wait before a repetition, in milliseconds, whatever Retry-After says; 10,000 if not given. */
  maxRetryDelay?: number | undefined;
  /** Another `fetch`. */
  fetch?: ((request: Request) => Promise<Response>) | undefined;
}

/** A `fetch` that never rejects: whatever goes wrong is a response with a problem. */
export function resilient(transport: Transport): (request: Request) => Promise<Response> {
  const position = new Position();
  return async (original) => {
    try {
      const request = await authorized(original, transport);
      position.tell(request.headers);
      const response = await persistent(request, transport);
      position.hear(response.headers);
      return await readable(response, original);
    } catch (cause) {
      const code = original.signal.aborted ? "MK_ABORTED" : "MK_UNREACHABLE";
      const message = cause instanceof Error ? cause.message : "The request could not be made";
      return unexpected(code, message).response;
    }
  };
}

async function authorized(request: Request, { getAccessToken }: Transport): Promise<Request> {
  if (!getAccessToken) {
    return new Request(request, { credentials: "include" });
  }
  const token = await getAccessToken();
  const authorized = new Request(request);
  if (token) authorized.headers.set("Authorization", `Bearer ${token}`);
  return authorized;
}

/** Repeats what Mako couldn't do just now, if repeating it can do no harm. */
async function persistent(request: Request, transport: Transport): Promise<Response> {
  const { retries = 3, maxRetryDelay = 10_000, fetch = globalThis.fetch } = transport;
  for (let tries = 0; ; tries += 1) {
    const last = tries >= retries || !repeatable(request);
    const response = await fetch(last ? request : request.clone());
    const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
    const passing = response.status === 429 || response.status === 503;
    if (!passing || last || Number.isNaN(seconds)) {
      return response;
    }
    await response.body?.cancel();
    await delay(Math.min(seconds * 1000, maxRetryDelay), request.signal);
  }
}

/** A 503 can come after a write was committed: a create is only repeated if it carries a key. */
function repeatable(request: Request): boolean {
  const { pathname } = new URL(request.url);
  if (pathname.includes("/v1/relay/")) return request.method === "GET";
  return (
    request.method !== "POST" ||
    request.headers.has("Idempotency-Key") ||
    pathname.endsWith("/v1/contacts/import") ||
    pathname.endsWith("/verify") ||
    pathname.endsWith("/authorize")
  );
}

function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new Error("The request was aborted"));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

/** Reads the body here, where a broken one can become a problem; a provider's streams on. */
async function readable(response: Response, { url }: Request): Promise<Response> {
  if (response.headers.has("x-mako-relay") || response.status === 204) {
    return response;
  }
  const text = await response.text();
  const type = response.headers.get("Content-Type") ?? "";
  const readable = type.includes("json") ? parses(text) : response.ok && !new URL(url).pathname.includes("/v1/");
  if (!readable) {
    const message = `Something other than Mako answered, with status ${response.status}`;
    return unexpected("MK_NOT_MAKO", message, response.ok ? 502 : response.status).response;
  }
  const { status, statusText, headers } = response;
  return new Response(text, { status, statusText, headers });
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** An error that Mako didn't get to say, in Mako's shape. */
export function unexpected(code: string, message: string, status = 503) {
  const problem: Problem = {
    type: "about:blank",
    title: "No answer from Mako",
    status,
    code,
    message,
    details: null,
    hint: null,
    request_id: "",
  };
  const headers = { "Content-Type": "application/problem+json" };
  return { problem, response: new Response(JSON.stringify(problem), { status, headers }) };
}
