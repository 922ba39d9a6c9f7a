//! Who is asking: the argument of every operation that touches rows; without it no store call type-checks.

use std::sync::Arc;

use identity::{AuthError, Claims, Principal, Rejected, ServiceToken};
use poem::http::{HeaderMap, header};
use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use seal::SecretText;
use store::rows::api_keys::SealedStore;

use super::authorization::Authorization;
use super::problem::Problem;
use super::query::QueryParameters;
use super::user_limits::{Permit, UserLimits};
use crate::jwks::HttpFetch;

/// The verified caller of a request, which is under way until this is dropped.
#[expect(dead_code, reason = "the permit is held, not read")]
pub(crate) struct Caller(pub(crate) Claims, Permit);

/// The user that a back end acts for: it holds the project's service key, and may be told what users may not.
#[expect(dead_code, reason = "the permit is held, not read")]
pub(crate) struct Backend(pub(crate) Claims, Permit);

/// How tokens are taken from requests and checked.
pub(crate) struct AuthGate {
    /// Verifies tokens.
    pub(crate) authenticator: identity::Authenticator<HttpFetch>,
    /// The cookie that may carry the token, if one may.
    pub(crate) cookie: Option<String>,
    /// The origin of `PUBLIC_BASE_URL`: this service's own, as browsers see it.
    pub(crate) own_origin: Option<String>,
    /// `CORS_ALLOWED_ORIGINS`: the operator lets their pages call with credentials, so their word counts as our own's.
    pub(crate) allowed_origins: Vec<String>,
    /// Which query parameters each operation takes.
    pub(crate) query_parameters: QueryParameters,
    /// What a user's token may be used for.
    pub(crate) authorization: Authorization,
    /// Knows the access tokens that users made.
    pub(crate) sealed_store: Arc<SealedStore>,
    /// What one user may ask.
    pub(crate) user_limits: UserLimits,
}

/// What access tokens begin with; JWTs can't.
pub(crate) const ACCESS_TOKEN_PREFIX: &str = "mko_";

impl AuthGate {
    /// The caller: a user by their own token, or by that of a back end acting for them.
    async fn admit(&self, request: &Request) -> Result<(Claims, Permit), Problem> {
        match self.caller(request).await? {
            Principal::User(claims) => {
                let permit = self.user_limits.begin(claims.user_id(), request)?;
                let uri = request.original_uri();
                self.authorization.check(&claims, request.method(), uri)?;
                Ok((claims, permit))
            }
            Principal::Service(service) => self.admit_service(&service, request),
        }
    }

    /// The user that a back end acts for; a user's own token is not enough.
    async fn admit_backend(&self, request: &Request) -> Result<(Claims, Permit), Problem> {
        match self.caller(request).await? {
            Principal::Service(service) => self.admit_service(&service, request),
            Principal::User(_) => Err(
                Problem::forbidden("Only a back end with a service token may do this")
                    .hint("Use a token whose role is service_role, with the header x-mako-user: <user id>"),
            ),
        }
    }

    fn admit_service(&self, service: &ServiceToken, request: &Request) -> Result<(Claims, Permit), Problem> {
        let claims = on_behalf(service, request)?;
        let permit = self.user_limits.begin(claims.user_id(), request)?;
        Ok((claims, permit))
    }

    async fn caller(&self, request: &Request) -> Result<Principal, Problem> {
        let token = self.token(request)?;
        if token.starts_with(ACCESS_TOKEN_PREFIX) {
            let claims = self
                .sealed_store
                .access_token_claims(&SecretText::new(token))
                .await?;
            let claims = claims.ok_or_else(|| Problem::unauthorized(Rejected::AccessToken))?;
            return Ok(Principal::User(claims));
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "the clock at the edge; read for each request, never cached"
        )]
        let now = std::time::SystemTime::now();
        match self.authenticator.authenticate(&token, now).await {
            Ok(caller) => Ok(caller),
            Err(AuthError::Rejected(rejected)) => Err(Problem::unauthorized(rejected)),
            Err(AuthError::KeysUnavailable(_)) => Err(Problem::unavailable(
                "MK503",
                "The keys that verify tokens can't be fetched",
            )),
        }
    }

    /// The bearer token, else the one in the configured cookie.
    fn token(&self, request: &Request) -> Result<String, Problem> {
        if let Some(token) = bearer(request.headers()) {
            return Ok(token.to_owned());
        }
        let anonymous = || Problem::unauthorized(Rejected::Anonymous);
        let name = self.cookie.as_deref().ok_or_else(anonymous)?;
        let cookie = request.cookie().get(name).ok_or_else(anonymous)?;
        // A browser sends the cookie with whatever another site makes it send.
        if !request.method().is_safe() && !self.is_from_own_pages(request) {
            return Err(Problem::forbidden(
                "A request that carries its token in a cookie must come from this origin",
            )
            .hint("Send the token as Authorization: Bearer, or call from an allowed origin"));
        }
        Ok(cookie.value_str().to_owned())
    }

    /// Whether a page sent this that may use the cookie: ours, or one that the operator listed. Browsers tell the
    /// page's origin truly. Without `PUBLIC_BASE_URL` ours is the host that was asked, whatever the scheme: a proxy
    /// may have taken TLS off.
    fn is_from_own_pages(&self, request: &Request) -> bool {
        let origin = request
            .headers()
            .get(header::ORIGIN)
            .and_then(|origin| origin.to_str().ok());
        let Some(origin) = origin else {
            return false;
        };
        let own = match &self.own_origin {
            Some(own) => own == origin,
            None => origin
                .split_once("://")
                .zip(asked_host(request))
                .is_some_and(|((_, authority), host)| authority.eq_ignore_ascii_case(host)),
        };
        own || self.allowed_origins.iter().any(|allowed| allowed == origin)
    }
}

/// Host and port that the client asked: `Host`, or HTTP/2's `:authority`.
fn asked_host(request: &Request) -> Option<&str> {
    let host = request.headers().get(header::HOST);
    host.and_then(|host| host.to_str().ok())
        .or_else(|| Some(request.uri().authority()?.as_str()))
}

/// The user whom the header `x-mako-user` names.
fn on_behalf(service: &ServiceToken, request: &Request) -> Result<Claims, Problem> {
    let user = request
        .headers()
        .get("x-mako-user")
        .and_then(|user| user.to_str().ok());
    let user = user.ok_or_else(|| {
        Problem::forbidden("A service token must say for whom it acts")
            .hint("Send the header x-mako-user: <user id>")
    })?;
    service
        .acting_as(user)
        .map_err(|_| Problem::forbidden("The header x-mako-user holds no user id"))
}

/// The token of `Authorization: Bearer <token>`; another scheme is as good as none, as in PostgREST.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

const SCHEME: &str = "bearer";

/// What the document says of both.
fn register_scheme(registry: &mut Registry) {
    registry.create_security_scheme(
        SCHEME,
        MetaSecurityScheme {
            ty: "http",
            description: Some(
                "The user's access token, as supabase-js has it in its session. An app's (claim `client_id`) is refused \
                 at keys, relay, webhook endpoints and number claims (403 `MK_THIRD_PARTY`) unless the operator trusts \
                 the app; one with scopes such as `leads:read` or `relay:hubspot` does only what they say (403 `MK_SCOPE`).",
            ),
            name: None,
            key_in: None,
            scheme: Some("bearer"),
            bearer_format: Some("JWT"),
            flows: None,
            openid_connect_url: None,
        },
    );
}

fn auth_gate(request: &Request) -> Result<&Arc<AuthGate>, Problem> {
    request
        .extensions()
        .get::<Arc<AuthGate>>()
        .ok_or_else(Problem::internal)
}

/// Both are the first argument of their operations, so that a broken body without a token is a 401.
macro_rules! extractor {
    ($who:ty, $admit:ident) => {
        impl<'a> ApiExtractor<'a> for $who {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                register_scheme(registry);
            }

            fn security_schemes() -> Vec<&'static str> {
                vec![SCHEME]
            }

            async fn from_request(
                request: &'a Request,
                _: &mut RequestBody,
                _: ExtractParamOptions<Self::ParamType>,
            ) -> Result<Self> {
                let auth_gate = auth_gate(request)?;
                let (claims, permit) = auth_gate.$admit(request).await?;
                // Only now: strangers are told that they are strangers.
                auth_gate
                    .query_parameters
                    .check(request.method(), request.original_uri())?;
                Ok(Self(claims, permit))
            }
        }
    };
}

extractor!(Caller, admit);
extractor!(Backend, admit_backend);
