//! Names of time zones.

use poem_openapi::registry::MetaSchema;
use serde_json::Value;
use webhooks::Zone;

use super::{Rule, Text};

/// A time zone of the IANA database, by its name.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct TimeZone(pub(crate) Zone);

impl Rule for TimeZone {
    fn schema() -> MetaSchema {
        MetaSchema {
            description: Some("A name of the IANA database, such as `America/Mexico_City`"),
            example: Some("Europe/Berlin".into()),
            ..Text::<1, 64>::schema()
        }
    }

    fn accept(value: &Value) -> Result<Self, String> {
        let Text(name) = Text::<1, 64>::accept(value)?;
        name.parse()
            .map(Self)
            .map_err(|unknown: webhooks::UnknownZone| unknown.to_string())
    }

    fn value(&self) -> Value {
        self.0.name().into()
    }
}

openapi_value!(TimeZone);
