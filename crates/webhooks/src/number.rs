//! Which number is this?

use std::fmt;

/// Fewest and most digits of an E.164 number here, as in the CHECK on `user_phone_numbers`.
const E164_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
const SHORT_CODE_DIGITS: std::ops::RangeInclusive<usize> = 3..=8;

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

fn is_separator(c: char) -> bool {
    matches!(c, '-' | '.' | '(' | ')' | '/' | '\u{2010}'..='\u{2013}') || c.is_whitespace()
}

fn is_digits(text: &str, count: std::ops::RangeInclusive<usize>) -> bool {
    count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn the_last_four_are_what_there_is() {
        let last_four = |text| PhoneNumber::parse(text).unwrap().last_four().to_owned();
        assert_eq!(last_four("+14017122661"), "2661");
        assert_eq!(last_four("911"), "911");
    }

    #[test]
    fn debug_shows_no_number() {
        assert!(!format!("{:?}", PhoneNumber::parse("+14017122661")).contains("2661"));
    }
}
