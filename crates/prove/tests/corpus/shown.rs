//! Runs what a report says shows a finding, as it stands, and looks whether it does.

use prove::rules;
use prove::{Finding, Report};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::server::connect;

/// The rows of an answer as text, none if the statement doesn't answer with any, or a refusal.
type Answer = Result<Option<Vec<Vec<Option<String>>>>, tokio_postgres::Error>;

/// Findings that their own reproduction doesn't show, each with what it came to.
pub(crate) async fn not_shown(report: &Report, url: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (about, finding) in report.all_findings() {
        let client = connect(url).await;
        if let Err(why) = shows(finding, &client).await {
            problems.push(format!(
                "{about} {}: not shown, {why}\n{}",
                finding.rule, finding.reproduce
            ));
        }
    }
    problems
}

async fn shows(finding: &Finding, client: &Client) -> Result<(), String> {
    let statements = finding.reproduce.statements();
    let mut answers: Vec<Answer> = Vec::new();
    for statement in &statements {
        answers.push(ask(client, statement).await);
    }
    if finding.reproduce.compares() {
        return differ(&statements, &answers);
    }
    if let Some(error) = answers.iter().find_map(|answer| answer.as_ref().err()) {
        let code = error.code().map_or("", SqlState::code);
        let message = error.as_db_error().map_or("", |error| error.message());
        // Policies had let pass what a constraint then refused; or the text that was given was run.
        let tells = code.starts_with("23") || message.contains("makoran");
        return if tells || finding.rule == rules::POLICY_FAILS {
            Ok(())
        } else {
            Err(format!("{message} [{code}]"))
        };
    }
    let last = answers.iter().flatten().flatten().next_back();
    let first_field = last.and_then(|rows| rows.first()?.first());
    match first_field.cloned().flatten().as_deref() {
        None | Some("f" | "0") => Err(format!("the answer was {last:?}")),
        Some(_) => Ok(()),
    }
}

/// Whether the attack was answered otherwise once the other tenant was there.
fn differ(statements: &[String], answers: &[Answer]) -> Result<(), String> {
    let attack = statements.len().checked_sub(2).ok_or("no attack")?;
    let told = |n: usize| match &answers[n] {
        Ok(rows) => format!("{rows:?}"),
        Err(error) => error
            .as_db_error()
            .map_or_else(String::new, |e| e.message().to_owned()),
    };
    let first = statements
        .iter()
        .position(|statement| *statement == statements[attack]);
    let first = first
        .filter(|first| *first < attack)
        .ok_or("there is nothing to compare")?;
    if told(first) == told(attack) {
        Err(format!("both times the answer was {}", told(attack)))
    } else {
        Ok(())
    }
}

/// The rows of the last statement that answers with any.
async fn ask(client: &Client, sql: &str) -> Answer {
    let mut answer = None;
    for message in client.simple_query(sql).await? {
        match message {
            SimpleQueryMessage::RowDescription(_) => answer = Some(Vec::new()),
            SimpleQueryMessage::Row(row) => {
                let fields = (0..row.len()).map(|n| row.get(n).map(str::to_owned));
                answer.get_or_insert_with(Vec::new).push(fields.collect());
            }
            _ => {}
        }
    }
    Ok(answer)
}
