//! What kind of type a column or argument is of, as far as values are made and compared by it.

use serde::Deserialize;

/// What `typcategory` says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub(crate) enum Category {
    #[serde(rename = "A")]
    Array,
    #[serde(rename = "B")]
    Boolean,
    /// Dates, times of a day and timestamps.
    #[serde(rename = "D")]
    Date,
    #[serde(rename = "E")]
    Enum,
    #[serde(rename = "N")]
    Numeric,
    #[serde(rename = "R")]
    Range,
    #[serde(rename = "S")]
    String,
    #[serde(rename = "T")]
    Timespan,
    /// Any other base type: `uuid`, `jsonb` and `bytea` among them.
    #[serde(rename = "U")]
    User,
    /// Rows, addresses, shapes and what a database has for itself.
    #[serde(other)]
    Other,
}

#[cfg(test)]
mod tests {
    use super::Category;

    #[test]
    fn a_category_of_the_databases_own_is_no_error() {
        let read = |text| serde_json::from_str::<Category>(text).unwrap();
        assert_eq!(read(r#""N""#), Category::Numeric);
        assert_eq!(read(r#""I""#), Category::Other);
        assert_eq!(read(r#""x""#), Category::Other);
    }
}
