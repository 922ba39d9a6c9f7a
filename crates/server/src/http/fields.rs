//! Checks the fields of a body. All are looked at, so that one answer names every mistake.

use poem_openapi::types::{MaybeUndefined, Type};
use serde_json::{Map, Value};
use store::rows::Change;

use super::problem::Problem;

/// A value of one field. The text of a refusal never quotes the value.
pub(crate) trait Field: Type + Sized {
    /// Takes the value, or says what is expected instead.
    fn from_value(value: Value) -> Result<Self, String>;
}

/// A body that is a JSON object.
pub(crate) trait Body: Type + Sized {
    /// Takes the fields that are known; None if one of them was refused (which `fields` has noted).
    fn from_fields(fields: &mut Fields) -> Option<Self>;
}

/// The fields of a JSON object, and what is wrong with them.
pub(crate) struct Fields {
    object: Map<String, Value>,
    refused: Vec<String>,
}

impl Fields {
    /// Reads a whole body: unknown fields are refused as well, since ignoring them would lose what the caller meant.
    pub(crate) fn read<T: Body>(value: Value) -> Result<T, Problem> {
        let Value::Object(object) = value else {
            return Err(Problem::invalid("the body must be a JSON object"));
        };
        let mut fields = Self {
            object,
            refused: Vec::new(),
        };
        let body = T::from_fields(&mut fields);
        for name in fields.object.keys() {
            fields.refused.push(match name.as_str() {
                "id" | "user_id" | "created_at" | "updated_at" => format!("{name}: is set by the service"),
                // A made-up name may hold anything; only a plain one is repeated.
                name if name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => {
                    format!("{name}: is not a field of this resource")
                }
                _ => "a field with an unusual name is not one of this resource".to_owned(),
            });
        }
        match body {
            Some(body) if fields.refused.is_empty() => Ok(body),
            _ => Err(Problem::invalid(fields.refused.join("; "))),
        }
    }

    /// A field that must be there and not null.
    pub(crate) fn required<T: Field>(&mut self, name: &'static str) -> Option<T> {
        match self.object.remove(name) {
            None | Some(Value::Null) => {
                self.refused.push(format!("{name}: is required"));
                None
            }
            Some(value) => self.take(name, value),
        }
    }

    /// A field that may be missing or null.
    #[expect(
        clippy::option_option,
        reason = "the outer one says whether the field was acceptable"
    )]
    pub(crate) fn optional<T: Field>(&mut self, name: &'static str) -> Option<Option<T>> {
        match self.object.remove(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => self.take(name, value).map(Some),
        }
    }

    /// A field that may be missing, but not null.
    #[expect(
        clippy::option_option,
        reason = "the outer one says whether the field was acceptable"
    )]
    pub(crate) fn changed<T: Field>(&mut self, name: &'static str) -> Option<Option<T>> {
        match self.object.remove(name) {
            None => Some(None),
            Some(Value::Null) => {
                self.refused.push(format!("{name}: can't be null"));
                None
            }
            Some(value) => self.take(name, value).map(Some),
        }
    }

    /// A field that may be missing (leave it), null (empty it) or there (set it).
    pub(crate) fn cleared<T: Field>(&mut self, name: &'static str) -> Option<MaybeUndefined<T>> {
        match self.object.remove(name) {
            None => Some(MaybeUndefined::Undefined),
            Some(Value::Null) => Some(MaybeUndefined::Null),
            Some(value) => self.take(name, value).map(MaybeUndefined::Value),
        }
    }

    fn take<T: Field>(&mut self, name: &'static str, value: Value) -> Option<T> {
        T::from_value(value)
            .map_err(|expected| self.refused.push(format!("{name}: {expected}")))
            .ok()
    }
}

/// What a field of a patch asks the store to do.
pub(crate) fn change<T: Into<U>, U>(field: MaybeUndefined<T>) -> Change<U> {
    match field {
        MaybeUndefined::Undefined => Change::Keep,
        MaybeUndefined::Null => Change::Clear,
        MaybeUndefined::Value(value) => Change::Set(value.into()),
    }
}

/// Implements [`Body`] for a struct: each field by the method of [`Fields`] that fits it.
///
/// All fields are read before the first refusal returns, so that every one is named.
macro_rules! body {
    ($body:ty { $($how:ident: $($field:ident),+;)+ }) => {
        impl $crate::http::fields::Body for $body {
            fn from_fields(fields: &mut $crate::http::fields::Fields) -> Option<Self> {
                $($(let $field = fields.$how(stringify!($field));)+)+
                Some(Self { $($($field: $field?,)+)+ })
            }
        }
    };
}
pub(crate) use body;
