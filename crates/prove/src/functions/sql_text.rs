//! Looks whether a function runs what its caller writes. Text that is SQL is given to it in the places where text may
//! be pasted.

use std::collections::BTreeMap;

use crate::assessment::{Assessment, reproduce};
use crate::catalog::{Catalog, Category, Function, Relation};
use crate::context::Context;
use crate::extensions;
use crate::rules;
use crate::script::Script;
use crate::seed::Row;
use crate::sql::{ident, typed};

/// SQL that tells by its error that it was run; what it says is put together only then.
const RAN: &str = "('mako'||'ran')::int";
const RAN_ERROR: &str = "\"makoran\"";

/// What runs a text that isn't part of a body.
const RUNNERS: [&str; 7] = [
    "execute",
    "_to_xml",
    "ts_stat",
    "ts_rewrite",
    "dblink",
    "crosstab",
    "call ",
];

impl Catalog {
    /// Whether a function may run a text, itself or by what it calls or sets off; only those of nothing but SQL and
    /// PL/pgSQL are known not to.
    fn may_run_text(&self, function: &Function) -> bool {
        let runners = RUNNERS.into_iter().chain(extensions::runners());
        let may = |function: &Function| {
            !function.is_readable()
                || runners
                    .clone()
                    .any(|runner| self.says(&function.source, runner, 0))
        };
        let is_set_off = |other: &&Function| other.returns == "trigger";
        may(function) || self.functions.iter().filter(is_set_off).any(may)
    }
}

impl Context<'_> {
    /// Does it run a text as SQL? Whoever calls it then is whoever they like.
    pub(super) async fn run_as_sql(&self, function: &Function, about: &mut Assessment) {
        let Some(persona) = self.callers(function, 2).first().copied() else {
            return;
        };
        if !self.catalog.may_run_text(function) {
            return;
        }
        let tries = self.injections(function);
        let settings = self.personas[persona].settings(&self.session.admin, self.catalog, &function.schema);
        let scripts = tries
            .iter()
            .map(|arguments| {
                Script::default()
                    .be(settings.clone())
                    .act("select set_config('mako.ran', '', true)")
                    .act(format!(
                        "select count(v) from (select {}({arguments})::text as v) as mako_row",
                        function.sql()
                    ))
                    .act(self.session.back())
                    .ask("select current_setting('mako.ran') = 'yes'")
            })
            .collect();
        for (arguments, outcome) in tries.iter().zip(self.session.attempt(scripts).await) {
            about.attempts += 1;
            let ran = match &outcome {
                Ok(rows) => crate::attack::says_yes(rows),
                Err(refusal) => refusal.message.contains(RAN_ERROR),
            };
            if ran {
                let persona = &self.personas[persona];
                about.find(
                    rules::RUNS_TEXT_AS_SQL,
                    format!("{} runs a text that its caller gives as SQL: they can set any claims and be any user", function.label()),
                    reproduce(persona, &format!("select {}({arguments})", function.sql())),
                );
                break;
            }
        }
    }

    /// Arguments of which one is a text that tells if it is run.
    fn injections(&self, function: &Function) -> Vec<String> {
        let rows = self.rows_in_question(function);
        let rows: Vec<&Row> = rows.iter().collect();
        let spoken_of = rows.first().map(|row| &self.catalog.relations[row.relation]);
        let base: Vec<String> = function
            .types
            .iter()
            .map(|argument| {
                let values = self.values_for(argument, function, &rows);
                values.into_iter().next().unwrap_or_default()
            })
            .collect();
        let required = function.types.len() - function.defaults.min(function.types.len());
        let payloads = payloads(spoken_of.map(Relation::sql).as_deref());
        let keys = crate::constants::words_in(&function.source);
        let mut lists = Vec::new();
        for (at, argument) in function.types.iter().enumerate() {
            let is_text = argument.category == Category::String;
            if !is_text && !matches!(argument.base_name.as_str(), "json" | "jsonb") {
                continue;
            }
            for payload in &payloads {
                let value = if is_text {
                    typed(Some(payload), &argument.sql_type)
                } else {
                    let object: BTreeMap<&str, &str> =
                        keys.iter().map(|key| (key.as_str(), payload.as_str())).collect();
                    typed(serde_json::to_string(&object).ok().as_deref(), &argument.sql_type)
                };
                // What has a default keeps it: another text there may be refused before this one is run.
                let mut values = base[..required].to_vec();
                if at < required {
                    values[at] = value;
                } else if argument.name.is_empty() {
                    values = [&base[..at], &[value]].concat();
                } else {
                    values.push(format!("{} => {value}", ident(&argument.name)));
                }
                lists.push(values.join(", "));
            }
        }
        lists
    }
}

/// Texts that do something if they are run: as a statement, a condition, a relation, out of a quoted string.
fn payloads(table: Option<&str>) -> Vec<String> {
    let set = "set_config('mako.ran','yes',true)";
    let mut payloads = vec![
        format!("select {RAN}"),
        format!("{RAN} = 1"),
        RAN.to_owned(),
        format!("(select {RAN} as id) as mako_row"),
        format!("x' || {RAN} || '"),
        format!("x' or {RAN} = 1 or 'x' = '"),
        format!("1; select {RAN}"),
        // After what is sorted by: a constant is reckoned before there are rows to sort.
        format!("asc, {RAN}"),
        format!("asc, {set}"),
        format!("select {set}"),
        format!("{set} is not null"),
        format!("x' || {set} || '"),
        format!("(select {set} as id) as mako_row"),
    ];
    if let Some(table) = table {
        payloads.push(format!("{table} where {RAN} = 1 --"));
        payloads.push(format!("{table}, (select {RAN} as mako) as mako_row"));
    }
    payloads
}
