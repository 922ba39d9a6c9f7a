//! Whose address is this?

use std::fmt;

/// Fewest and most digits of an E.164 number here, as in the CHECK on `user_phone_numbers`.
const E164_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
const SHORT_CODE_DIGITS: std::ops::RangeInclusive<usize> = 3..=8;

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

/// A number that can be routed and called back: E.164 (`+14017122661`) or a short code of 3 to 8 digits.
///
/// The same form as in `user_phone_numbers.phone`. Whether a number exists is not asked: ranges are new every
/// year, and Twilio's own examples (555) are none. `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads a number as providers send it. Blanks, hyphens, dots, slashes and parentheses are forgiven in a
    /// number with `+`; a national number has no meaning without its country and is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix('+') {
            let digits: String = rest.chars().filter(|c| !is_separator(*c)).collect();
            let plausible = is_digits(&digits, E164_DIGITS) && !digits.starts_with('0');
            return plausible.then(|| Self(format!("+{digits}")));
        }
        is_digits(text, SHORT_CODE_DIGITS).then(|| Self(text.to_owned()))
    }

    /// The number: `+` and digits, or the digits of a short code. Personal data: not for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a short code, which only its own country and network understand.
    #[must_use]
    pub fn is_short_code(&self) -> bool {
        !self.0.starts_with('+')
    }

    /// The last four digits, or all three of a three-digit code.
    #[must_use]
    pub fn last_four(&self) -> &str {
        // Only ASCII is in it, so that every index is between characters.
        &self.0[self.0.len().saturating_sub(4)..]
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(..)")
    }
}

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
        let (channel, bare) = Channel::split(address.trim());
        if bare.is_empty() {
            return None;
        }
        // `sip:anonymous@anonymous.invalid` is RFC 3323's way to withhold.
        let user = bare.split_once('@').map_or(bare, |(user, _)| user);
        if is_withheld(user) {
            return Some((channel, Self::Withheld));
        }
        let party = match PhoneNumber::parse(bare) {
            Some(number) => Self::Number(number),
            None => Self::Named(bare.to_owned()),
        };
        Some((channel, party))
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

fn is_separator(c: char) -> bool {
    matches!(c, '-' | '.' | '(' | ')' | '/' | '\u{2010}'..='\u{2013}') || c.is_whitespace()
}

fn is_digits(text: &str, count: std::ops::RangeInclusive<usize>) -> bool {
    count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
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
    fn numbers_are_e164_or_short_codes() {
        for (text, expected) in [
            ("+14017122661", "+14017122661"),
            ("+1 (401) 712-2661", "+14017122661"),
            ("+44 20 7946 0958", "+442079460958"),
            ("+15558675310", "+15558675310"),
            (" 32665 ", "32665"),
            ("911", "911"),
        ] {
            assert_eq!(PhoneNumber::parse(text).unwrap().as_str(), expected, "{text}");
        }
    }

    #[test]
    fn what_could_be_another_countrys_number_is_none() {
        for text in [
            "",
            "+",
            "12",
            "4017122661",
            "(401) 712-2661",
            "+0401712266",
            "+1234567890123456",
            "+1401712266x",
            "0014017122661",
            "+١٢٣٤٥٦٧٨",
            "alice",
        ] {
            assert!(PhoneNumber::parse(text).is_none(), "{text}");
        }
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
    fn the_last_four_are_what_there_is() {
        let last_four = |text| PhoneNumber::parse(text).unwrap().last_four().to_owned();
        assert_eq!(last_four("+14017122661"), "2661");
        assert_eq!(last_four("911"), "911");
    }

    #[test]
    fn debug_shows_no_number() {
        assert!(!format!("{:?}", read("+14017122661")).contains("2661"));
        assert!(!format!("{:?}", PhoneNumber::parse("+14017122661")).contains("2661"));
    }
}
