//! The parties of a call or message: whose address, and by which way.

use std::fmt;

use crate::leads::cut;
use crate::number::{PhoneNumber, visible};

/// What providers write for a caller who withholds the number: words, and the same words as typed on a
/// keypad (support.twilio.com, "Why am I getting calls from strange numbers").
const WITHHELD: [&str; 13] = [
    "anonymous",
    "unknown",
    "restricted",
    "unavailable",
    "private",
    "blocked",
    "withheld",
    "no caller id",
    "266696687",
    "7378742833",
    "2562533",
    "8656696",
    "86282452253",
];

/// One end of a call or message.
#[derive(Clone, PartialEq, Eq)]
pub enum Party {
    /// A number.
    Number(PhoneNumber),
    /// A caller who withheld the number, never to be taken for one: all of them would be one lead.
    Withheld,
    /// Something without a number: an alphanumeric sender, a SIP address, a client's or page's name, or a
    /// number whose country is unknown. As sent, without the channel's prefix.
    Named(String),
}

/// By which way it came, as the prefix of an address says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Telephone network: a call, SMS or MMS.
    #[default]
    Phone,
    /// `whatsapp:`
    WhatsApp,
    /// `messenger:`
    Messenger,
    /// `rcs:`
    Rcs,
    /// `sip:` and `sips:`
    Sip,
    /// `client:`, a browser or app of Twilio's Voice SDK.
    Client,
}

impl Party {
    /// Reads an address with or without a channel's prefix. `None` if there is nothing.
    #[must_use]
    pub fn read(address: &str) -> Option<(Channel, Self)> {
        let address = visible(address);
        let (channel, bare) = Channel::split(address.trim());
        if bare.is_empty() {
            return None;
        }
        // `sip:anonymous@anonymous.invalid` is RFC 3323's way to withhold.
        let user = bare.split_once('@').map_or(bare, |(user, _)| user);
        if is_withheld(user) {
            return Some((channel, Self::Withheld));
        }
        // Elsewhere digits without `+` are ids of pages and names of clients, no short codes.
        let number =
            PhoneNumber::parse(bare).filter(|number| channel == Channel::Phone || !number.is_short_code());
        Some((
            channel,
            number.map_or_else(|| Self::Named(bare.to_owned()), Self::Number),
        ))
    }

    /// What a column `phone` (at most 32 characters) holds of it: the number, `anonymous`, or the name.
    #[must_use]
    pub fn column(&self) -> &str {
        match self {
            Self::Number(number) => number.as_str(),
            Self::Withheld => WITHHELD[0],
            Self::Named(name) => cut(name, 32),
        }
    }

    /// The number, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<&PhoneNumber> {
        match self {
            Self::Number(number) => Some(number),
            Self::Withheld | Self::Named(_) => None,
        }
    }
}

impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number(_) => "Number(..)",
            Self::Withheld => "Withheld",
            Self::Named(_) => "Named(..)",
        })
    }
}

impl Channel {
    const PREFIXES: [(&'static str, Self); 9] = [
        ("whatsapp", Self::WhatsApp),
        ("messenger", Self::Messenger),
        ("rcs", Self::Rcs),
        ("sips", Self::Sip),
        ("sip", Self::Sip),
        ("client", Self::Client),
        ("tel", Self::Phone),
        ("sms", Self::Phone),
        ("mms", Self::Phone),
    ];

    /// One word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::WhatsApp => "whatsapp",
            Self::Messenger => "messenger",
            Self::Rcs => "rcs",
            Self::Sip => "sip",
            Self::Client => "client",
        }
    }

    fn split(address: &str) -> (Self, &str) {
        let Some((prefix, bare)) = address.split_once(':') else {
            return (Self::Phone, address);
        };
        Self::PREFIXES
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(prefix.trim()))
            .map_or((Self::Phone, address), |(_, channel)| (channel, bare.trim()))
    }
}

fn is_withheld(text: &str) -> bool {
    let bare = text.trim().trim_start_matches('+').to_lowercase();
    WITHHELD.contains(&bare.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(address: &str) -> (Channel, Party) {
        Party::read(address).unwrap()
    }

    fn number(text: &str) -> Party {
        Party::Number(PhoneNumber::parse(text).unwrap())
    }

    #[test]
    fn prefixes_are_channels() {
        assert!(read("whatsapp:+14017122661") == (Channel::WhatsApp, number("+14017122661")));
        assert!(read("WhatsApp: +14017122661") == (Channel::WhatsApp, number("+14017122661")));
        assert!(read("messenger:1234567890") == (Channel::Messenger, Party::Named("1234567890".into())));
        assert!(read("rcs:brand_agent") == (Channel::Rcs, Party::Named("brand_agent".into())));
        assert!(read("client:alice") == (Channel::Client, Party::Named("alice".into())));
        assert!(read("sip:bob@example.com") == (Channel::Sip, Party::Named("bob@example.com".into())));
        assert!(read("ACME") == (Channel::Phone, Party::Named("ACME".into())));
        assert!(read("odd:thing") == (Channel::Phone, Party::Named("odd:thing".into())));
        assert!(read("32665") == (Channel::Phone, number("32665")));
        assert!(Party::read(" ").is_none());
        assert!(Party::read("whatsapp:").is_none());
    }

    #[test]
    fn a_withheld_caller_is_never_a_number() {
        for address in [
            "anonymous",
            "Anonymous",
            "Restricted",
            "unknown",
            "+266696687",
            "266696687",
            "+7378742833",
            "+2562533",
            "+8656696",
            "8656696",
            "+86282452253",
            "sip:anonymous@anonymous.invalid",
        ] {
            assert!(read(address).1 == Party::Withheld, "{address}");
        }
    }

    #[test]
    fn digits_of_other_channels_are_no_short_codes() {
        for address in ["messenger:1234567", "client:32665", "whatsapp:32665"] {
            assert!(matches!(read(address).1, Party::Named(_)), "{address}");
        }
    }

    #[test]
    fn every_party_fits_its_column() {
        assert_eq!(read("whatsapp:+14017122661").1.column(), "+14017122661");
        assert_eq!(read("Restricted").1.column(), "anonymous");
        assert_eq!(read(&"ü".repeat(50)).1.column().chars().count(), 32);
    }

    #[test]
    fn debug_shows_no_address() {
        for address in ["+14017122661", "client:ann2661"] {
            assert!(!format!("{:?}", read(address)).contains("2661"));
        }
    }
}
