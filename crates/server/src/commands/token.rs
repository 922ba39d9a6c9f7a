//! `mako token`: mints a token with `JWT_SECRET`, for development.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::{Failure, print};
use crate::cli::Token;
use crate::config::Environment;

/// Prints a token for the user named by `--sub`, under the claim that `JWT_USER_CLAIM` names.
pub(crate) fn run(options: Token) -> Result<ExitCode, Failure> {
    let environment = Environment::read()?;
    let secret = environment.jwt_secret()?;
    #[expect(clippy::disallowed_methods, reason = "the clock at the edge")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut claims = Map::new();
    claims.insert(environment.user_claim().to_owned(), Value::from(options.sub));
    claims.insert("role".to_owned(), Value::from(options.role));
    claims.insert("aud".to_owned(), Value::from("authenticated"));
    claims.insert("iat".to_owned(), Value::from(now));
    claims.insert(
        "exp".to_owned(),
        Value::from(now.saturating_add(options.ttl.as_secs())),
    );
    if let Some(email) = options.email {
        claims.insert("email".to_owned(), Value::from(email));
    }
    print(&identity::mint(&secret, &Value::Object(claims)))?;
    Ok(ExitCode::SUCCESS)
}
