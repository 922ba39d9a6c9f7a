//! A parameter's value as it goes to Postgres, which may outlive what it was made of.

use bytes::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql, Type};

use crate::error::Error;

/// A value of a known type.
#[derive(Debug)]
pub(crate) struct Encoded {
    format: Format,
    /// None for null.
    bytes: Option<BytesMut>,
}

impl Encoded {
    pub(crate) fn new(value: &(dyn ToSql + Sync), kind: &Type) -> Result<Self, Error> {
        let mut bytes = BytesMut::new();
        let is_null = value
            .to_sql_checked(kind, &mut bytes)
            .map_err(|_| Error::Mismatch("a parameter"))?;
        Ok(Self {
            format: value.encode_format(kind),
            bytes: matches!(is_null, IsNull::No).then_some(bytes),
        })
    }
}

impl ToSql for Encoded {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match &self.bytes {
            Some(bytes) => {
                out.extend_from_slice(bytes);
                IsNull::No
            }
            None => IsNull::Yes,
        })
    }

    fn accepts(_: &Type) -> bool {
        true // It was made for its type.
    }

    fn encode_format(&self, _: &Type) -> Format {
        self.format
    }

    tokio_postgres::types::to_sql_checked!();
}
