/** Mako's API: typed calls that answer `{ data, error }`, and lists that can be iterated. */
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema.js";
import { resilient, type Transport } from "./transport.js";
import { failed, returned, returnTo, type ConnectOptions } from "./connect.js";
import { Pages, settle, type Result } from "./pages.js";

export type { components, operations, paths } from "./schema.js";
export type { ConnectOptions } from "./connect.js";
export { verifyEvent, type Event, type EventHeaders, type EventType } from "./events.js";
export { MakoError, Pages, type Page, type Result } from "./pages.js";

type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];
export type Me = Schemas["Me"];
export type Lead = Schemas["Lead"];
export type NewLead = Schemas["NewLead"];
export type LeadChange = Schemas["LeadChange"];
export type Contact = Schemas["Contact"];
export type NewContact = Schemas["NewContact"];
export type ContactChange = Schemas["ContactChange"];
export type BrowserContact = Schemas["BrowserContact"];
export type CallLog = Schemas["CallLog"];
export type NewCallLog = Schemas["NewCallLog"];
export type AutomationLog = Schemas["AutomationLog"];
export type NewAutomationLog = Schemas["NewAutomationLog"];
export type ApiKey = Schemas["ApiKey"];
export type Connection = Schemas["Connection"];
export type KeyUse = Schemas["KeyUse"];
export type Service = Schemas["Service"];
export type EventSubscription = Schemas["EventSubscription"];
export type EventDelivery = Schemas["EventDelivery"];

type Query<P extends keyof paths> = paths[P] extends { get: { parameters: { query?: infer Q } } }
  ? NonNullable<Q>
  : never;

export interface MakoOptions extends Transport {
  /** Where Mako is, for example `https://api.example.com`. */
  baseUrl: string;
}

/** Who repeats a create with the same key gets the first one's row; without one a new key is made for each call. */
export interface CreateOptions {
  idempotencyKey?: string;
}

/** The calls that a frontend makes every day; `api` has all operations of the document. */
export class Mako {
  /** Every operation of the document, by method and path: `mako.api.GET("/v1/leads/{id}", …)`. */
  readonly api: Client<paths>;
  readonly #send: (request: Request) => Promise<Response>;
  readonly #baseUrl: string;

  constructor(options: MakoOptions) {
    this.#baseUrl = options.baseUrl.replace(/\/+$/, "");
    this.#send = resilient(options);
    this.api = createClient<paths>({ baseUrl: this.#baseUrl, fetch: this.#send });
  }

  /** Who am I? */
  me = (): Promise<Result<Me>> => settle(this.api.GET("/v1/me"));

  readonly leads = {
    list: (query: Query<"/v1/leads"> = {}) =>
      new Pages<Lead>((cursor) => settle(this.api.GET("/v1/leads", paged(query, cursor)))),
    get: (id: string): Promise<Result<Lead>> => settle(this.api.GET("/v1/leads/{id}", at({ id }))),
    create: (body: NewLead, options?: CreateOptions): Promise<Result<Lead>> =>
      settle(this.api.POST("/v1/leads", { body, ...once(options) })),
    update: (id: string, body: LeadChange): Promise<Result<Lead>> =>
      settle(this.api.PATCH("/v1/leads/{id}", { ...at({ id }), body })),
    delete: (id: string): Promise<Result<undefined>> => settle(this.api.DELETE("/v1/leads/{id}", at({ id }))),
  };

  readonly contacts = {
    list: (query: Query<"/v1/contacts"> = {}) =>
      new Pages<Contact>((cursor) => settle(this.api.GET("/v1/contacts", paged(query, cursor)))),
    get: (id: string): Promise<Result<Contact>> => settle(this.api.GET("/v1/contacts/{id}", at({ id }))),
    create: (body: NewContact, options?: CreateOptions): Promise<Result<Contact>> =>
      settle(this.api.POST("/v1/contacts", { body, ...once(options) })),
    update: (id: string, body: ContactChange): Promise<Result<Contact>> =>
      settle(this.api.PATCH("/v1/contacts/{id}", { ...at({ id }), body })),
    delete: (id: string): Promise<Result<undefined>> =>
      settle(this.api.DELETE("/v1/contacts/{id}", at({ id }))),
    /** Takes over what a browser kept under `crm_contacts`, 5,000 at most; repeating it doubles nobody. */
    import: (contacts: BrowserContact[]): Promise<Result<Schemas["ImportResult"]>> =>
      settle(this.api.POST("/v1/contacts/import", { body: { contacts } })),
  };

  readonly callLogs = {
    list: (query: Query<"/v1/call-logs"> = {}) =>
      new Pages<CallLog>((cursor) => settle(this.api.GET("/v1/call-logs", paged(query, cursor)))),
    get: (id: string): Promise<Result<CallLog>> => settle(this.api.GET("/v1/call-logs/{id}", at({ id }))),
    create: (body: NewCallLog, options?: CreateOptions): Promise<Result<CallLog>> =>
      settle(this.api.POST("/v1/call-logs", { body, ...once(options) })),
  };

  readonly automationLogs = {
    list: (query: Query<"/v1/automation-logs"> = {}) =>
      new Pages<AutomationLog>((cursor) => settle(this.api.GET("/v1/automation-logs", paged(query, cursor)))),
    get: (id: string): Promise<Result<AutomationLog>> =>
      settle(this.api.GET("/v1/automation-logs/{id}", at({ id }))),
    create: (body: NewAutomationLog, options?: CreateOptions): Promise<Result<AutomationLog>> =>
      settle(this.api.POST("/v1/automation-logs", { body, ...once(options) })),
  };

  readonly dashboard = {
    stats: (query: Query<"/v1/dashboard/stats"> = {}): Promise<Result<Schemas["DashboardStats"]>> =>
      settle(this.api.GET("/v1/dashboard/stats", { params: { query } })),
    timeseries: (
      query: Query<"/v1/dashboard/timeseries"> = {},
    ): Promise<Result<Schemas["DashboardTimeseries"]>> =>
      settle(this.api.GET("/v1/dashboard/timeseries", { params: { query } })),
    funnel: (): Promise<Result<Schemas["DashboardFunnel"]>> => settle(this.api.GET("/v1/dashboard/funnel")),
    activity: (query: Query<"/v1/dashboard/activity"> = {}): Promise<Result<Schemas["DashboardActivity"]>> =>
      settle(this.api.GET("/v1/dashboard/activity", { params: { query } })),
  };

  /** Tokens for scripts and automations: `create` shows one once, and it may do what its scopes say. */
  readonly accessTokens = {
    list: (): Promise<Result<Schemas["AccessTokenList"]>> => settle(this.api.GET("/v1/access-tokens")),
    create: (body: Schemas["NewAccessToken"]): Promise<Result<Schemas["CreatedAccessToken"]>> =>
      settle(this.api.POST("/v1/access-tokens", { body })),
    /** It is refused from then on. */
    revoke: (id: string): Promise<Result<undefined>> =>
      settle(this.api.DELETE("/v1/access-tokens/{id}", at({ id }))),
  };

  /** Keys go in and are used by `relay`; none comes out. */
  readonly apiKeys = {
    list: (): Promise<Result<Schemas["ApiKeyList"]>> => settle(this.api.GET("/v1/api-keys")),
    save: (service: Service, api_key: string): Promise<Result<ApiKey>> =>
      settle(this.api.PUT("/v1/api-keys/{service}", { ...at({ service }), body: { api_key } })),
    /** Disconnects the service; with `purge` its sealed key is destroyed as well. */
    delete: (service: Service, options: { purge?: boolean } = {}): Promise<Result<undefined>> =>
      settle(this.api.DELETE("/v1/api-keys/{service}", { params: { path: { service }, query: options } })),
    verify: (service: Service, api_key: string): Promise<Result<Schemas["ApiKeyMatch"]>> =>
      settle(this.api.POST("/v1/api-keys/{service}/verify", { ...at({ service }), body: { api_key } })),
  };

  /** Every service, and whether it is connected: what the page of integrations shows. */
  readonly connections = {
    list: (): Promise<Result<Schemas["ConnectionList"]>> => settle(this.api.GET("/v1/connections")),
    /** Opens the provider's page in a window, and resolves when access was granted there, or wasn't. From a click. */
    connect: (service: Service, options: ConnectOptions = {}): Promise<Result<Connection>> =>
      this.#connect(service, options),
    /** Begins to connect a service: send this browser to `authorize_url`. */
    authorize: (
      service: Service,
      body: Schemas["AuthorizationRequest"],
    ): Promise<Result<Schemas["AuthorizationBegun"]>> =>
      // The browser that comes back is told by a cookie.
      settle(
        this.api.POST("/v1/connections/{service}/authorize", { ...at({ service }), body, credentials: "include" }),
      ),
    /** Finishes an authorisation whose browser came back with `status=pending`, by the `completion` in the page's fragment. */
    complete: (service: Service, body: Schemas["AuthorizationCompletion"]): Promise<Result<undefined>> =>
      settle(this.api.POST("/v1/connections/{service}/complete", { ...at({ service }), body })),
    /** Disconnects the service, revokes what was granted and destroys it, or the key. */
    delete: (service: Service): Promise<Result<undefined>> =>
      settle(this.api.DELETE("/v1/connections/{service}", at({ service }))),
  };

  /** Each time that a key or grant of the caller's was sent to its provider, the newest first. */
  readonly keyUses = {
    list: (query: Query<"/v1/key-uses"> = {}) =>
      new Pages<KeyUse>((cursor) => settle(this.api.GET("/v1/key-uses", paged(query, cursor)))),
  };

  /** Addresses that are told of what happens to the caller's rows; they verify it by `verifyEvent`. */
  readonly eventSubscriptions = {
    list: (): Promise<Result<Schemas["EventSubscriptionList"]>> => settle(this.api.GET("/v1/event-subscriptions")),
    get: (id: string): Promise<Result<EventSubscription>> =>
      settle(this.api.GET("/v1/event-subscriptions/{id}", at({ id }))),
    /** The answer has the secret, this once. */
    create: (
      body: Schemas["NewEventSubscription"],
    ): Promise<Result<Schemas["EventSubscriptionWithSecret"]>> =>
      settle(this.api.POST("/v1/event-subscriptions", { body })),
    update: (id: string, body: Schemas["EventSubscriptionChange"]): Promise<Result<EventSubscription>> =>
      settle(this.api.PATCH("/v1/event-subscriptions/{id}", { ...at({ id }), body })),
    delete: (id: string): Promise<Result<undefined>> =>
      settle(this.api.DELETE("/v1/event-subscriptions/{id}", at({ id }))),
    /** For a day events are signed with the secret before as well. */
    rotateSecret: (id: string): Promise<Result<Schemas["EventSubscriptionWithSecret"]>> =>
      settle(this.api.POST("/v1/event-subscriptions/{id}/rotate-secret", at({ id }))),
    /** Sends a sample of each type that the subscription asks for. */
    test: (id: string): Promise<Result<Schemas["EventTest"]>> =>
      settle(this.api.POST("/v1/event-subscriptions/{id}/test", at({ id }))),
  };

  /** What was sent to the caller's receivers, the newest first, and what became of it. */
  readonly eventDeliveries = {
    list: (query: Query<"/v1/event-deliveries"> = {}) =>
      new Pages<EventDelivery>((cursor) => settle(this.api.GET("/v1/event-deliveries", paged(query, cursor)))),
    get: (id: string): Promise<Result<Schemas["EventDeliveryDetails"]>> =>
      settle(this.api.GET("/v1/event-deliveries/{id}", at({ id }))),
    retry: (id: string): Promise<Result<Schemas["EventDeliveryDetails"]>> =>
      settle(this.api.POST("/v1/event-deliveries/{id}/retry", at({ id }))),
    /** Sends again what a subscription didn't get in a span of time. */
    retryMany: (body: Schemas["EventRetry"]): Promise<Result<Schemas["EventRetried"]>> =>
      settle(this.api.POST("/v1/event-deliveries/retry", { body })),
  };

  async #connect(service: Service, options: ConnectOptions): Promise<Result<Connection>> {
    // At once: after an `await` browsers take it for one that nobody asked for.
    const window = open("", "_blank", "popup,width=600,height=800");
    if (!window) return failed("MK_WINDOW_BLOCKED", "The browser has blocked the window: call this from a click");
    const { server } = options;
    const body = { return_to: returnTo(options), ...(server === undefined ? {} : { server }) };
    const begun = await this.connections.authorize(service, body);
    if (begun.error) {
      window.close();
      return begun;
    }
    window.location.href = begun.data.authorize_url;
    const back = await returned(window, service);
    if (back?.status === "error") {
      return failed("MK_NOT_CONNECTED", `The provider's page ended with ${back.error}`);
    }
    if (back?.completion !== undefined) {
      const { completion } = back;
      const completed = await this.connections.complete(service, { completion });
      if (completed.error) return completed;
    }
    const list = await this.connections.list();
    if (list.error) return list;
    const made = list.data.data.find((connection) => connection.service === service);
    // A window that its provider has cut off looks closed while it goes on.
    if (made && (back || (made.kind === "oauth" && made.status === "connected"))) return { ...list, data: made };
    return failed("MK_WINDOW_CLOSED", "The window was closed before access was granted");
  }

  /**
   * `fetch` for a provider's path with the caller's saved key. The answer is the provider's own if it has the header
   * `x-mako-relay`, else a problem of Mako's. Never rejects.
   */
  relay(service: Service, path: string, init?: RequestInit): Promise<Response> {
    const url = `${this.#baseUrl}/v1/relay/${service}/${path.replace(/^\/+/, "")}`;
    return this.#send(new Request(url, init));
  }
}

/**
 * A client for one Mako.
 *
 * @example
 * const mako = createMakoClient({
 *   baseUrl: "https://api.example.com",
 *   getAccessToken: async () => (await supabase.auth.getSession()).data.session?.access_token,
 * });
 */
export function createMakoClient(options: MakoOptions): Mako {
  return new Mako(options);
}

function at<P>(path: P) {
  return { params: { path } };
}

function paged<Q extends object>(query: Q, cursor: string | undefined) {
  return { params: { query: cursor === undefined ? query : { ...query, cursor } } };
}

function once(options: CreateOptions = {}) {
  const key = options.idempotencyKey ?? crypto.randomUUID();
  return { params: { header: { "Idempotency-Key": key } } };
}
