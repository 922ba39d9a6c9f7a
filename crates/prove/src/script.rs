//! What is sent to the database: scripts of several steps, many to a batch, and what came of each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What one script came to: the first row of each question in it that had one, or why it was refused.
pub(crate) type Outcome = Result<Vec<Row>, Refusal>;
/// The values of one row, as text.
pub(crate) type Row = Vec<Option<String>>;
/// Settings of a transaction, in the order in which they are made.
pub(crate) type Settings = Vec<(&'static str, String)>;

/// Steps that are done one after the other, up to the first refusal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script(Vec<Step>);

#[derive(Clone, Debug)]
enum Step {
    /// Becomes somebody.
    Be(Settings),
    Do(String),
    Ask(String),
}

impl Script {
    pub(crate) fn be(mut self, settings: Settings) -> Self {
        self.0.push(Step::Be(settings));
        self
    }

    /// A statement whose answer doesn't matter.
    pub(crate) fn act(mut self, sql: impl Into<String>) -> Self {
        self.0.push(Step::Do(sql.into()));
        self
    }

    /// A statement that answers with rows, of which the first matters.
    pub(crate) fn ask(mut self, sql: impl Into<String>) -> Self {
        self.0.push(Step::Ask(sql.into()));
        self
    }
}

/// Why the server refused.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Refusal {
    /// SQLSTATE.
    pub(crate) code: String,
    /// The server's message, shown to administrators only.
    pub(crate) message: String,
    /// The constraint that it names.
    #[serde(default)]
    pub(crate) constraint: Option<String>,
}

impl Refusal {
    /// No answer came.
    pub(crate) fn lost() -> Self {
        Self {
            code: "08006".to_owned(),
            message: "the connection was lost".to_owned(),
            constraint: None,
        }
    }

    /// Whether nothing was learnt: the statement never got as far as a decision.
    pub(crate) fn is_inconclusive(&self) -> bool {
        // Locks, timeouts, resources, an aborted block, a read-only session, a lost connection.
        ["55P03", "57014", "40P01", "40001", "25P02", "25006", "08006"].contains(&self.code.as_str())
            || self.code.starts_with("53")
    }
}

/// What `sql/batch.sql` reads.
#[derive(Debug, Default, Serialize)]
pub(super) struct Batch<'s> {
    /// Whether what succeeds stays.
    keep: bool,
    /// A statement that holds for the whole batch.
    fence: &'s str,
    path: &'s str,
    settings: Vec<&'s Settings>,
    scripts: Vec<Vec<(&'static str, Words<'s>)>>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Words<'s> {
    Sql(&'s str),
    Place(usize),
}

impl<'s> Batch<'s> {
    pub(super) fn new(keep: bool, fence: &'s str, scripts: &'s [Script]) -> Self {
        let mut batch = Self {
            keep,
            fence,
            ..Self::default()
        };
        let mut places: BTreeMap<&Settings, usize> = BTreeMap::new();
        for Script(steps) in scripts {
            let mut encoded = Vec::with_capacity(steps.len());
            for step in steps {
                encoded.push(match step {
                    Step::Do(sql) => ("do", Words::Sql(sql)),
                    Step::Ask(sql) => ("ask", Words::Sql(sql)),
                    Step::Be(settings) => {
                        let next = batch.settings.len();
                        let place = *places.entry(settings).or_insert(next);
                        if place == next {
                            batch.settings.push(settings);
                        }
                        ("be", Words::Place(place))
                    }
                });
            }
            batch.scripts.push(encoded);
        }
        let path = batch
            .settings
            .iter()
            .flat_map(|settings| settings.iter())
            .find(|(name, _)| *name == "search_path");
        batch.path = path.map_or("", |(_, path)| path);
        batch
    }
}

/// What `sql/batch.sql` leaves.
#[derive(Debug, Deserialize)]
pub(super) struct Reply {
    /// Why nothing was run.
    pub(super) refused: Option<Refusal>,
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
    pub(super) fn outcomes(self) -> impl Iterator<Item = Outcome> {
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
    use super::*;

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

    #[test]
    fn settings_are_sent_once() {
        let somebody: Settings = vec![("search_path", "public".to_owned()), ("role", "anon".to_owned())];
        let script = Script::default().be(somebody).ask("select 1");
        let scripts = [script.clone(), script];
        let batch = serde_json::to_value(Batch::new(false, "", &scripts)).unwrap();
        assert_eq!(batch["settings"].as_array().unwrap().len(), 1);
        assert_eq!(batch["path"], "public");
        assert_eq!(
            batch["scripts"][1],
            serde_json::json!([["be", 0], ["ask", "select 1"]])
        );
    }
}
