//! Names the groups of operations, each once: a tag of the document, the first word of its paths, and what scopes are
//! named after.

use poem_openapi::Tags;

macro_rules! groups {
    ($($(#[$about:meta])+ $Tag:ident = $name:tt;)+) => {
        /// The groups of the document.
        #[derive(Tags)]
        pub(crate) enum Tag {
            $($(#[$about])+ #[oai(rename = $name)] $Tag,)+
            /// The service itself.
            #[oai(rename = "operations")]
            Operations,
        }

        /// The groups that a token is let into, or not: all but the service's own.
        pub(crate) const GROUPS: [&str; [$($name),+].len()] = [$($name),+];
    };
}

groups! {
    /// The caller.
    Me = "me";
    /// People who may become customers.
    Leads = "leads";
    /// The address book.
    Contacts = "contacts";
    /// Calls that were handled.
    CallLogs = "call-logs";
    /// What automations did.
    AutomationLogs = "automation-logs";
    /// Numbers for the dashboard.
    Dashboard = "dashboard";
    /// Tokens of the caller's own, which may do less than a session.
    AccessTokens = "access-tokens";
    /// Keys for other services: saved, used, never shown.
    ApiKeys = "api-keys";
    /// Who has used which key, and for what.
    KeyUses = "key-uses";
    /// Which services are connected, and whether that works.
    Connections = "connections";
    /// Other services, called with the caller's sealed key.
    Relay = "relay";
    /// Numbers that webhooks come in on.
    PhoneNumbers = "phone-numbers";
    /// Addresses to enter at providers.
    WebhookEndpoints = "webhook-endpoints";
    /// What providers delivered.
    WebhookEvents = "webhook-events";
    /// Who is told of what happens to the caller's rows.
    EventSubscriptions = "event-subscriptions";
    /// What they are told, and whether they have it.
    EventDeliveries = "event-deliveries";
}
