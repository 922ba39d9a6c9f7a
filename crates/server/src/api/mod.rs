//! The API, one file for each resource: each turns a request into a call of `store` and rows into JSON.

pub(crate) mod access_tokens;
pub(crate) mod api_keys;
pub(crate) mod automation_logs;
mod browser_contacts;
pub(crate) mod call_logs;
pub(crate) mod connections;
pub(crate) mod contacts;
pub(crate) mod dashboard;
pub(crate) mod leads;
pub(crate) mod me;
pub(crate) mod paging;
pub(crate) mod phone_numbers;
pub(crate) mod relay;
mod resource;
pub(crate) mod webhook_endpoints;
pub(crate) mod webhook_events;
mod webhook_test;

use poem_openapi::Tags;

/// The groups of the document.
#[derive(Tags)]
pub(crate) enum Tag {
    /// The caller.
    #[oai(rename = "me")]
    Me,
    /// People who may become customers.
    #[oai(rename = "leads")]
    Leads,
    /// The address book.
    #[oai(rename = "contacts")]
    Contacts,
    /// Calls that were handled.
    #[oai(rename = "call-logs")]
    CallLogs,
    /// What automations did.
    #[oai(rename = "automation-logs")]
    AutomationLogs,
    /// Numbers for the dashboard.
    #[oai(rename = "dashboard")]
    Dashboard,
    /// Tokens of the caller's own, which may do less than a session.
    #[oai(rename = "access-tokens")]
    AccessTokens,
    /// Keys for other services: saved, used, never shown.
    #[oai(rename = "api-keys")]
    ApiKeys,
    /// Which services are connected, and whether that works.
    #[oai(rename = "connections")]
    Connections,
    /// Other services, called with the caller's sealed key.
    #[oai(rename = "relay")]
    Relay,
    /// Numbers that webhooks come in on.
    #[oai(rename = "phone-numbers")]
    PhoneNumbers,
    /// Addresses to enter at providers.
    #[oai(rename = "webhook-endpoints")]
    WebhookEndpoints,
    /// What providers delivered.
    #[oai(rename = "webhook-events")]
    WebhookEvents,
    /// The service itself.
    #[oai(rename = "operations")]
    Operations,
}
