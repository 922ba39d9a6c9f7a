//! Whole numbers within bounds.

use poem_openapi::registry::MetaSchema;
use serde_json::Value;

use super::Rule;

/// A time span in whole seconds, not negative.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Seconds(pub(crate) i32);

/// A whole number from `MIN` to `MAX`, as queries ask for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BoundedInteger<const MIN: usize, const MAX: usize>(u32);

impl<const MIN: usize, const MAX: usize> BoundedInteger<MIN, MAX> {
    /// The number, or another if none was given.
    pub(crate) fn or<T: From<Self>>(given: Option<Self>, default: T) -> T {
        given.map_or(default, Into::into)
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

impl<const MIN: usize, const MAX: usize> Rule for BoundedInteger<MIN, MAX> {
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

impl<const MIN: usize, const MAX: usize> From<BoundedInteger<MIN, MAX>> for i64 {
    fn from(whole: BoundedInteger<MIN, MAX>) -> Self {
        whole.0.into()
    }
}

impl<const MIN: usize, const MAX: usize> From<BoundedInteger<MIN, MAX>> for u16 {
    fn from(whole: BoundedInteger<MIN, MAX>) -> Self {
        Self::try_from(whole.0).unwrap_or(Self::MAX)
    }
}

impl<const MIN: usize, const MAX: usize> From<BoundedInteger<MIN, MAX>> for i32 {
    fn from(whole: BoundedInteger<MIN, MAX>) -> Self {
        Self::try_from(whole.0).unwrap_or(Self::MAX)
    }
}

impl From<Seconds> for i32 {
    fn from(seconds: Seconds) -> Self {
        seconds.0
    }
}

openapi_value!(Seconds);
openapi_value!(BoundedInteger<MIN, MAX>, MIN, MAX);
