//! What does a function give away or do? Each that an attacker can call is called with the other tenant's ids, words and
//! rows, before and after those rows are there; and with SQL for text, to see whether it is run.

use std::collections::BTreeMap;

use crate::attack::{Field, Learnt, reproduce};
use crate::catalog::{Argument, Catalog, Function};
use crate::model::Model;
use crate::people::Persona;
use crate::seed::{Belongs, Row};
use crate::session::{Outcome, Refusal};
use crate::sql::{literal, typed};

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    function: usize,
    /// Whose call it is; `personas.len()` is the other tenant's own user.
    persona: usize,
    arguments: String,
    /// What came back: a digest or a refusal's code.
    answer: Option<String>,
    /// The same call once more.
    again: Option<String>,
}

/// SQL that tells by its error that it was run; what it says is put together only then.
const RAN: &str = "('mako'||'ran')::int";
const RAN_ERROR: &str = "\"makoran\"";
/// The most calls for one function and attacker.
const MOST: usize = 36;

impl Field<'_> {
    fn callable(&self) -> impl Iterator<Item = (usize, &Function)> {
        self.catalog
            .functions
            .iter()
            .enumerate()
            .filter(|(_, function)| function.is_callable())
    }

    /// Calls every function as those who matter, while the other tenant's rows are there.
    pub(crate) async fn call_functions(
        &self,
        model: &Model,
        learnt: &mut BTreeMap<usize, Learnt>,
    ) -> Vec<Call> {
        let mut calls = Vec::new();
        for (n, function) in self.callable() {
            let about = learnt.entry(n).or_default();
            if let Some(why) = self.catalog.acts_outside(function, 0) {
                about.untested.insert(format!(
                    "it would act outside the database ({why}), which no rollback takes back"
                ));
                continue;
            }
            let made = self.call(n, function, is_public(model, function), about).await;
            calls.extend(made);
            self.run_as_sql(function, about).await;
        }
        calls
    }

    async fn call(&self, n: usize, function: &Function, public: bool, about: &mut Learnt) -> Vec<Call> {
        let lists = self.argument_lists(function);
        let judge = self.effects(function);
        let mut calls = Vec::new();
        let mut scripts = Vec::new();
        for arguments in &lists {
            for persona in self.callers(function, lists.len()) {
                // First as the other tenant: a plan that was made for them must not serve the attacker.
                scripts.push(self.call_script(
                    function,
                    persona == 0,
                    self.personas.len(),
                    arguments,
                    &judge,
                ));
                scripts.push(self.call_script(function, false, persona, arguments, &judge));
                scripts.push(self.call_script(function, false, persona, arguments, &judge));
                calls.push(Call {
                    function: n,
                    persona,
                    arguments: arguments.clone(),
                    answer: None,
                    again: None,
                });
            }
        }
        let mut outcomes = self.session.attempt(scripts).await.into_iter();
        let (mut succeeded, mut refusals) = (false, Vec::new());
        for call in &mut calls {
            let (victims, first, second) = (outcomes.next(), outcomes.next(), outcomes.next());
            about.attempts += 1;
            succeeded |= [&victims, &first].into_iter().flatten().any(Result::is_ok);
            if let Some(Err(refusal)) = &first {
                refusals.push(refusal.clone());
            }
            if let Some(Err(refusal)) = first
                .as_ref()
                .filter(|outcome| outcome.as_ref().is_err_and(Refusal::is_inconclusive))
            {
                about.untested.insert(format!(
                    "a call of it could not be judged: {} [{}]",
                    refusal.message, refusal.code
                ));
            }
            let done = first.as_ref().is_some_and(|outcome| {
                outcome.as_ref().is_ok_and(|rows| {
                    rows.first()
                        .and_then(|row| row.get(1))
                        .is_some_and(|v| v.as_deref() == Some("t"))
                })
            });
            if done {
                let persona = &self.personas[call.persona];
                about.leak(
                    "function_changes_others",
                    format!(
                        "{} changes or makes rows of another tenant's by calling {}",
                        persona.label,
                        function.label()
                    ),
                    reproduce(persona, &format!("select {}({})", function.sql(), call.arguments)),
                );
            }
            (call.answer, call.again) = (answer(first), answer(second));
        }
        let deliberate = |code: &str| code == "42501" || code == "P0001" || code.starts_with("PT");
        if !succeeded
            && !about.leaks()
            && let Some(refusal) = refusals.iter().find(|refusal| !deliberate(&refusal.code))
        {
            about.untested.insert(format!(
                "no call of it succeeded: {} [{}]",
                refusal.message, refusal.code
            ));
        }
        self.search_answers(function, &calls, public, about).await;
        if public { Vec::new() } else { calls }
    }

    /// Calls again as if the other tenant had never been there, and compares.
    pub(crate) async fn compare_calls(&self, calls: Vec<Call>, learnt: &mut BTreeMap<usize, Learnt>) {
        let stable: Vec<Call> = calls
            .into_iter()
            .filter(|call| call.answer == call.again)
            .collect();
        let mut scripts = vec!["discard plans".to_owned()];
        scripts.extend(stable.iter().map(|call| {
            let function = &self.catalog.functions[call.function];
            self.call_script(function, false, call.persona, &call.arguments, "false")
        }));
        let outcomes = self.session.attempt(scripts).await.into_iter().skip(1);
        for (call, outcome) in stable.into_iter().zip(outcomes) {
            let inconclusive = |answer: &Option<String>| {
                answer
                    .as_deref()
                    .is_some_and(|code| matches!(code, "57014" | "55P03" | "40001" | "40P01" | "25P02"))
            };
            let before = answer(Some(outcome));
            if before == call.answer || inconclusive(&before) || inconclusive(&call.answer) {
                continue;
            }
            let persona = &self.personas[call.persona];
            if self.came_late(persona) {
                continue;
            }
            let function = &self.catalog.functions[call.function];
            let about = learnt.entry(call.function).or_default();
            about.leak(
                "function_reads_others",
                format!(
                    "What {} answers to {} depends on another tenant's rows",
                    function.label(),
                    persona.label
                ),
                reproduce(persona, &format!("select {}({})", function.sql(), call.arguments)),
            );
        }
    }

    /// Looks for the other tenant's words in answers that are different each time anyway.
    async fn search_answers(&self, function: &Function, calls: &[Call], public: bool, about: &mut Learnt) {
        let doubtful: Vec<&Call> = calls
            .iter()
            .filter(|call| !public && call.answer != call.again)
            .take(50)
            .collect();
        let scripts = doubtful
            .iter()
            .map(|call| {
                let words: Vec<String> = self
                    .telling()
                    .split('|')
                    .filter(|word| !call.arguments.contains(*word))
                    .map(str::to_owned)
                    .collect();
                let persona = &self.personas[call.persona];
                let pattern = if words.is_empty() {
                    "mako nothing".to_owned()
                } else {
                    words.join("|")
                };
                format!(
                    "{}; select count(*) from (select {}({})::text as v) as mako_row where v ~* {}",
                    persona.settings(&self.session.admin, self.catalog, &function.schema),
                    function.sql(),
                    call.arguments,
                    literal(&pattern)
                )
            })
            .collect();
        for (call, outcome) in doubtful.iter().zip(self.session.attempt(scripts).await) {
            if outcome.is_ok_and(|rows| crate::attack::says_yes(&rows)) {
                let persona = &self.personas[call.persona];
                about.leak(
                    "function_reads_others",
                    format!(
                        "{} answers {} with another tenant's rows",
                        function.label(),
                        persona.label
                    ),
                    reproduce(persona, &format!("select {}({})", function.sql(), call.arguments)),
                );
            }
        }
    }

    fn call_script(
        &self,
        function: &Function,
        fresh: bool,
        persona: usize,
        arguments: &str,
        judge: &str,
    ) -> String {
        let victim;
        let persona = if let Some(persona) = self.personas.get(persona) {
            persona
        } else {
            victim = self.victim();
            &victim
        };
        format!(
            "{}{}; select set_config('mako.seen', md5(coalesce(string_agg(v, '|' order by v), '')), true) from (select {}({arguments})::text as v) as mako_row; \
             set constraints all immediate; {}; select current_setting('mako.seen'), {judge}",
            if fresh { "discard plans; " } else { "" },
            persona.settings(&self.session.admin, self.catalog, &function.schema),
            function.sql(),
            self.session.back()
        )
    }

    /// Who calls: everybody if there is nothing to vary, else those who differ most.
    fn callers(&self, function: &Function, lists: usize) -> Vec<usize> {
        let may = |persona: &Persona| function.callers.contains(&persona.role);
        let few = [
            "a user of another tenant",
            "a user without any tenant",
            "anon",
            "a token without a user",
        ];
        (0..self.personas.len())
            .filter(|n| may(&self.personas[*n]) && !self.personas[*n].service)
            .filter(|n| {
                lists == 1
                    || few.contains(&self.personas[*n].label)
                    || self.personas[*n].label.contains("user_metadata")
                    || self.personas[*n].label.contains("headers")
            })
            .collect()
    }

    /// Whether anything of the other tenant's, or for nobody, has been written.
    fn effects(&self, function: &Function) -> String {
        let mut tests = vec![format!("({})", self.written(&self.all_foreign()))];
        if function.volatility == 'v' {
            tests.extend(self.made_for_others(|relation| {
                let name = &self.catalog.relations[relation].name;
                function.source.contains(name.as_str()) || self.catalog.relations.len() < 30
            }));
        }
        tests.join(" or ")
    }

    /// Values for all arguments, the likeliest to tell something first.
    fn argument_lists(&self, function: &Function) -> Vec<String> {
        let rows = self.rows_in_question(function);
        let choices: Vec<Vec<String>> = function
            .types
            .iter()
            .map(|argument| self.values_for(argument, function, &rows))
            .collect();
        let mut lists = Vec::new();
        let required = function.types.len() - function.defaults.min(function.types.len());
        lists.extend(combinations(&choices));
        if required < choices.len() {
            lists.extend(combinations(&choices[..required]));
        }
        let variadic = |values: &[String]| -> String {
            let mut values = values.to_vec();
            if function.variadic
                && values.len() == function.types.len()
                && let Some(last) = values.last_mut()
            {
                *last = format!("variadic {last}");
            }
            values.join(", ")
        };
        let mut lists: Vec<String> = lists.iter().map(|values| variadic(values)).collect();
        let mut seen = std::collections::HashSet::new();
        lists.retain(|list| seen.insert(list.clone()));
        lists
    }

    /// The other tenant's rows, of relations that the function speaks of first; then the attacker's own.
    fn rows_in_question(&self, function: &Function) -> Vec<&Row> {
        let mut rows: Vec<&Row> = Vec::new();
        let mentioned = |row: &&Row| {
            function
                .source
                .contains(self.catalog.relations[row.relation].name.as_str())
        };
        for belongs in [Belongs::Other, Belongs::Nobody, Belongs::Own] {
            for wanted in [true, false] {
                let mut relations: Vec<usize> = Vec::new();
                for row in self.world.rows.iter().filter(|row| {
                    row.belongs == belongs && mentioned(row) == wanted && row.relation == row.home
                }) {
                    // Of each relation a few: they differ in what policies may distinguish.
                    let most = if wanted && belongs == Belongs::Other { 3 } else { 1 };
                    if relations.iter().filter(|n| **n == row.relation).count() < most {
                        relations.push(row.relation);
                        rows.push(row);
                    }
                }
            }
        }
        rows.retain(|row| self.catalog.relations[row.relation].schema != crate::controls::SCHEMA);
        rows
    }

    fn values_for(&self, argument: &Argument, function: &Function, rows: &[&Row]) -> Vec<String> {
        let people = self.people;
        let name = argument
            .name
            .trim_start_matches("p_")
            .trim_start_matches("in_")
            .trim_start_matches("arg_")
            .trim_matches('_')
            .to_lowercase();
        let as_type = |text: &str| typed(Some(text), &argument.sql_type);
        let mut texts: Vec<String> = Vec::new();
        if argument.relation != 0 {
            return self.row_values(argument, rows);
        }
        let held = |row: &Row, column: &str| row.values.get(column).cloned().flatten();
        let (others, own): (Vec<&Row>, Vec<&Row>) =
            rows.iter().copied().partition(|row| row.belongs != Belongs::Own);
        // What a column of that name holds, or the id of a relation of that name.
        let by_name = |rows: &[&Row]| -> Vec<String> {
            rows.iter()
                .flat_map(|row| {
                    let relation = &self.catalog.relations[row.relation];
                    let of_relation = name
                        .strip_suffix("_id")
                        .or_else(|| name.strip_suffix("id"))
                        .is_some_and(|stem| {
                            !stem.is_empty()
                                && relation
                                    .name
                                    .to_lowercase()
                                    .starts_with(stem.trim_end_matches('_'))
                        });
                    let key = if of_relation {
                        relation
                            .key()
                            .and_then(|key| (key.len() == 1).then(|| key[0].to_owned()))
                    } else {
                        None
                    };
                    [held(row, &name), key.and_then(|key| held(row, &key))]
                        .into_iter()
                        .flatten()
                        .collect::<Vec<_>>()
                })
                .collect()
        };
        texts.extend(by_name(&others));
        let keys = |rows: &[&Row]| -> Vec<String> {
            rows.iter()
                .filter_map(|row| {
                    let relation = &self.catalog.relations[row.relation];
                    let key = relation.key().filter(|key| key.len() == 1)?;
                    let column = relation.column(key[0])?;
                    (column.base_name == argument.base_name || argument.category == 'S')
                        .then(|| held(row, key[0]))
                        .flatten()
                })
                .collect()
        };
        match (argument.base_name.as_str(), argument.category) {
            ("uuid", _) => {
                texts.extend([people.other.user.clone(), people.other.tenant.clone()]);
                texts.extend(keys(&others));
                texts.extend([
                    people.own.user.clone(),
                    people.own.tenant.clone(),
                    people.spare.user.clone(),
                ]);
                texts.extend(by_name(&own));
                texts.extend(keys(&own));
                texts.retain(|text| text.len() == 36);
            }
            (_, 'S') => {
                texts.push(people.other.user.clone());
                texts.push(people.other.tenant.clone());
                let words = others.iter().flat_map(|row| {
                    row.values
                        .values()
                        .flatten()
                        .filter(|value| !row.marker.is_empty() && value.contains(&row.marker))
                        .take(2)
                        .cloned()
                });
                texts.extend(words.take(6));
                texts.extend(
                    others
                        .iter()
                        .map(|row| self.catalog.relations[row.relation].name.clone())
                        .take(3),
                );
                texts.extend(
                    others
                        .iter()
                        .map(|row| self.catalog.relations[row.relation].label())
                        .take(1),
                );
                texts.extend(keys(&others).into_iter().take(3));
                texts.extend(["%", "", "user_id", "id", "true"].map(str::to_owned));
                if function.source.contains("role") {
                    texts.extend(["service_role", "postgres"].map(str::to_owned));
                }
                texts.extend(
                    crate::values::words_in(&function.source)
                        .into_iter()
                        .filter(|word| word.len() < 30)
                        .take(4),
                );
            }
            (_, 'N') => {
                texts.extend(keys(&others));
                texts.extend(
                    [&people.other.user, &people.other.tenant]
                        .into_iter()
                        .filter(|id| id.parse::<i64>().is_ok())
                        .cloned(),
                );
                texts.extend(["1", "0", "1000"].map(str::to_owned));
                texts.extend(keys(&own));
                texts.retain(|text| {
                    text.parse::<f64>().is_ok()
                        && (argument.base_name != "int2" || text.len() < 5)
                        && (argument.base_name != "int4" || text.len() < 10 || text.starts_with('1'))
                });
            }
            (_, 'B') => texts.extend(["true", "false"].map(str::to_owned)),
            (_, 'E') => texts.extend(argument.labels.clone()),
            (_, 'D') => texts.extend(["1970-01-01", "2200-01-01"].map(str::to_owned)),
            (_, 'T') => texts.extend(["100 years", "0"].map(str::to_owned)),
            ("json" | "jsonb", _) => texts.extend(self.documents(function, &others)),
            (_, 'A') => {
                let element = Argument {
                    category: category_of(argument),
                    base_name: argument.element.clone().unwrap_or_default(),
                    sql_type: argument.element.clone().unwrap_or_default(),
                    kind: 'b',
                    ..argument.clone()
                };
                if element.category != 'A' {
                    let values: Vec<String> = self
                        .values_for(&element, function, rows)
                        .into_iter()
                        .take(8)
                        .collect();
                    return vec![
                        format!("array[{}]::{}", values.join(", "), argument.sql_type),
                        typed(Some("{}"), &argument.sql_type),
                    ];
                }
            }
            _ => {}
        }
        let mut seen = std::collections::HashSet::new();
        texts.retain(|text| seen.insert(text.clone()));
        texts.truncate(24);
        let mut values: Vec<String> = texts.iter().map(|text| as_type(text)).collect();
        values.push(typed(None, &argument.sql_type));
        values
    }

    /// The other tenant's rows as JSON, and every key that the function reads.
    fn documents(&self, function: &Function, others: &[&Row]) -> Vec<String> {
        let mut documents: Vec<String> = others
            .iter()
            .take(4)
            .filter_map(|row| serde_json::to_string(&row.values).ok())
            .collect();
        let keys: Vec<String> = crate::values::words_in(&function.source);
        for value in [&self.people.other.user, &self.people.other.tenant] {
            let object: BTreeMap<&str, &str> =
                keys.iter().map(|key| (key.as_str(), value.as_str())).collect();
            documents.extend(serde_json::to_string(&object));
        }
        if let Ok(all) =
            serde_json::to_string(&others.iter().take(3).map(|row| &row.values).collect::<Vec<_>>())
        {
            documents.push(all);
        }
        documents.push("{}".to_owned());
        documents
    }

    fn row_values(&self, argument: &Argument, rows: &[&Row]) -> Vec<String> {
        let of = rows.iter().filter(|row| {
            let relation = &self.catalog.relations[row.relation];
            argument.sql_type == relation.name
                || argument.sql_type.ends_with(&format!(".{}", relation.name))
                || argument.sql_type.contains(&format!("\"{}\"", relation.name))
        });
        let mut values: Vec<String> = of
            .take(3)
            .map(|row| {
                let relation = &self.catalog.relations[row.relation];
                let fields: Vec<String> = relation
                    .columns
                    .iter()
                    .map(|column| {
                        typed(
                            row.values.get(&column.name).and_then(Option::as_deref),
                            &column.base,
                        )
                    })
                    .collect();
                format!("row({})::{}", fields.join(", "), relation.sql())
            })
            .collect();
        values.push(typed(None, &argument.sql_type));
        values
    }

    /// Does it run a text as SQL? Whoever calls it then is whoever they like.
    async fn run_as_sql(&self, function: &Function, about: &mut Learnt) {
        let texts: Vec<usize> = (0..function.types.len())
            .filter(|at| {
                matches!(function.types[*at].category, 'S')
                    || matches!(function.types[*at].base_name.as_str(), "json" | "jsonb")
            })
            .collect();
        let Some(persona) = self.callers(function, 2).first().copied() else {
            return;
        };
        if texts.is_empty() {
            return;
        }
        let rows = self.rows_in_question(function);
        let base: Vec<String> = function
            .types
            .iter()
            .map(|argument| {
                self.values_for(argument, function, &rows)
                    .into_iter()
                    .next()
                    .unwrap_or_default()
            })
            .collect();
        let mut tries = Vec::new();
        for at in texts {
            for payload in payloads(
                rows.first()
                    .map(|row| self.catalog.relations[row.relation].sql())
                    .as_deref(),
            ) {
                let mut values = base.clone();
                let argument = &function.types[at];
                values[at] = if argument.category == 'S' {
                    typed(Some(&payload), &argument.sql_type)
                } else {
                    let keys = crate::values::words_in(&function.source);
                    let object: BTreeMap<&str, &str> =
                        keys.iter().map(|key| (key.as_str(), payload.as_str())).collect();
                    typed(serde_json::to_string(&object).ok().as_deref(), &argument.sql_type)
                };
                tries.push(values.join(", "));
            }
        }
        let settings = self.personas[persona].settings(&self.session.admin, self.catalog, &function.schema);
        let scripts = tries
            .iter()
            .map(|arguments| {
                format!(
                    "select set_config('mako.ran', '', true); {settings}; select count(v) from (select {}({arguments})::text as v) as mako_row; {}; select current_setting('mako.ran') = 'yes'",
                    function.sql(),
                    self.session.back()
                )
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
                about.leak(
                    "runs_text_as_sql",
                    format!("{} runs a text that its caller gives as SQL: they can set any claims and be any user", function.label()),
                    reproduce(persona, &format!("select {}({arguments})", function.sql())),
                );
                break;
            }
        }
    }
}

fn category_of(array: &Argument) -> char {
    match array.element.as_deref() {
        Some("text" | "character varying") => 'S',
        Some("uuid") => 'U',
        Some("integer" | "bigint" | "numeric" | "smallint") => 'N',
        Some("json" | "jsonb") => 'U',
        _ => 'A',
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

/// Every combination if there are few, else one argument after the other.
fn combinations(choices: &[Vec<String>]) -> Vec<Vec<String>> {
    let mut lists: Vec<Vec<String>> = vec![Vec::new()];
    let product: usize = choices.iter().map(Vec::len).product();
    let each = match choices.len() {
        0 | 1 => MOST,
        2 => 6,
        3 => 3,
        _ => 2,
    };
    for values in choices {
        let most = if product <= MOST { values.len() } else { each };
        lists = lists
            .into_iter()
            .flat_map(|list| {
                values
                    .iter()
                    .take(most)
                    .map(move |value| [list.clone(), vec![value.clone()]].concat())
            })
            .collect();
        lists.truncate(MOST);
    }
    let base: Vec<String> = choices
        .iter()
        .filter_map(|values| values.first().cloned())
        .collect();
    if product > MOST && base.len() == choices.len() {
        for (at, values) in choices.iter().enumerate() {
            for value in values.iter().take(12) {
                let mut list = base.clone();
                list[at] = value.clone();
                lists.push(list);
            }
        }
    }
    lists
}

fn answer(outcome: Option<Outcome>) -> Option<String> {
    match outcome {
        Some(Ok(rows)) => rows
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next().flatten()),
        Some(Err(refusal)) => Some(refusal.code),
        None => None,
    }
}

/// What the model says may be told to everybody.
fn is_public(model: &Model, function: &Function) -> bool {
    let squeezed = |text: &str| text.replace(' ', "");
    model.functions.iter().any(|(name, entry)| {
        entry.public
            && (squeezed(name) == squeezed(&function.label())
                || squeezed(name) == squeezed(&function.signature)
                || *name == format!("{}.{}", function.schema, function.name))
    })
}

impl Catalog {
    /// What a function does that no rollback undoes, itself or by a function that it names.
    pub(crate) fn acts_outside(&self, function: &Function, depth: usize) -> Option<&'static str> {
        let named = |other: &&Function| {
            other.oid != function.oid
                && function.source.contains(other.name.as_str())
                && function.source.contains(&format!("{}(", other.name))
        };
        acts_outside(&function.source).or_else(|| {
            if depth > 3 {
                return None;
            }
            self.functions
                .iter()
                .filter(named)
                .find_map(|other| self.acts_outside(other, depth + 1))
        })
    }
}

/// What a body does that no rollback undoes.
fn acts_outside(source: &str) -> Option<&'static str> {
    let source = source.to_lowercase();
    [
        "dblink",
        "http_get",
        "http_post",
        "http_put",
        "http_delete",
        "http((",
        "pg_background",
        "lo_export",
        "lo_import",
        "to program",
        "aws_lambda",
        "pg_logical_emit_message",
    ]
    .into_iter()
    .find(|word| source.contains(word))
    .filter(|_| !source.contains("net.http_"))
}
