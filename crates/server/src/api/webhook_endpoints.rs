//! `/v1/webhook-endpoints`: the addresses that the caller enters at their providers, and how deliveries prove themselves.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use poem_openapi::param::Path;
use poem_openapi::{Enum, Object, OpenApi};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Serialize;
use serde_json::Value;
use store::rows::webhook_endpoints::{self, Contents, Endpoint, key_hash};
use store::rows::{phone_numbers, webhook_events};
use tokio::time::Instant;
use webhooks::{Auth, PhoneNumber, Secret, Source, Zone};

use super::Tag;
use super::webhook_test::{TestStep, WebhookTest, WebhookTestRun};
use crate::http::answer::{JsonResponse, NoContent};
use crate::http::body::JsonBody;
use crate::http::caller::Caller;
use crate::http::fields::{Field, body};
use crate::http::problem::Problem;
use crate::http::schema::Nullable;
use crate::http::values::{ApiKeyText, JsonObject, Time, TimeZone};
use crate::receiver::{EventProgress, IncomingDelivery, ReceiveError, Receiver};

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct WebhookEndpoints(pub(crate) Arc<Receiver>);

macro_rules! source_names {
    ($($(#[$about:meta])+ $Source:ident = $name:literal,)+) => {
        /// A provider that sends webhooks.
        #[derive(Clone, Copy, Debug, Enum, Eq, PartialEq, Serialize)]
        #[oai(rename_all = "lowercase")]
        #[serde(rename_all = "lowercase")]
        pub(crate) enum SourceName {
            $($(#[$about])+ $Source,)+
        }

        impl SourceName {
            fn source(self) -> Source {
                match self {
                    $(Self::$Source => Source::$Source,)+
                }
            }
        }

        impl From<Source> for SourceName {
            fn from(source: Source) -> Self {
                match source {
                    $(Source::$Source => Self::$Source,)+
                }
            }
        }
    };
}

webhooks::for_each_source!(source_names);

impl SourceName {
    pub(crate) fn name(self) -> &'static str {
        self.source().as_str()
    }
}

impl Field for SourceName {
    fn from_value(value: Value) -> Result<Self, String> {
        let source = value.as_str().and_then(|name| name.parse::<Source>().ok());
        source.map(Self::from).ok_or_else(|| {
            let names = Source::ALL.map(Source::as_str);
            format!("must be one of {}", names.join(", "))
        })
    }
}

/// Where a provider is to send the caller's webhooks.
#[derive(Object, Serialize)]
struct WebhookEndpoint {
    source: SourceName,
    /// The address to enter at the provider. Whoever knows one of the caller's own can at most be refused there.
    url: String,
    /// Whether it is the caller's own. If not, it is everybody's, and events are routed by verified numbers.
    own: bool,
    /// How deliveries prove themselves; without secrets.
    auth: JsonObject,
    /// Which zone dates without one are in: a name of the IANA database.
    timezone: String,
    /// When the last event of this source came.
    last_event_at: Nullable<Time>,
    /// A secret that was made now, to be entered at the provider: shown this once.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// An address for each source.
#[derive(Object, Serialize)]
struct WebhookEndpointList {
    data: Vec<WebhookEndpoint>,
}

/// What to change about an endpoint.
#[derive(Object)]
#[oai(rename = "WebhookEndpointInput")]
struct EndpointInput {
    /// The secret that the provider proves itself with, or several, comma-separated, while it is being exchanged. For
    /// Twilio it is the account's auth token, and needed; for the others one is made if there is none.
    #[oai(nullable)]
    secret: Option<ApiKeyText>,
    /// How deliveries prove themselves, for example `{"type":"hmac","signature_header":"x-signature"}`; `{}` is the
    /// provider's usual way.
    #[oai(nullable)]
    auth: Option<JsonObject>,
    /// Which zone dates without one are in, by its name in the IANA database, such as `America/Mexico_City`; UTC at
    /// first. Of make only: the others' dates have their zone.
    #[oai(nullable)]
    timezone: Option<TimeZone>,
}

body!(EndpointInput { optional: secret, auth, timezone; });

#[OpenApi(prefix_path = "/v1", tag = "Tag::WebhookEndpoints")]
impl WebhookEndpoints {
    /// List the address of each source.
    #[oai(
        path = "/webhook-endpoints",
        method = "get",
        operation_id = "listWebhookEndpoints"
    )]
    async fn list(&self, caller: Caller) -> Result<JsonResponse<WebhookEndpointList>, Problem> {
        let own = self.0.sealed_store.endpoints(&caller.0).await?;
        let sources = Source::ALL.map(Source::as_str);
        let latest = webhook_events::latest(&self.0.store, &caller.0, &sources).await?;
        let at = |source: Source| {
            let last = latest
                .iter()
                .find(|(name, _)| name == source.as_str())
                .map(|(_, at)| *at);
            let own = own.iter().find(|endpoint| endpoint.source == source.as_str());
            self.shown(source, own, last, None)
        };
        Ok(JsonResponse(WebhookEndpointList {
            data: Source::ALL.into_iter().map(at).collect(),
        }))
    }

    /// Make an address of the caller's own for a source, or change how it is proved; the address stays.
    #[oai(
        path = "/webhook-endpoints/:source",
        method = "put",
        operation_id = "saveWebhookEndpoint"
    )]
    async fn save(
        &self,
        caller: Caller,
        source: Path<SourceName>,
        body: JsonBody<EndpointInput>,
    ) -> Result<JsonResponse<WebhookEndpoint>, Problem> {
        let (source, JsonBody(input)) = (source.0.source(), body);
        if input.timezone.is_some() && !source.may_lack_zone() {
            return Err(Problem::invalid(
                "timezone: is for make only; what the others send has its zone",
            ));
        }
        let timezone = input.timezone.as_ref().map(|timezone| timezone.0.name());
        // Another request may change the endpoint between reading and writing; then this one starts from what is there now.
        for _ in 0..ATTEMPTS {
            let before = self.own(&caller, source).await?;
            let planned = Planned::of(source, &input, before.as_ref())?;
            let (contents, auth) = (&planned.contents, planned.auth.to_json());
            let saved = self
                .0
                .sealed_store
                .save_endpoint(
                    &caller.0,
                    source.as_str(),
                    before.as_ref(),
                    contents,
                    &auth,
                    timezone,
                )
                .await?;
            if let Some(saved) = saved {
                self.0.addresses.add(key_hash(&contents.key));
                return Ok(JsonResponse(self.shown(source, Some(&saved), None, planned.made)));
            }
        }
        Err(Problem::conflict(
            "The endpoint is being changed by other requests",
        ))
    }

    /// Remove the caller's own address for a source; what is sent there from then on is refused.
    #[oai(
        path = "/webhook-endpoints/:source",
        method = "delete",
        operation_id = "deleteWebhookEndpoint"
    )]
    async fn delete(&self, caller: Caller, source: Path<SourceName>) -> Result<NoContent, Problem> {
        if webhook_endpoints::remove(&self.0.store, &caller.0, source.0.name()).await? {
            Ok(NoContent)
        } else {
            Err(Problem::not_found())
        }
    }

    /// Send a signed sample through the real path, and report each step. It leaves an event, and no lead or call.
    #[oai(
        path = "/webhook-endpoints/:source/test",
        method = "post",
        operation_id = "testWebhookEndpoint"
    )]
    async fn test(
        &self,
        caller: Caller,
        source: Path<SourceName>,
    ) -> Result<JsonResponse<WebhookTest>, Problem> {
        let source = source.0.source();
        let mut test = WebhookTestRun::default();
        let Some(incoming) = self.sample(&caller, source, &mut test).await? else {
            return Ok(JsonResponse(test.report(None)));
        };
        let until = Instant::now() + self.0.request_timeout;
        match self.0.take(incoming, until).await {
            Ok(receipt) => {
                test.passed(TestStep::Verify, "the signature or key is right");
                let Some(EventProgress { known, processed }) = receipt.events.into_iter().next() else {
                    return Ok(JsonResponse(test.report(None)));
                };
                test.passed(TestStep::Record, "the event is recorded");
                if known.user_id.as_deref() == Some(caller.0.user_id()) {
                    test.passed(TestStep::Route, "it is yours");
                    test.processed(&processed);
                } else {
                    test.failed(
                        TestStep::Route,
                        "the number is not verified for you, so nothing that comes in on it is",
                    );
                    return Ok(JsonResponse(test.report(None)));
                }
                Ok(JsonResponse(test.report(Some(known.id))))
            }
            Err(ReceiveError::Down(error, _) | ReceiveError::Database(error)) => Err(error.into()),
            Err(other) => {
                test.failed(TestStep::Verify, &other.to_string());
                Ok(JsonResponse(test.report(None)))
            }
        }
    }
}

/// How often an endpoint is changed from what others have made of it meanwhile: each time one of them has succeeded.
const ATTEMPTS: usize = 10;

/// An endpoint as it is to be.
struct Planned {
    auth: Auth,
    contents: Contents,
    /// A secret that was made for it.
    made: Option<String>,
}

impl Planned {
    /// What was asked for, and of what is there the rest.
    fn of(source: Source, input: &EndpointInput, before: Option<&Endpoint>) -> Result<Self, Problem> {
        let auth = match (&input.auth, before) {
            (Some(auth), _) => Auth::from_json(source, &auth.0),
            (None, Some(before)) => Auth::from_json(source, &before.auth),
            (None, None) => Ok(Auth::default_of(source)),
        };
        let auth = auth.map_err(|error| Problem::invalid(format!("auth: {error}")))?;
        let before = before.and_then(|endpoint| endpoint.contents.as_ref());
        let mut made = None;
        let secrets = match (&input.secret, before) {
            (Some(secret), _) => secret.expose().to_owned(),
            (None, Some(before)) => before.secrets.clone(),
            (None, None) => {
                let secret = auth
                    .new_secret(&random()?)
                    .ok_or_else(|| Problem::invalid("secret: is required, the account's auth token"))?;
                made.insert(secret).clone()
            }
        };
        let fits = Secret::list(&secrets)
            .and_then(|list| list.iter().try_for_each(|secret| auth.check_secret(secret)));
        fits.map_err(|error| Problem::invalid(format!("secret: {error}")))?;
        let key = match before {
            Some(before) => before.key.clone(),
            None => URL_SAFE_NO_PAD.encode(random()?),
        };
        Ok(Self {
            auth,
            contents: Contents { key, secrets },
            made,
        })
    }
}

impl WebhookEndpoints {
    async fn own(&self, caller: &Caller, source: Source) -> Result<Option<Endpoint>, Problem> {
        let own = self.0.sealed_store.endpoints(&caller.0).await?;
        Ok(own
            .into_iter()
            .find(|endpoint| endpoint.source == source.as_str()))
    }

    fn shown(
        &self,
        source: Source,
        own: Option<&Endpoint>,
        last_event_at: Option<DateTime<Utc>>,
        secret: Option<String>,
    ) -> WebhookEndpoint {
        let auth = own.map_or_else(|| Auth::default_of(source).to_json(), |own| own.auth.clone());
        WebhookEndpoint {
            source: source.into(),
            url: self.url(source, own),
            own: own.is_some(),
            auth: JsonObject(auth),
            timezone: own.map_or_else(|| Zone::default().name().to_owned(), |own| own.timezone.clone()),
            last_event_at: last_event_at.map(Time).into(),
            secret,
        }
    }

    /// The public address.
    fn url(&self, source: Source, own: Option<&Endpoint>) -> String {
        let base = format!("{}/webhooks/{source}", self.0.base_url);
        match own.and_then(|own| own.contents.as_ref()) {
            Some(contents) => format!("{base}/{}", contents.key),
            None => base,
        }
    }

    /// What signs a sample: the first secret of the caller's own address, or else of the platform's.
    fn signing_secret(&self, own: Option<&Endpoint>, source: Source) -> Option<Secret> {
        match own {
            Some(own) => {
                let contents = own.contents.as_ref()?;
                Secret::list(&contents.secrets).ok()?.into_iter().next()
            }
            None => self.0.platform.get(&source)?.first().cloned(),
        }
    }

    /// A signed delivery for the caller's number, as the provider would send it to the caller's address.
    async fn sample(
        &self,
        caller: &Caller,
        source: Source,
        test: &mut WebhookTestRun,
    ) -> Result<Option<IncomingDelivery>, Problem> {
        let own = self.own(caller, source).await?;
        let url = self.url(source, own.as_ref());
        // Never a merely claimed one: on the platform's address the sample would go to whom it is verified for.
        let number = phone_numbers::verified(&self.0.store, &caller.0).await?;
        let Some(secret) = self.signing_secret(own.as_ref(), source) else {
            test.failed(
                TestStep::Sign,
                "there is no secret for this source: make an address of your own (PUT /v1/webhook-endpoints/{source})",
            );
            return Ok(None);
        };
        // An address of one's own needs no number: any will do.
        let number = number
            .as_deref()
            .or(own.as_ref().map(|_| "+15005550001"))
            .and_then(PhoneNumber::parse);
        let Some(number) = number else {
            test.failed(
                TestStep::Route,
                "none of your numbers is verified, so nothing that comes in here is yours: verify one, or make an address of your own",
            );
            return Ok(None);
        };
        let auth = own
            .as_ref()
            .and_then(|own| Auth::from_json(source, &own.auth).ok())
            .unwrap_or_else(|| Auth::default_of(source));
        #[expect(clippy::disallowed_methods, reason = "the clock at the edge")]
        let now = Utc::now();
        let id = format!("mako-test-{}", uuid::Uuid::new_v4().simple());
        let signed = webhooks::sample(source, &url, &number, &id, &auth, &secret, now);
        let Ok(delivery) = signed.inspect_err(|error| test.failed(TestStep::Sign, &error.to_string())) else {
            return Ok(None);
        };
        test.passed(
            TestStep::Sign,
            &format!("a sample is signed for {}", shown_url(&url)),
        );
        Ok(Some(IncomingDelivery {
            delivery,
            endpoint_key: own.and_then(|own| own.contents.map(|contents| contents.key.clone())),
            at: now,
        }))
    }
}

/// The address without the key in it.
fn shown_url(url: &str) -> String {
    let parts: Vec<&str> = url.split('/').collect();
    parts[..parts.len().min(5)].join("/")
}

/// 32 random bytes: for keys in addresses, secrets and tokens.
pub(super) fn random() -> Result<[u8; 32], Problem> {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Problem::internal())?;
    Ok(bytes)
}
