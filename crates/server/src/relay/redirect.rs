//! Follows a provider's redirect to one of its own file hosts, without the key, or tells the caller where it leads.

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, Url};
use url::Host;

use super::client::RelayError;
use super::echo::KeyEncodings;
use super::public_address::is_public;
use super::target::decoded;

/// Where a redirect leads, for the caller to follow without the key.
pub(super) const REDIRECT: HeaderName = HeaderName::from_static("x-mako-redirect");

/// What of the caller's request is about the file, and not for the provider alone.
const OF_THE_FILE: [HeaderName; 7] = [
    header::ACCEPT,
    header::RANGE,
    header::IF_RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
];

/// Where an answer redirects to: https, not inside somebody's network, and without the key in it.
pub(super) fn location(answer: &Response, forms: &KeyEncodings) -> Result<Option<Url>, RelayError> {
    let location = match answer.headers().get(header::LOCATION) {
        Some(location) if answer.status().is_redirection() => location,
        _ => return Ok(None),
    };
    let url = location
        .to_str()
        .ok()
        .and_then(|location| answer.url().join(location).ok())
        .filter(|url| url.scheme() == "https" && url.host().is_some_and(|host| may_be_public(&host)))
        .ok_or(RelayError::Redirected)?;
    let plain = decoded(url.as_str()).ok_or(RelayError::Redirected)?;
    if forms.are_in(url.as_str().as_bytes()) || forms.are_in(&plain) {
        return Err(RelayError::Redirected);
    }
    Ok(Some(url))
}

/// The file at a redirect's address, asked for without the key; None if its host can't be reached from here.
pub(super) async fn follow(client: &Client, url: &Url, asked: &HeaderMap) -> Option<Response> {
    let mut headers: HeaderMap = OF_THE_FILE
        .iter()
        .filter_map(|name| Some((name.clone(), asked.get(name)?.clone())))
        .collect();
    // What is compressed can't be searched for the key.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let file = client.get(url.clone()).headers(headers).send().await;
    file.inspect_err(|error| {
        tracing::debug!(
            timed_out = error.is_timeout(),
            "a redirect to a provider's files can't be followed"
        );
    })
    .ok()
}

/// Whether a host isn't by its name or address one inside somebody's network.
fn may_be_public(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => is_public((*address).into()),
        Host::Ipv6(address) => is_public((*address).into()),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            // RFC 6761, RFC 6762, RFC 9476 and ICANN's reservation; a name without a dot is of the local search list.
            let inside = [".localhost", ".local", ".alt", ".internal"];
            name.contains('.') && !inside.iter().any(|suffix| name.ends_with(suffix))
        }
    }
}

#[cfg(test)]
mod tests;
