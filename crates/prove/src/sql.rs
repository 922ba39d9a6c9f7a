//! Quotes identifiers and literals; nothing else builds SQL from names or values.

/// An object id.
pub(crate) type Oid = i64;

/// A quoted identifier.
pub(crate) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A quoted string; the transaction has `standard_conforming_strings` on.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A literal, or NULL.
pub(crate) fn literal_or_null(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), literal)
}

/// A literal of a type; `kind` is what `format_type` wrote.
pub(crate) fn typed(text: Option<&str>, kind: &str) -> String {
    match text {
        // `char` as a type name means char(1) and would cut; an unknown literal takes the column's type.
        Some(text) if kind == "character" || kind == "bit" => literal(text),
        _ => format!("{}::{kind}", literal_or_null(text)),
    }
}

/// Quoted identifiers, separated by commas.
pub(crate) fn idents<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(ident).collect::<Vec<_>>().join(", ")
}

/// A text array for SQL.
pub(crate) fn array<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().map(literal).collect();
    format!("array[{}]::text[]", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(ident("we\"ird"), "\"we\"\"ird\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(typed(None, "uuid"), "null::uuid");
    }
}
