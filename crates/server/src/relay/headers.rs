//! Decides which headers pass: nothing that is the caller's credential, the connection's, or a page's.

use reqwest::header::{self, HeaderMap, HeaderName};

/// Meant for the next hop only (RFC 9110 §7.6.1), and what hyper sets itself.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
    "expect",
];

/// The caller's own business with this service, or with what stands in front of it.
const CALLERS_OWN: &[&str] = &[
    "authorization",
    "cookie",
    "cookie2",
    "host",
    "apikey",
    "x-api-key",
    "x-api-token",
    "x-request-id",
    "forwarded",
    "via",
    "origin",
    "referer",
    "x-real-ip",
    "true-client-ip",
];
const CALLERS_PREFIXES: &[&str] = &["x-forwarded-", "x-mako-", "x-supabase-", "sec-", "cf-"];

/// What a provider's answer must not do to the caller's page or to this origin.
const PROVIDERS_OWN: &[&str] = &[
    "set-cookie",
    "set-cookie2",
    "location",
    "www-authenticate",
    "strict-transport-security",
    "alt-svc",
    "clear-site-data",
    "refresh",
    "content-security-policy",
    "x-request-id",
    "link",
    "nel",
    "report-to",
    "service-worker-allowed",
    "sourcemap",
    "x-sourcemap",
    // Ours: a provider can't say where the caller should go, or what it has written here.
    "x-mako-lsn",
    "x-mako-redirect",
    "x-mako-relay",
];
const PROVIDERS_PREFIXES: &[&str] = &["access-control-"];

/// Whether a header is about the connection or the message, not about what is asked.
pub(super) fn is_of_the_connection(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    HOP_BY_HOP.contains(&name.as_str())
        || ["host", "content-length", "accept-encoding"].contains(&name.as_str())
}

/// The headers of a request to a provider, without its key.
pub(super) fn to_provider(headers: &HeaderMap) -> HeaderMap {
    filtered(headers, CALLERS_OWN, CALLERS_PREFIXES)
}

/// The headers of an answer to the caller.
pub(super) fn to_caller(headers: &HeaderMap) -> HeaderMap {
    filtered(headers, PROVIDERS_OWN, PROVIDERS_PREFIXES)
}

fn filtered(headers: &HeaderMap, names: &[&str], prefixes: &[&str]) -> HeaderMap {
    // A header named by Connection is hop-by-hop as well.
    let nominated: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let passes = |name: &HeaderName| {
        let name = name.as_str();
        !HOP_BY_HOP.contains(&name)
            && !names.contains(&name)
            && !prefixes.iter().any(|prefix| name.starts_with(prefix))
            && !nominated.iter().any(|dropped| dropped == name)
    };
    headers
        .iter()
        .filter(|(name, _)| passes(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    header::HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn credentials_and_hop_by_hop_headers_of_the_caller_stay_here() {
        let sent = map(&[
            ("authorization", "Bearer token"),
            ("cookie", "auth-token=token"),
            ("apikey", "anon"),
            ("connection", "close, X-Custom-Hop"),
            ("x-custom-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("x-forwarded-host", "evil.example"),
            ("x-mako-user", "bob"),
            ("host", "evil.example"),
            ("content-type", "application/json"),
            ("accept", "application/json"),
            ("api-version", "2024-10"),
        ]);
        assert_eq!(
            names(&to_provider(&sent)),
            ["accept", "api-version", "content-type"]
        );
    }

    #[test]
    fn an_answer_sets_no_cookie_and_leads_nowhere() {
        let answered = map(&[
            ("content-type", "application/json"),
            ("set-cookie", "session=1"),
            ("location", "http://127.0.0.1/"),
            ("access-control-allow-origin", "*"),
            ("keep-alive", "timeout=5"),
            ("retry-after", "3"),
            ("service-worker-allowed", "/"),
            ("sourcemap", "/app.js.map"),
            ("x-mako-redirect", "https://evil.example/"),
        ]);
        assert_eq!(names(&to_caller(&answered)), ["content-type", "retry-after"]);
    }
}
