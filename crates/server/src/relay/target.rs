//! The URL that a relayed path means: one below the provider's base, or none.

use reqwest::Url;

/// The provider's URL for the raw path and query that a caller sent; the text says what is wrong with them.
///
/// The path stays as it was sent, encoded. What a server or a library on the way might read as a way out of the
/// base is refused, not repaired: dot segments and separators in any encoding, empty segments, backslashes.
pub(super) fn target(base: &Url, raw_path: &str, query: Option<&str>) -> Result<Url, &'static str> {
    for segment in raw_path.trim_end_matches('/').split('/') {
        let plain = decoded(segment).ok_or("path: has a percent sign that encodes nothing")?;
        if plain.is_empty() {
            return Err("path: has an empty segment");
        }
        if plain == b"." || plain == b".." {
            return Err("path: has a dot segment");
        }
        if plain.iter().any(|byte| matches!(byte, b'/' | b'\\')) {
            return Err("path: has an encoded separator");
        }
        if plain.iter().any(u8::is_ascii_control) {
            return Err("path: has a control character");
        }
    }
    let mut url = base.clone();
    let below = format!("{}/{raw_path}", base.path().trim_end_matches('/'));
    url.set_path(&below);
    url.set_query(query);
    // Belt and braces: whatever the parser made of it, the provider's host and base stay.
    let same = url.origin() == base.origin()
        && url.username() == base.username()
        && url.path().starts_with(base.path().trim_end_matches('/'));
    if same {
        Ok(url)
    } else {
        Err("path: leads elsewhere")
    }
}

/// A segment as the far end will read it; None if a percent sign is not followed by two hex digits.
pub(crate) fn decoded(segment: &str) -> Option<Vec<u8>> {
    let mut bytes = segment.bytes();
    let mut plain = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        plain.push(if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            let mut value = [0];
            hex::decode_to_slice(digits, &mut value).ok()?;
            value[0]
        } else {
            byte
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Result<String, &'static str> {
        let base = Url::parse("https://eu1.make.com/api/v2").expect("a URL");
        target(&base, path, None).map(|url| url.to_string())
    }

    #[test]
    fn a_path_stays_below_the_base_and_as_it_was_sent() {
        for (path, url) in [
            ("scenarios/5/run", "https://eu1.make.com/api/v2/scenarios/5/run"),
            ("a%20b/c+d", "https://eu1.make.com/api/v2/a%20b/c+d"),
            ("Accounts.json", "https://eu1.make.com/api/v2/Accounts.json"),
            ("trailing/", "https://eu1.make.com/api/v2/trailing/"),
            ("..a/b..", "https://eu1.make.com/api/v2/..a/b.."),
            (
                "user@evil.example",
                "https://eu1.make.com/api/v2/user@evil.example",
            ),
            (":8080/x", "https://eu1.make.com/api/v2/:8080/x"),
        ] {
            assert_eq!(of(path).as_deref(), Ok(url), "{path}");
        }
    }

    #[test]
    fn a_path_that_could_lead_elsewhere_is_refused() {
        for path in [
            "",
            "/evil.example",
            "//evil.example/x",
            "https://evil.example/",
            "..",
            "../x",
            "a/../../x",
            "a/./b",
            "%2e%2e/x",
            ".%2E/x",
            "%2E./x",
            "a%2fb",
            "a%2Fb",
            "..%2fx",
            "a%5cb",
            "a\\b",
            "\\\\evil.example",
            "a%00b",
            "a%0d%0aHost:%20x",
            "a%zz",
            "a%2",
        ] {
            assert!(of(path).is_err(), "{path}");
        }
    }

    #[test]
    fn the_query_is_the_callers_as_it_was_sent() {
        let base = Url::parse("https://api.vapi.ai").expect("a URL");
        let url =
            target(&base, "call", Some("limit=5&x=%2F..%2F&u=http://evil.example")).expect("it is fine");
        assert_eq!(
            url.as_str(),
            "https://api.vapi.ai/call?limit=5&x=%2F..%2F&u=http://evil.example"
        );
    }
}
