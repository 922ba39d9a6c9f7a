//! Reads forms.

use url::form_urlencoded;

/// The decoded pairs of an `application/x-www-form-urlencoded` text, in the order in which they were sent.
///
/// Nothing is trimmed and empty values count. `None` if a pair has no `=`, or is empty: no provider sends
/// that, and as Twilio signs names and values without separators, `a=b` and `a&b` would have one signature.
pub(crate) fn pairs(text: &[u8]) -> Option<Vec<(String, String)>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    if !text.split(|byte| *byte == b'&').all(|pair| pair.contains(&b'=')) {
        return None;
    }
    Some(form_urlencoded::parse(text).into_owned().collect())
}

/// The decoded pairs of a query, which anybody may have written by hand: nothing is refused.
pub(crate) fn lenient_pairs(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_and_nothing_is_trimmed() {
        let pairs = pairs(b"Body=+Hi%21%0A+&ToCity=&a=1&a=1&b=c=d").unwrap();
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(
            pairs,
            [
                ("Body", " Hi!\n "),
                ("ToCity", ""),
                ("a", "1"),
                ("a", "1"),
                ("b", "c=d")
            ]
        );
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        assert!(pairs(b"").unwrap().is_empty());
        for text in ["a", "a&b", "a=1&&b=2", "a=1&", "&a=1"] {
            assert!(pairs(text.as_bytes()).is_none(), "{text}");
        }
    }
}
