//! What comes back of a bundle: for each script its rows, or why it was refused.

use serde::Deserialize;

use super::{Outcome, Refusal, Row};

/// What `sql/batch.sql` leaves of a bundle.
#[derive(Debug, Deserialize)]
pub(crate) struct Reply {
    /// Why nothing was run.
    pub(crate) refused: Option<Refusal>,
    /// Fewer than scripts, if time ran out.
    outcomes: Vec<Answer>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Answer {
    Rows { rows: Vec<String> },
    Refused(Refusal),
}

impl Reply {
    pub(crate) fn len(&self) -> usize {
        self.outcomes.len()
    }

    pub(crate) fn outcomes(self) -> impl Iterator<Item = Outcome> {
        self.outcomes.into_iter().map(|answer| match answer {
            Answer::Rows { rows } => Ok(rows.iter().map(|row| fields(row)).collect()),
            Answer::Refused(refusal) => Err(refusal),
        })
    }
}

/// The fields of a row in its text form: `(1,,"a, ""quoted"" \\ text")`. An empty field that isn't quoted is null.
fn fields(row: &str) -> Row {
    let inner = row
        .strip_prefix('(')
        .and_then(|row| row.strip_suffix(')'))
        .unwrap_or(row);
    let mut fields = vec![None];
    let mut quoted = false;
    let mut chars = inner.chars().peekable();
    while let Some(char) = chars.next() {
        let Some(field) = fields.last_mut() else { break };
        match char {
            ',' if !quoted => fields.push(None),
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.get_or_insert_with(String::new).push('"');
            }
            '"' => {
                quoted = !quoted;
                field.get_or_insert_with(String::new);
            }
            '\\' => field.get_or_insert_with(String::new).extend(chars.next()),
            _ => field.get_or_insert_with(String::new).push(char),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn a_row_is_read_as_postgres_writes_it() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(fields("(t)"), [some("t")]);
        assert_eq!(fields("()"), [None]);
        assert_eq!(
            fields(r#"(1,,"","(0,1)","a ""b"" \\ c",{x})"#),
            [
                some("1"),
                None,
                some(""),
                some("(0,1)"),
                some(r#"a "b" \ c"#),
                some("{x}")
            ]
        );
    }
}
