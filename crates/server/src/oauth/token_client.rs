//! Asks a provider's token address: codes and refresh tokens for access tokens, and takes grants back.
//!
//! The providers that tenants connect stray from RFC 6749 in what matters (errors with status 200, no `token_type`, scopes
//! as lists, addresses beside the token), so the answer is read here and not by a library for those that don't.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::Claims;
use reqwest::{Method, StatusCode, Url, header};
use serde_json::Value;
use store::rows::oauth::{Grant, GrantTerms};
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::key_uses::KeyUses;
use crate::relay::{AuthorizationServer, ClientAuthentication, Reach, Service, http_client};

/// The operator's app at a provider: `OAUTH_<SERVICE>_…`.
#[derive(Clone)]
pub(crate) struct OAuthClient {
    pub(crate) id: String,
    pub(crate) secret: Zeroizing<String>,
    /// In place of the table's.
    pub(crate) scopes: Option<Vec<String>>,
    /// In place of the table's hosts, for tests and proxies.
    pub(crate) base: Option<Url>,
}

/// For a whole answer: less than a lease lasts.
const WHOLE: Duration = Duration::from_secs(10);
/// Bytes of an answer; one holds a few tokens.
const LARGEST: usize = 64 * 1024;
/// Ten years: longer than any token lives, and no overflow for Postgres.
const LONGEST: i64 = 315_360_000;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// The grant is over: only a new authorisation helps.
    #[error("the provider has ended the authorisation ({0})")]
    Ended(String),
    /// The provider refuses for another reason, such as the client's secret.
    #[error("the provider refuses ({0})")]
    Refused(String),
    /// The provider can't be reached, is busy, or answers what can't be read.
    #[error("the provider gives no answer that can be used")]
    Unavailable,
    /// The answer names an address that isn't the provider's.
    #[error("the provider names an address that isn't one of its own")]
    Address,
}

/// What is asked for at a token address.
pub(super) struct TokenRequest<'a> {
    /// Whose grant it is.
    pub(super) claims: &'a Claims,
    pub(super) service: Service,
    pub(super) provider: &'static AuthorizationServer,
    pub(super) client: &'a OAuthClient,
    pub(super) url: Url,
    pub(super) form: &'a [(&'a str, &'a str)],
}

/// What a provider granted, and its terms.
pub(super) struct Granted {
    pub(super) grant: Grant,
    pub(super) terms: GrantTerms,
}

/// Calls authorization servers.
pub(super) struct TokenClient {
    client: reqwest::Client,
    /// For addresses that the operator chose, wherever they are.
    operators: reqwest::Client,
    key_uses: KeyUses,
}

impl TokenClient {
    pub(super) fn new(key_uses: KeyUses) -> Result<Self, reqwest::Error> {
        Ok(Self {
            client: http_client(Reach::Public, WHOLE)?,
            operators: http_client(Reach::Anywhere, WHOLE)?,
            key_uses,
        })
    }

    /// Asks for tokens.
    #[tracing::instrument(name = "token", skip_all, fields(name = ask.service.name()))]
    pub(super) async fn granted(&self, ask: TokenRequest<'_>) -> Result<Granted, TokenError> {
        let (status, answer) = self.post(&ask).await?;
        let answer: Value = serde_json::from_slice(&answer).map_err(|_| TokenError::Unavailable)?;
        if let Some(error) = error(&answer, ask.provider) {
            return Err(error);
        }
        if !status.is_success() {
            return Err(TokenError::Refused(status.as_u16().to_string()));
        }
        granted(&answer, ask.service, ask.provider)
    }

    /// Takes a grant back; false if the provider didn't say that it has.
    pub(super) async fn revoke(&self, ask: TokenRequest<'_>) -> bool {
        let answer = self.post(&ask).await;
        answer.is_ok_and(|(status, _)| status.is_success())
    }

    async fn post(&self, ask: &TokenRequest<'_>) -> Result<(StatusCode, Zeroizing<Vec<u8>>), TokenError> {
        let form = Self::form(ask);
        let TokenRequest {
            claims, service, url, ..
        } = ask;
        // Its path is the table's, and holds nothing of the tenant's.
        let mut used = self
            .key_uses
            .begin(claims, *service, &Method::POST, url, |_| false);
        used.sent().store(form.len() as u64, Ordering::Relaxed);
        let answer = self.request(ask, form).send().await;
        let mut answer = answer.map_err(|_| TokenError::Unavailable)?;
        let status = answer.status();
        used.answered(status);
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(TokenError::Unavailable);
        }
        let mut body = Zeroizing::new(Vec::new());
        while let Some(piece) = answer.chunk().await.map_err(|_| TokenError::Unavailable)? {
            used.received(piece.len());
            body.extend_from_slice(&piece);
            if body.len() > LARGEST {
                return Err(TokenError::Unavailable);
            }
        }
        Ok((status, body))
    }

    /// What is asked, and by which app unless a header says so.
    fn form(ask: &TokenRequest<'_>) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(ask.form);
        if matches!(ask.provider.client, ClientAuthentication::Body) {
            form.append_pair("client_id", &ask.client.id)
                .append_pair("client_secret", &ask.client.secret);
        }
        form.finish()
    }

    fn request(&self, ask: &TokenRequest<'_>, form: String) -> reqwest::RequestBuilder {
        let client = match ask.client.base {
            Some(_) => &self.operators,
            None => &self.client,
        };
        let request = client
            .post(ask.url.clone())
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        match ask.provider.client {
            ClientAuthentication::Body => request,
            ClientAuthentication::Basic => {
                // RFC 6749 §2.3.1: each is encoded as in a form, first.
                let encoded =
                    |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                request.basic_auth(encoded(&ask.client.id), Some(encoded(&ask.client.secret)))
            }
        }
    }
}

/// The error that an answer is, whatever its status: Zoho's have 200, older ones of HubSpot's a `status`.
fn error(answer: &Value, provider: &AuthorizationServer) -> Option<TokenError> {
    let codes = [answer.get("error"), answer.get("status")];
    let mut codes = codes.into_iter().flatten().filter_map(Value::as_str).map(plain);
    if let Some(code) = codes.clone().find(|code| provider.ends_grants(code)) {
        return Some(TokenError::Ended(code));
    }
    let has_error = answer.get("error").is_some_and(|error| !error.is_null());
    has_error.then(|| TokenError::Refused(codes.next().unwrap_or_else(|| "unknown".to_owned())))
}

/// An error code as it may be shown: what isn't one may hold anything.
pub(super) fn plain(code: &str) -> String {
    let code = code.to_ascii_lowercase();
    let is_code = (1..=40).contains(&code.len())
        && code
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if is_code { code } else { "unknown".to_owned() }
}

fn granted(answer: &Value, service: Service, provider: &AuthorizationServer) -> Result<Granted, TokenError> {
    let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    let access_token = text("access_token").filter(|token| !token.is_empty());
    let api_address = provider.api_address.as_deref().and_then(text);
    if let Some(address) = &api_address
        && !service.is_account_address(address)
    {
        return Err(TokenError::Address);
    }
    let access_token = access_token.ok_or(TokenError::Unavailable)?;
    let told = answer.get("expires_in").and_then(seconds);
    let expires_in = told.or_else(|| provider.jwt_expiry.then(|| jwt_seconds(&access_token))?);
    let account = match &provider.account {
        Some(name) => answer.get(name).and_then(word),
        None => api_address.as_deref().map(|address| {
            address
                .trim_start_matches("https://")
                .trim_end_matches('/')
                .to_owned()
        }),
    };
    Ok(Granted {
        grant: Grant {
            access_token: Zeroizing::new(access_token),
            refresh_token: text("refresh_token")
                .filter(|token| !token.is_empty())
                .map(Zeroizing::new),
            api_address: api_address.map(|address| address.trim_end_matches('/').to_owned()),
            server: None,
        },
        terms: GrantTerms {
            expires_in,
            scopes: answer
                .get("scope")
                .or_else(|| answer.get("scopes"))
                .and_then(words),
            account: account.filter(|account| account.chars().count() <= 200),
        },
    })
}

/// A text or a number, as text.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A number, also one that is written as a text.
fn seconds(value: &Value) -> Option<i64> {
    let seconds = word(value)?
        .parse::<f64>()
        .ok()
        .filter(|seconds| *seconds >= 0.0)?;
    #[expect(clippy::cast_possible_truncation, reason = "`as` takes the nearest there is")]
    Some((seconds as i64).min(LONGEST))
}

/// How long a token lasts that is a JWT. It is the provider's to verify; who else made it could as well have told the time.
fn jwt_seconds(token: &str) -> Option<i64> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&Zeroizing::new(payload)).ok()?;
    #[expect(clippy::disallowed_methods, reason = "the token's end is a time of day")]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let left = claims.get("exp")?.as_i64()? - i64::try_from(now.as_secs()).ok()?;
    Some(left.clamp(0, LONGEST))
}

/// Scopes in a text, between spaces or commas, or in a list.
fn words(value: &Value) -> Option<Vec<String>> {
    let words: Vec<_> = match value {
        Value::String(text) => text
            .split([' ', ','])
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect(),
        Value::Array(words) => words
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => return None,
    };
    let is_sound = |word: &String| word.len() <= 200 && !word.chars().any(char::is_control);
    (words.len() <= 200 && words.iter().all(is_sound)).then_some(words)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(name: &str, answer: &Value) -> Result<Granted, TokenError> {
        let service = Service::named(name).expect("built in");
        let provider = service.authorization_server().expect("it has one");
        match error(answer, provider) {
            Some(error) => Err(error),
            None => granted(answer, service, provider),
        }
    }

    #[test]
    fn each_providers_answer_is_read_as_it_comes() {
        let salesforce = json!({"access_token": "00D!x", "refresh_token": "r", "scope": "api refresh_token",
            "instance_url": "https://acme.my.salesforce.com", "issued_at": "1708058728442"});
        let read_ = read("salesforce", &salesforce).expect("a grant");
        assert_eq!(
            read_.grant.api_address.as_deref(),
            Some("https://acme.my.salesforce.com")
        );
        assert_eq!(read_.terms.account.as_deref(), Some("acme.my.salesforce.com"));
        assert_eq!(read_.terms.expires_in, None);
        let pipedrive = json!({"access_token": "a", "expires_in": 3600, "scope": "deals:read,base",
            "api_domain": "https://acme.pipedrive.com"});
        let read_ = read("pipedrive", &pipedrive).expect("a grant");
        assert_eq!(
            read_.terms.scopes,
            Some(vec!["deals:read".to_owned(), "base".to_owned()])
        );
        assert_eq!(read_.terms.expires_in, Some(3600));
        let hubspot = json!({"access_token": "a", "expires_in": 1800, "hub_id": 62_515, "scopes": ["oauth"]});
        let read_ = read("hubspot", &hubspot).expect("a grant");
        assert_eq!(read_.terms.account.as_deref(), Some("62515"));
        let zoho =
            json!({"access_token": "a", "expires_in": "3600", "api_domain": "https://www.zohoapis.eu"});
        let read_ = read("zoho", &zoho).expect("a grant");
        assert_eq!(
            read_.grant.api_address.as_deref(),
            Some("https://www.zohoapis.eu")
        );
        assert_eq!(read_.terms.expires_in, Some(3600));
    }

    #[test]
    fn a_token_that_is_a_jwt_says_how_long_it_lasts_where_its_provider_says_so() {
        #[expect(clippy::disallowed_methods, reason = "the token's end is a time of day")]
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .expect("after 1970")
            .as_secs();
        let jwt = |exp: &Value| {
            let payload = URL_SAFE_NO_PAD.encode(json!({"uid": 1, "exp": exp}).to_string());
            format!("eyJhbGciOiJIUzI1NiJ9.{payload}.c2ln")
        };
        let lasts = |name: &str, answer: &Value| read(name, answer).expect("a grant").terms.expires_in;
        let monday = json!({"access_token": jwt(&json!(now + 3600)), "refresh_token": "r"});
        assert!(lasts("monday", &monday).is_some_and(|left| (3590..=3600).contains(&left)));
        assert_eq!(lasts("hubspot", &monday), None);
        let told = json!({"access_token": jwt(&json!(now + 3600)), "expires_in": 60});
        assert_eq!(lasts("monday", &told), Some(60));
        let over = json!({"access_token": jwt(&json!(now - 1))});
        assert_eq!(lasts("monday", &over), Some(0));
        for token in ["opaque".to_owned(), "a.b.c".to_owned(), jwt(&json!("soon"))] {
            assert_eq!(lasts("monday", &json!({"access_token": token})), None);
        }
    }

    #[test]
    fn an_error_is_one_whatever_its_status_and_never_quoted() {
        for (name, answer, ended, text) in [
            ("zoho", json!({"error": "invalid_code"}), true, "(invalid_code)"),
            (
                "zoho",
                json!({"error": "Access Denied", "status": "failure"}),
                false,
                "(unknown)",
            ),
            (
                "hubspot",
                json!({"status": "BAD_REFRESH_TOKEN", "message": "sk-secret"}),
                true,
                "(bad_refresh_token)",
            ),
            (
                "pipedrive",
                json!({"error": "invalid_grant"}),
                true,
                "(invalid_grant)",
            ),
            (
                "pipedrive",
                json!({"error": "invalid_client"}),
                false,
                "(invalid_client)",
            ),
            ("pipedrive", json!({"error": {"code": 1}}), false, "(unknown)"),
        ] {
            let error = read(name, &answer).err().expect("an error");
            assert_eq!(matches!(error, TokenError::Ended(_)), ended, "{answer}");
            assert!(error.to_string().contains(text), "{answer}: {error}");
        }
    }

    #[test]
    fn an_answer_that_names_somebody_elses_address_is_refused() {
        for address in [
            "https://evil.example",
            "http://acme.my.salesforce.com",
            "https://acme.my.salesforce.com.evil.example",
        ] {
            let answer = json!({"access_token": "a", "instance_url": address});
            assert!(
                matches!(read("salesforce", &answer), Err(TokenError::Address)),
                "{address}"
            );
        }
        assert!(matches!(
            read("hubspot", &json!({})),
            Err(TokenError::Unavailable)
        ));
    }
}
