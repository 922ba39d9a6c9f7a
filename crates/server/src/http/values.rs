//! What may a value look like? Each kind of value carries its own rule, and the document shows the same rule.

use std::borrow::Cow;
use std::sync::OnceLock;

use chrono::{DateTime, Datelike as _, Utc};
use phonenumber::country::Id as Country;
use phonenumber::metadata::{DATABASE, Descriptor};
use phonenumber::{Mode, Type as Kind};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type};
use seal::SecretText;
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::fields::Field;
use crate::relay::Service;

/// A text of at most `MAX` characters; with `MIN` = 1 also not blank.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Text<const MIN: usize, const MAX: usize>(pub(crate) String);

/// A phone number: E.164 if it can be read as one, else as it was typed. At most 32 characters.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Phone(pub(crate) String);

/// An `http` or `https` URL of at most 2,048 characters; nothing else may become a link in a page.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct WebUrl(pub(crate) String);

/// An e-mail address of at most 320 characters, or empty.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Email(pub(crate) String);

/// A time span in whole seconds, not negative.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Seconds(pub(crate) i32);

/// A whole number from `MIN` to `MAX`, as queries ask for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Whole<const MIN: usize, const MAX: usize>(u32);

impl<const MIN: usize, const MAX: usize> Whole<MIN, MAX> {
    /// The number, or another if none was given.
    pub(crate) fn or<T: From<Self>>(given: Option<Self>, default: T) -> T {
        given.map_or(default, Into::into)
    }
}

/// A key for another service: at most 8 KB, no control characters; white space around it is cut. Never quoted,
/// printed or logged; the text is wiped when dropped.
#[derive(Clone)]
pub(crate) struct ApiKeyText(Zeroizing<String>);

/// A number that webhooks can be routed by: E.164, or a short code.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct RoutableNumber(pub(crate) String);

/// A JSON object whose members somebody else knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct JsonObject(pub(crate) Value);

/// A service of the contract, in any case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ServiceName(pub(crate) Service);

impl ServiceName {
    pub(crate) fn name(self) -> &'static str {
        self.0.name()
    }
}

/// A value that stands for something in JSON and knows its own rule.
trait Rule: Sized {
    fn schema() -> MetaSchema;
    fn accept(value: &Value) -> Result<Self, String>;
    fn value(&self) -> Value;
}

impl<const MIN: usize, const MAX: usize> Rule for Text<MIN, MAX> {
    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: (MIN > 0).then_some(MIN),
            // Not blank; ECMA's `\s` lacks U+0085.
            pattern: (MIN > 0).then(|| r"[^\s\x85]".to_owned()),
            max_length: Some(MAX),
            ..MetaSchema::new("string")
        }
    }

    fn accept(value: &Value) -> Result<Self, String> {
        let text = value.as_str().ok_or("must be a text")?;
        if MIN > 0 && text.trim().is_empty() {
            return Err("can't be empty".to_owned());
        }
        if text.chars().count() > MAX {
            return Err(format!("is longer than {MAX} characters"));
        }
        // Postgres stores no NUL in a text.
        if text.contains('\0') {
            return Err("contains a NUL character".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    fn value(&self) -> Value {
        self.0.clone().into()
    }
}

impl Rule for Phone {
    fn schema() -> MetaSchema {
        Text::<1, 32>::schema()
    }

    fn accept(value: &Value) -> Result<Self, String> {
        let Text(typed) = Text::<1, 32>::accept(value)?;
        Ok(Self(normalised(&typed).unwrap_or(typed)))
    }

    fn value(&self) -> Value {
        self.0.clone().into()
    }
}

impl Rule for WebUrl {
    fn schema() -> MetaSchema {
        MetaSchema {
            format: Some("uri"),
            pattern: Some("^https?://".to_owned()),
            ..Text::<1, 2048>::schema()
        }
    }

    fn accept(value: &Value) -> Result<Self, String> {
        let Text(text) = Text::<1, 2048>::accept(value)?;
        let url = text.parse::<poem::http::Uri>().map_err(|_| "must be a URL")?;
        match url.scheme_str() {
            Some("http" | "https") if url.host().is_some_and(|host| !host.is_empty()) => Ok(Self(text)),
            _ => Err("must start with http:// or https://".to_owned()),
        }
    }

    fn value(&self) -> Value {
        self.0.clone().into()
    }
}

impl Rule for Email {
    fn schema() -> MetaSchema {
        MetaSchema {
            description: Some("An e-mail address, or empty"),
            pattern: Some(r"^\s*([^\s\x85]+@[^\s\x85@]+)?\s*$".to_owned()),
            ..Text::<0, 320>::schema()
        }
    }

    fn accept(value: &Value) -> Result<Self, String> {
        let Text(text) = Text::<0, 320>::accept(value)?;
        let text = text.trim();
        let plausible = match text.rsplit_once('@') {
            Some((local, domain)) => {
                !local.is_empty() && !domain.is_empty() && !text.contains(char::is_whitespace)
            }
            None => text.is_empty(),
        };
        if plausible {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be an e-mail address".to_owned())
        }
    }

    fn value(&self) -> Value {
        self.0.clone().into()
    }
}

impl Rule for Seconds {
    fn schema() -> MetaSchema {
        MetaSchema {
            minimum: Some(0.0),
            maximum: Some(f64::from(i32::MAX)),
            ..MetaSchema::new_with_format("integer", "int32")
        }
    }

    fn accept(value: &Value) -> Result<Self, String> {
        let whole = value
            .as_i64()
            .and_then(|n| i32::try_from(n).ok())
            .filter(|n| *n >= 0);
        whole
            .map(Self)
            .ok_or_else(|| "must be a whole number of seconds, 0 or more".to_owned())
    }

    fn value(&self) -> Value {
        self.0.into()
    }
}

impl<const MIN: usize, const MAX: usize> Rule for Whole<MIN, MAX> {
    #[expect(clippy::cast_precision_loss, reason = "bounds of queries are small")]
    fn schema() -> MetaSchema {
        MetaSchema {
            minimum: Some(MIN as f64),
            maximum: Some(MAX as f64),
            ..MetaSchema::new_with_format("integer", "int32")
        }
    }

    fn accept(value: &Value) -> Result<Self, String> {
        value
            .as_str()
            .and_then(|text| text.parse().ok())
            .filter(|number| (MIN..=MAX).contains(number))
            .and_then(|number| u32::try_from(number).ok())
            .map(Self)
            .ok_or_else(|| format!("must be a whole number from {MIN} to {MAX}"))
    }

    fn value(&self) -> Value {
        self.0.into()
    }
}

impl Rule for ApiKeyText {
    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(1),
            max_length: Some(LONGEST_KEY),
            pattern: Some(r"^\s*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*\s*$".to_owned()),
            ..MetaSchema::new_with_format("string", "password")
        }
    }

    fn accept(value: &Value) -> Result<Self, String> {
        let text = value.as_str().ok_or("must be a text")?;
        // Measured as it was sent: white space is no way around the limit.
        if text.len() > LONGEST_KEY {
            return Err(format!("is longer than {LONGEST_KEY} bytes"));
        }
        let text = text.trim();
        if text.is_empty() {
            return Err("can't be empty".to_owned());
        }
        if text.chars().any(char::is_control) {
            return Err("contains a control character".to_owned());
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    fn value(&self) -> Value {
        self.0.as_str().into()
    }
}

/// In bytes; the longest keys are JWTs of a few KB.
const LONGEST_KEY: usize = 8 * 1024;

impl From<ApiKeyText> for SecretText {
    fn from(key: ApiKeyText) -> Self {
        SecretText::new(key.0.as_str().to_owned())
    }
}

impl From<SecretText> for ApiKeyText {
    fn from(key: SecretText) -> Self {
        Self(Zeroizing::new(key.expose().to_owned()))
    }
}

impl Serialize for ApiKeyText {
    /// For the one answer that reveals a key.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
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
        let Text(typed) = Text::<1, 32>::accept(value)?;
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

impl Rule for JsonObject {
    fn schema() -> MetaSchema {
        MetaSchema {
            additional_properties: Some(Box::new(MetaSchemaRef::Inline(Box::new(MetaSchema::ANY)))),
            ..MetaSchema::new("object")
        }
    }

    fn accept(value: &Value) -> Result<Self, String> {
        if value.is_object() {
            Ok(Self(value.clone()))
        } else {
            Err("must be a JSON object".to_owned())
        }
    }

    fn value(&self) -> Value {
        self.0.clone()
    }
}

impl ApiKeyText {
    /// The text itself, for the one place that it goes to.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl Type for ServiceName {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        <Service as Type>::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        <Service as Type>::schema_ref()
    }

    fn register(registry: &mut Registry) {
        <Service as Type>::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromParameter for ServiceName {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        Service::named(value).map(Self).ok_or_else(|| {
            let names = Service::ALL.map(Service::name);
            ParseError::custom(format!("must be one of {}", names.join(", ")))
        })
    }
}

/// A time of the years 1 to 9999: RFC 3339 writes no others, and Postgres and its clients agree on these.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Time(pub(crate) DateTime<Utc>);

impl Rule for Time {
    fn schema() -> MetaSchema {
        MetaSchema::new_with_format("string", "date-time")
    }

    fn accept(value: &Value) -> Result<Self, String> {
        value
            .as_str()
            .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
            .map(|time| time.with_timezone(&Utc))
            .filter(|time| (1..=9999).contains(&time.year()))
            .map(Self)
            .ok_or_else(|| "must be a time such as 2026-11-24T09:30:00Z".to_owned())
    }

    fn value(&self) -> Value {
        self.0.to_rfc3339().into()
    }
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
        let mut spellings = vec![typed.clone()];
        spellings.extend(normalised(&typed).filter(|number| *number != typed));
        spellings
    }
}

impl<const MIN: usize, const MAX: usize> From<Text<MIN, MAX>> for String {
    fn from(text: Text<MIN, MAX>) -> Self {
        text.0
    }
}

impl From<Phone> for String {
    fn from(phone: Phone) -> Self {
        phone.0
    }
}

impl From<WebUrl> for String {
    fn from(url: WebUrl) -> Self {
        url.0
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl From<Time> for DateTime<Utc> {
    fn from(time: Time) -> Self {
        time.0
    }
}

impl<const MIN: usize, const MAX: usize> From<Whole<MIN, MAX>> for i64 {
    fn from(whole: Whole<MIN, MAX>) -> Self {
        whole.0.into()
    }
}

impl<const MIN: usize, const MAX: usize> From<Whole<MIN, MAX>> for u16 {
    fn from(whole: Whole<MIN, MAX>) -> Self {
        Self::try_from(whole.0).unwrap_or(Self::MAX)
    }
}

impl<const MIN: usize, const MAX: usize> From<Whole<MIN, MAX>> for i32 {
    fn from(whole: Whole<MIN, MAX>) -> Self {
        Self::try_from(whole.0).unwrap_or(Self::MAX)
    }
}

impl From<Seconds> for i32 {
    fn from(seconds: Seconds) -> Self {
        seconds.0
    }
}

/// What poem-openapi wants to know of a value, all from its one rule.
macro_rules! openapi_value {
    ($name:ty $(, $generic:ident)*) => {
        impl<$(const $generic: usize),*> Type for $name {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Inline(Box::new(Self::schema()))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl<$(const $generic: usize),*> Field for $name {
            fn from_value(value: Value) -> Result<Self, String> {
                Self::accept(&value)
            }
        }

        impl<$(const $generic: usize),*> ParseFromJSON for $name {
            fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
                Self::accept(&value.unwrap_or_default()).map_err(ParseError::custom)
            }
        }

        impl<$(const $generic: usize),*> ParseFromParameter for $name {
            fn parse_from_parameter(value: &str) -> ParseResult<Self> {
                Self::accept(&Value::String(value.to_owned())).map_err(ParseError::custom)
            }
        }

        impl<$(const $generic: usize),*> ToJSON for $name {
            fn to_json(&self) -> Option<Value> {
                Some(self.value())
            }
        }
    };
}

openapi_value!(Text<MIN, MAX>, MIN, MAX);
openapi_value!(Phone);
openapi_value!(WebUrl);
openapi_value!(Email);
openapi_value!(Seconds);
openapi_value!(Time);
openapi_value!(Whole<MIN, MAX>, MIN, MAX);
openapi_value!(ApiKeyText);
openapi_value!(RoutableNumber);
openapi_value!(JsonObject);

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
    fn only_web_urls_become_links() {
        for bad in [
            "javascript:alert(1)",
            "ftp://x/y",
            "//x/y",
            "http://",
            "x",
            "https:///y",
        ] {
            assert!(WebUrl::accept(&bad.into()).is_err(), "{bad}");
        }
        assert!(WebUrl::accept(&"https://api.example.com/r.wav?x=1".into()).is_ok());
    }

    #[test]
    fn times_have_years_of_four_digits() {
        for bad in [
            "0000-01-01T00:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-01:00",
            "+10000-01-01T00:00:00Z",
            "-262143-01-01T00:00:00Z",
            "2026-11-24",
            "infinity",
        ] {
            assert!(Time::accept(&bad.into()).is_err(), "{bad}");
        }
        assert!(Time::accept(&"2026-11-24T09:30:00+01:00".into()).is_ok());
        assert!(Time::accept(&"0001-01-01T00:00:00Z".into()).is_ok());
    }

    #[test]
    fn a_refusal_never_quotes_the_value() {
        let secret = "s3cret".repeat(100);
        for refusal in [
            Text::<1, 5>::accept(&secret.clone().into()).err(),
            Phone::accept(&secret.clone().into()).err(),
            WebUrl::accept(&secret.clone().into()).err(),
            Email::accept(&secret.clone().into()).err(),
            Seconds::accept(&secret.clone().into()).err(),
            Time::accept(&secret.clone().into()).err(),
            ApiKeyText::accept(&secret.repeat(20).into()).err(),
            ApiKeyText::accept(&format!("{secret}\u{1}").into()).err(),
        ] {
            assert!(refusal.is_some_and(|text| !text.contains("s3cret")));
        }
    }
}
