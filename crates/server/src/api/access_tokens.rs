//! `/v1/access-tokens`: tokens of the caller's own, for scripts and automations. Each does what its scopes say; none makes
//! another.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Days, Utc};
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use seal::SecretText;
use serde::Serialize;
use store::Store;
use store::rows::Created;
use store::rows::access_tokens::{self, NewAccessToken};
use store::rows::api_keys::SealedStore;

use super::Tag;
use super::webhook_endpoints::random;
use crate::http::answer::{CreatedResponse, JsonResponse, NoContent};
use crate::http::body::JsonBody;
use crate::http::caller::{ACCESS_TOKEN_PREFIX, Caller};
use crate::http::fields::body;
use crate::http::problem::Problem;
use crate::http::schema::Nullable;
use crate::http::values::{ApiKeyText, Scopes, Text, Time};

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct AccessTokens {
    pub(crate) store: Arc<Store>,
    pub(crate) sealed_store: Arc<SealedStore>,
}

/// A token of the caller's; never the token itself.
#[derive(Object, Serialize)]
struct AccessToken {
    id: String,
    name: String,
    /// What it may do.
    scopes: Vec<String>,
    expires_at: Time,
    /// To a minute.
    last_used_at: Nullable<Time>,
    created_at: Time,
}

/// The caller's tokens.
#[derive(Object, Serialize)]
struct AccessTokenList {
    data: Vec<AccessToken>,
}

/// A token to make.
#[derive(Object)]
#[oai(rename = "NewAccessToken")]
struct NewToken {
    name: Text<1, 200>,
    scopes: Scopes,
    /// A year from now at most.
    expires_at: Time,
}

body!(NewToken { required: name, scopes, expires_at; });

/// A token that has been made, this once with the token itself.
#[derive(Object, Serialize)]
struct CreatedAccessToken {
    id: String,
    /// To be sent as `Authorization: Bearer`. It can't be shown again.
    token: ApiKeyText,
    name: String,
    scopes: Vec<String>,
    expires_at: Time,
    created_at: Time,
}

/// How long a token may be good for.
const LONGEST: Days = Days::new(366);

#[OpenApi(prefix_path = "/v1", tag = "Tag::AccessTokens")]
impl AccessTokens {
    /// List the caller's access tokens, newest first.
    #[oai(path = "/access-tokens", method = "get", operation_id = "listAccessTokens")]
    async fn list(&self, caller: Caller) -> Result<JsonResponse<AccessTokenList>, Problem> {
        let tokens = access_tokens::list(&self.store, &caller.0).await?;
        Ok(JsonResponse(AccessTokenList {
            data: tokens.into_iter().map(Into::into).collect(),
        }))
    }

    /// Make an access token. It is shown this once.
    #[oai(path = "/access-tokens", method = "post", operation_id = "createAccessToken")]
    async fn create(
        &self,
        caller: Caller,
        body: JsonBody<NewToken>,
    ) -> Result<CreatedResponse<CreatedAccessToken>, Problem> {
        let JsonBody(new) = body;
        #[expect(clippy::disallowed_methods, reason = "the clock at the edge")]
        let now = Utc::now();
        check_expiry(new.expires_at.0, now)?;
        let scopes: Vec<String> = new
            .scopes
            .0
            .into_iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let wanted = NewAccessToken {
            name: &new.name.0,
            scopes: &scopes,
            expires_at: new.expires_at.0,
        };
        let token = SecretText::new(format!(
            "{ACCESS_TOKEN_PREFIX}{}",
            URL_SAFE_NO_PAD.encode(random()?)
        ));
        let made = self
            .sealed_store
            .create_access_token(&caller.0, &wanted, &token)
            .await?
            .ok_or_else(|| Problem::conflict("There are 100 access tokens; revoke one first"))?;
        let row = CreatedAccessToken {
            id: made.id,
            token: token.into(),
            name: made.name,
            scopes: made.scopes,
            expires_at: made.expires_at.into(),
            created_at: made.created_at.into(),
        };
        CreatedResponse::new(
            "/v1/access-tokens",
            Some(Created { row, new: true }),
            |row: &CreatedAccessToken| &row.id,
        )
    }

    /// Revoke an access token. It is refused from now on.
    #[oai(
        path = "/access-tokens/:id",
        method = "delete",
        operation_id = "revokeAccessToken"
    )]
    async fn revoke(&self, caller: Caller, id: Path<Text<1, 200>>) -> Result<NoContent, Problem> {
        if access_tokens::revoke(&self.store, &caller.0, &id.0.0).await? {
            Ok(NoContent)
        } else {
            Err(Problem::not_found())
        }
    }
}

fn check_expiry(expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Problem> {
    let latest = now.checked_add_days(LONGEST).unwrap_or(now);
    if expires_at <= now {
        return Err(Problem::invalid("expires_at: must be later than now"));
    }
    if expires_at > latest {
        return Err(Problem::invalid("expires_at: must be within a year"));
    }
    Ok(())
}

impl From<access_tokens::AccessToken> for AccessToken {
    fn from(token: access_tokens::AccessToken) -> Self {
        Self {
            id: token.id,
            name: token.name,
            scopes: token.scopes,
            expires_at: token.expires_at.into(),
            last_used_at: token.last_used_at.map(Time).into(),
            created_at: token.created_at.into(),
        }
    }
}
