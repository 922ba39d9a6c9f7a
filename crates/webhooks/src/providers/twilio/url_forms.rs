//! The spellings of an address that Twilio may have signed.
//!
//! The candidates of the official SDK (npm twilio 6.2.0, `lib/webhooks/webhooks.js`), in its order.

use url::{Url, form_urlencoded};

/// What Node's `querystring.parse` reads, and a bound for what strangers make us compare.
const MOST_PAIRS: usize = 1000;

/// The address as received, then as WHATWG URL writes it, then with the query encoded again as Node's
/// `querystring` does; each without and with its port. Twilio's back ends disagree about the port.
pub(crate) fn candidates(url: &str) -> Vec<String> {
    let mut forms = vec![without_port(url), with_port(url)];
    if let Ok(parsed) = Url::parse(url) {
        let normal = parsed.to_string();
        let (bare, ported) = (without_port(&normal), with_port(&normal));
        let legacy = [with_legacy_query(&bare), with_legacy_query(&ported)];
        forms.extend([bare, ported]);
        forms.extend(legacy);
    }
    let mut distinct: Vec<String> = Vec::with_capacity(forms.len());
    for form in forms {
        if !distinct.contains(&form) {
            distinct.push(form);
        }
    }
    distinct
}

/// What of an address may be logged: no user info, no parameters, and nothing behind `/webhooks/{source}`
/// but whether there is something and whether it ends in a slash. A wrong scheme, host, port, prefix or
/// slash, the usual reasons for a wrong signature, can be seen.
pub(crate) fn shown(url: &str) -> String {
    let (path, query) = match url.split_once('?') {
        Some((path, _)) => (path, "?…"),
        None => (url, ""),
    };
    let Some(parts) = split(path) else {
        return "(not an address)".into();
    };
    let after_authority = &path[parts.authority_end..];
    let hidden = match after_authority.split_once("/webhooks/") {
        Some((before, rest)) => match rest.split_once('/') {
            Some((source, "")) => format!("{before}/webhooks/{source}/"),
            Some((source, key)) => {
                let slash = if key.ends_with('/') { "/" } else { "" };
                format!("{before}/webhooks/{source}/…{slash}")
            }
            None => after_authority.to_owned(),
        },
        None => after_authority.to_owned(),
    };
    format!("{}{}{}{hidden}{query}", parts.scheme, parts.host, parts.port)
}

/// [`shown`] for all candidates, each once.
pub(crate) fn shown_candidates(candidates: &[String]) -> Vec<String> {
    let mut all: Vec<String> = candidates.iter().map(|url| shown(url)).collect();
    all.sort();
    all.dedup();
    all
}

/// `scheme://` `user@` `host` `:port`, not normalised.
struct Parts<'a> {
    scheme: &'a str,
    user_info: &'a str,
    host: &'a str,
    port: &'a str,
    authority_end: usize,
}

fn split(url: &str) -> Option<Parts<'_>> {
    let scheme_end = url.find("://")? + 3;
    let authority_end = url[scheme_end..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| scheme_end + at);
    let authority = &url[scheme_end..authority_end];
    let user_end = authority.rfind('@').map_or(0, |at| at + 1);
    let host_and_port = &authority[user_end..];
    // A colon begins the port only behind the bracket of an IPv6 address.
    let bracket = host_and_port.rfind(']').map_or(0, |at| at + 1);
    let port = host_and_port[bracket..]
        .find(':')
        .map_or(host_and_port.len(), |at| bracket + at);
    Some(Parts {
        scheme: &url[..scheme_end],
        user_info: &authority[..user_end],
        host: &host_and_port[..port],
        port: &host_and_port[port..],
        authority_end,
    })
}

fn with_port(url: &str) -> String {
    match split(url) {
        Some(parts) if parts.port.is_empty() => {
            let port = if parts.scheme.eq_ignore_ascii_case("https://") {
                ":443"
            } else {
                ":80"
            };
            let rest = &url[parts.authority_end..];
            format!("{}{}{}{port}{rest}", parts.scheme, parts.user_info, parts.host)
        }
        _ => url.to_owned(),
    }
}

fn without_port(url: &str) -> String {
    match split(url) {
        Some(parts) => {
            let rest = &url[parts.authority_end..];
            format!("{}{}{}{rest}", parts.scheme, parts.user_info, parts.host)
        }
        None => url.to_owned(),
    }
}

fn with_legacy_query(url: &str) -> String {
    let Some((path, query)) = url.split_once('?').filter(|(_, query)| !query.is_empty()) else {
        return url.to_owned();
    };
    let mut grouped: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()).take(MOST_PAIRS) {
        match grouped.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value.into_owned()),
            None => grouped.push((name.into_owned(), vec![value.into_owned()])),
        }
    }
    let pairs: Vec<String> = grouped
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (name, value)))
        .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
        .collect();
    format!("{path}?{}", pairs.join("&"))
}

/// Node's `querystring.escape`: everything but letters, digits and ``-_.!~'()*``.
fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~'()*".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_as_received_comes_first() {
        assert_eq!(
            candidates("https://Hooks.example.com/a?b=It's+x"),
            [
                "https://Hooks.example.com/a?b=It's+x",
                "https://Hooks.example.com:443/a?b=It's+x",
                "https://hooks.example.com/a?b=It%27s+x",
                "https://hooks.example.com:443/a?b=It%27s+x",
                "https://hooks.example.com/a?b=It's%20x",
                "https://hooks.example.com:443/a?b=It's%20x",
            ]
        );
    }

    #[test]
    fn any_port_is_tolerated_if_none_was_signed() {
        assert!(candidates("https://h.example:8443/a").contains(&"https://h.example/a".to_owned()));
        assert!(candidates("http://h.example/a").contains(&"http://h.example:80/a".to_owned()));
        assert!(candidates("http://[::1]/a").contains(&"http://[::1]:80/a".to_owned()));
        assert!(candidates("http://u:p@h.example/a").contains(&"http://u:p@h.example:80/a".to_owned()));
    }

    #[test]
    fn logs_show_neither_key_nor_parameter() {
        assert_eq!(
            shown("https://user:pass@h.example:8443/api/webhooks/twilio/s3cret?From=%2B1401"),
            "https://h.example:8443/api/webhooks/twilio/…?…"
        );
        assert_eq!(
            shown("https://h.example/webhooks/twilio/s3cret/"),
            "https://h.example/webhooks/twilio/…/"
        );
        assert_eq!(
            shown("https://h.example/webhooks/twilio/"),
            "https://h.example/webhooks/twilio/"
        );
        assert_eq!(shown("s3cret"), "(not an address)");
    }
}
