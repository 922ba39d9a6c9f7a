//! Telephone numbers.

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
    /// number with `+`, and marks that nobody sees anywhere; a national number has no meaning without its country and
    /// is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = visible(text);
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

    /// The number, and then every other way to write the same subscriber's.
    #[must_use]
    pub fn spellings(&self) -> Vec<String> {
        if self.is_short_code() {
            return vec![self.0.clone()];
        }
        same_subscriber(&self.0)
            .into_iter()
            .map(|digits| format!("+{digits}"))
            .collect()
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

/// The digits of a number, however somebody typed it, and those of every other way to write the same subscriber; its
/// own come first. None for fewer digits than a number has: those of a name or an extension tell nobody apart.
#[must_use]
pub fn same_subscriber(number: &str) -> Vec<String> {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    if digits.len() < *E164_DIGITS.start() {
        return Vec::new();
    }
    let other = other_spelling(&digits);
    std::iter::once(digits).chain(other).collect()
}

/// Three countries put a digit into mobile numbers, or have put one, which some senders write and others leave out
/// (chatwoot/chatwoot issues 14048 and 13986).
fn other_spelling(digits: &str) -> Option<String> {
    let (country, rest) = digits.split_at_checked(2)?;
    match (country, rest.len()) {
        // The 1 before Mexico's mobile numbers ended in 2019; WhatsApp goes on writing it.
        ("52", 10) => Some(format!("521{rest}")),
        ("52", 11) => Some(format!("52{}", rest.strip_prefix('1')?)),
        // The 9 before Argentina's is written in calls from abroad and left out in messages.
        ("54", 10) => Some(format!("549{rest}")),
        ("54", 11) => Some(format!("54{}", rest.strip_prefix('9')?)),
        // Brazil's got a 9 in front, behind the area code. What begins with 2 to 5 is a landline, which has none.
        ("55", 10) if is_brazilian_mobile(&rest[2..]) => Some(format!("55{}9{}", &rest[..2], &rest[2..])),
        ("55", 11) => {
            let number = rest[2..]
                .strip_prefix('9')
                .filter(|number| is_brazilian_mobile(number))?;
            Some(format!("55{}{number}", &rest[..2]))
        }
        _ => None,
    }
}

fn is_brazilian_mobile(number: &str) -> bool {
    number.starts_with(['6', '7', '8', '9'])
}

/// Without what a copied number brings along and nobody sees: marks of direction, joiners, soft hyphens.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c)).collect()
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
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
            // As copied from an address book: woocommerce/woocommerce issue 58000.
            ("\u{202a}+91 88888 01042\u{202c}", "+918888801042"),
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
    fn the_same_subscriber_is_found_in_every_way_to_write_the_number() {
        for (one, other) in [
            ("+525512345678", "+5215512345678"),
            ("+541123456789", "+5491123456789"),
            ("+551187654321", "+5511987654321"),
        ] {
            let digits = |number: &str| number.trim_start_matches('+').to_owned();
            assert_eq!(same_subscriber(one), [digits(one), digits(other)]);
            assert_eq!(same_subscriber(other), [digits(other), digits(one)]);
        }
        for (alone, digits) in [
            ("+1 (401) 712-2661", "14017122661"),
            ("918888801042", "918888801042"),
            // Landlines, and a mobile number that would become one.
            ("+551131234567", "551131234567"),
            ("+5511945678901", "5511945678901"),
            ("+5281123", "5281123"),
        ] {
            assert_eq!(same_subscriber(alone), [digits], "{alone}");
        }
        for none in ["", "Ann", "ext. 12", "32665"] {
            assert!(same_subscriber(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn a_number_is_its_own_first_spelling_and_a_short_code_its_only_one() {
        for (number, spellings) in [
            ("+525512345678", vec!["+525512345678", "+5215512345678"]),
            ("+15558675310", vec!["+15558675310"]),
            ("52551234", vec!["52551234"]),
        ] {
            assert_eq!(PhoneNumber::parse(number).unwrap().spellings(), spellings);
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
