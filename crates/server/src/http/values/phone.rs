//! Phone numbers: E.164 where they can be read as that.

use std::sync::OnceLock;

use phonenumber::country::Id as Country;
use phonenumber::metadata::{DATABASE, Descriptor};
use phonenumber::{Mode, Type as Kind};
use poem_openapi::registry::MetaSchema;
use serde_json::Value;

use super::{Rule, Text};

/// A phone number: E.164 if it can be read as one, else as it was typed. At most 32 characters.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Phone(pub(crate) String);

/// A number that webhooks can be routed by: E.164, or a short code.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct RoutableNumber(pub(crate) String);

impl Rule for Phone {
    fn schema() -> MetaSchema {
        Text::<1, 32>::schema()
    }

    fn accept(value: &Value) -> Result<Self, String> {
        let typed = typed(value)?;
        Ok(Self(normalised(&typed).unwrap_or(typed)))
    }

    fn value(&self) -> Value {
        self.0.clone().into()
    }
}

impl Rule for RoutableNumber {
    fn schema() -> MetaSchema {
        MetaSchema {
            description: Some("E.164 in any spelling, or a short code of 3 to 8 digits"),
            ..Text::<1, 32>::schema()
        }
    }

    fn accept(value: &Value) -> Result<Self, String> {
        let typed = typed(value)?;
        let number = normalised(&typed).or_else(|| {
            // Ranges that the library doesn't know, and short codes.
            webhooks::PhoneNumber::parse(&typed).map(|number| number.as_str().to_owned())
        });
        number.map(Self).ok_or_else(|| {
            "must be a number such as +14155552671, or a short code of 3 to 8 digits".to_owned()
        })
    }

    fn value(&self) -> Value {
        self.0.clone().into()
    }
}

/// What was typed, without marks that nobody sees, which come along when a number is copied.
fn typed(value: &Value) -> Result<String, String> {
    let Text(typed) = Text::<1, 32>::accept(value)?;
    let visible = webhooks::visible(&typed);
    Ok(if visible.trim().is_empty() { typed } else { visible })
}

/// The country whose numbers may be typed without a country code; none unless `PHONE_REGION` says so.
static REGION: OnceLock<Country> = OnceLock::new();

/// Sets the region once, at start-up; false if it is not an ISO 3166 code.
pub(crate) fn set_phone_region(code: &str) -> bool {
    code.parse()
        .is_ok_and(|country| REGION.set(country).is_ok() || REGION.get() == Some(&country))
}

/// The E.164 form of a number as people type it; None if it can't be read, or would lose or gain anything.
///
/// The library dials letters as on a keypad and takes what follows a number for more of it: words (`mobile`, an
/// extension, a vanity number) and a length that no number of the country has are kept as typed instead. Whether a
/// number is in use isn't asked.
pub(crate) fn normalised(typed: &str) -> Option<String> {
    let typed = typed.trim();
    if typed.contains(char::is_alphabetic) || !phonenumber::is_viable(typed) {
        return None;
    }
    let number = phonenumber::parse(REGION.get().copied(), typed).ok()?;
    let length = u16::try_from(number.national().to_string().len()).ok()?;
    let plans = DATABASE.by_code(&number.code().value())?;
    let possible = plans.iter().any(|plan| {
        let kinds = KINDS.iter().filter_map(|&kind| plan.descriptors().get(kind));
        kinds
            .flat_map(Descriptor::possible_length)
            .any(|&possible| possible == length)
    });
    (possible && number.extension().is_none()).then(|| number.format().mode(Mode::E164).to_string())
}

/// Kinds of numbers that are dialled from anywhere.
const KINDS: [Kind; 10] = [
    Kind::FixedLine,
    Kind::Mobile,
    Kind::TollFree,
    Kind::PremiumRate,
    Kind::SharedCost,
    Kind::PersonalNumber,
    Kind::Voip,
    Kind::Pager,
    Kind::Uan,
    Kind::Voicemail,
];

impl Phone {
    /// Every spelling under which rows may hold this number: normalised, and as it was asked for. In a query an
    /// unescaped `+` arrives as a blank; no number begins with one.
    pub(crate) fn spellings(typed: &str) -> Vec<String> {
        let typed = match typed.strip_prefix(' ') {
            Some(rest) if rest.starts_with(|first: char| first.is_ascii_digit()) => format!("+{rest}"),
            _ => typed.to_owned(),
        };
        let visible = webhooks::visible(&typed);
        let mut spellings: Vec<String> = normalised(&visible).into_iter().collect();
        spellings.extend([visible, typed]);
        spellings.sort();
        spellings.dedup();
        spellings
    }
}

impl From<Phone> for String {
    fn from(phone: Phone) -> Self {
        phone.0
    }
}

openapi_value!(Phone);
openapi_value!(RoutableNumber);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_become_e164_where_they_can_be_read() {
        assert_eq!(normalised("+1 (555) 123-4567").as_deref(), Some("+15551234567"));
        assert_eq!(normalised(" +44 20 7946 0958 ").as_deref(), Some("+442079460958"));
        assert_eq!(
            normalised("+44 (0)20 7946 0958").as_deref(),
            Some("+442079460958")
        );
        assert_eq!(normalised("+49 30/901820").as_deref(), Some("+4930901820"));
        assert_eq!(normalised("+39 06 6982").as_deref(), Some("+39066982"));
        for kept in [
            "anonymous",
            "12345",
            "+1 212 555 1234 ext. 7",
            "call me",
            "+",
            "++1",
            "+1 555 123 4567 mobile",
            "+1 (555) 123-4567 (work)",
            "+1 212 555 0100 or 0200",
            "+1 212 555 0100 / 0200",
            "+1 212 555 0100, +1 212 555 0200",
            "+1 800 FLOWERS",
            "+1 212 555 0100 x7",
            "+1 212 555 0100 #7",
            "+1 212 555 010",
            "+1 212 555 0100 0200 0300",
            "+999 123 456 789",
        ] {
            assert_eq!(normalised(kept), None, "{kept}");
        }
    }

    #[test]
    fn a_plus_that_became_a_blank_is_one_again() {
        assert_eq!(Phone::spellings(" 15551234567"), ["+15551234567"]);
        assert_eq!(
            Phone::spellings(" 1 (555) 123-4567"),
            ["+1 (555) 123-4567", "+15551234567"]
        );
        assert_eq!(Phone::spellings("anonymous"), ["anonymous"]);
    }

    #[test]
    fn marks_that_come_along_when_a_number_is_copied_are_left_out() {
        let copied = "\u{202a}+1 (555) 123-4567\u{202c}";
        assert_eq!(Phone::accept(&copied.into()).unwrap().0, "+15551234567");
        assert_eq!(RoutableNumber::accept(&copied.into()).unwrap().0, "+15551234567");
        assert_eq!(Phone::accept(&"\u{200e}call me".into()).unwrap().0, "call me");
        assert!(Phone::spellings(copied).contains(&"+15551234567".to_owned()));
        // Rather as typed than nothing.
        assert_eq!(Phone::accept(&"\u{200e}".into()).unwrap().0, "\u{200e}");
    }
}
