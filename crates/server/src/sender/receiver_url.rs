//! Where events may go: out to the internet over TLS, and nowhere else.
//!
//! What a name resolves to is looked at again whenever a connection is made (`relay::public_address`).

use reqwest::Url;
use url::Host;

use crate::relay::is_public_host;

/// Which receivers there may be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum ReceiverUrls {
    /// `https`, out on the internet.
    #[default]
    Public,
    /// Those, and `http` to this machine: for development and tests.
    AlsoLoopback,
}

/// Why events don't go to an address; the text quotes nothing of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum BadReceiver {
    /// Not an address at all.
    #[error("must be an address such as https://hook.eu2.make.com/abc")]
    NotAUrl,
    /// In clear.
    #[error("must begin with https://")]
    NotHttps,
    /// A user or a password.
    #[error("must hold no user and no password; what proves an event is its signature")]
    Credentials,
    /// What no server ever sees.
    #[error("must have no part behind #")]
    Fragment,
    /// This machine, a private network, a name without a domain.
    #[error("must be at a public address")]
    NotPublic,
    /// Longer than any receiver's.
    #[error("may have 2000 characters")]
    TooLong,
}

/// Characters of an address.
const LONGEST: usize = 2000;

impl ReceiverUrls {
    /// The address that a text is, if events may go there.
    pub(crate) fn parse(self, text: &str) -> Result<Url, BadReceiver> {
        if text.len() > LONGEST {
            return Err(BadReceiver::TooLong);
        }
        let url = Url::parse(text).map_err(|_| BadReceiver::NotAUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadReceiver::Credentials);
        }
        if url.fragment().is_some() {
            return Err(BadReceiver::Fragment);
        }
        // What isn't ASCII is stored as it is sent, in more characters.
        if url.as_str().len() > LONGEST {
            return Err(BadReceiver::TooLong);
        }
        match url.scheme() {
            "http" if self == Self::AlsoLoopback && is_loopback(&url) => Ok(url),
            "https" if is_public_host(&url) => Ok(url),
            "https" => Err(BadReceiver::NotPublic),
            "http" => Err(BadReceiver::NotHttps),
            _ => Err(BadReceiver::NotAUrl),
        }
    }
}

/// Whether an address is on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Option<BadReceiver> {
        ReceiverUrls::Public.parse(text).err()
    }

    #[test]
    fn events_go_out_over_tls_and_nowhere_else() {
        for text in [
            "https://hook.eu2.make.com/abc",
            "https://hooks.zapier.com/hooks/catch/1/a?b=c",
            "https://1.1.1.1:8443/",
        ] {
            assert_eq!(refusal(text), None, "{text}");
        }
        for (text, why) in [
            ("", BadReceiver::NotAUrl),
            ("hook.eu2.make.com/abc", BadReceiver::NotAUrl),
            ("ftp://example.com/", BadReceiver::NotAUrl),
            ("http://example.com/", BadReceiver::NotHttps),
            ("http://127.0.0.1:8080/", BadReceiver::NotHttps),
            ("https://user@example.com/", BadReceiver::Credentials),
            ("https://:pass@example.com/", BadReceiver::Credentials),
            ("https://example.com/#part", BadReceiver::Fragment),
            ("https://localhost/", BadReceiver::NotPublic),
            ("https://intranet/", BadReceiver::NotPublic),
            ("https://127.0.0.1/", BadReceiver::NotPublic),
            ("https://0x7f000001/", BadReceiver::NotPublic),
            ("https://2130706433/", BadReceiver::NotPublic),
            (
                "https://169.254.169.254/latest/meta-data/",
                BadReceiver::NotPublic,
            ),
            ("https://10.0.0.1/", BadReceiver::NotPublic),
            ("https://[::1]/", BadReceiver::NotPublic),
            ("https://[::ffff:10.0.0.1]/", BadReceiver::NotPublic),
        ] {
            assert_eq!(refusal(text), Some(why), "{text}");
        }
        for character in ["x", "é"] {
            let long = format!("https://example.com/{}", character.repeat(LONGEST / 2));
            let expected = (character == "é").then_some(BadReceiver::TooLong);
            assert_eq!(refusal(&long), expected, "{character}");
        }
        let long = format!("https://example.com/{}", "x".repeat(LONGEST));
        assert_eq!(refusal(&long), Some(BadReceiver::TooLong));
    }

    #[test]
    fn in_development_events_go_to_this_machine_in_clear_and_to_no_other() {
        let also = ReceiverUrls::AlsoLoopback;
        for text in [
            "http://127.0.0.1:8080/hook",
            "http://localhost:3000/",
            "http://[::1]:1/",
            "https://example.com/",
        ] {
            assert!(also.parse(text).is_ok(), "{text}");
        }
        for text in [
            "http://10.0.0.1/",
            "http://example.com/",
            "http://localhost.example.com/",
            "https://192.168.0.1/",
        ] {
            assert!(also.parse(text).is_err(), "{text}");
        }
    }
}
