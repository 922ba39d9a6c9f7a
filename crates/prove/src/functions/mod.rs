//! Finds what functions give away or do. Each that an attacker can call is called with the other tenant's ids, words
//! and rows, before and after those rows are there; and with SQL for text, to see whether it is run.

mod arguments;
mod kept;
mod oracle;
pub(crate) mod outward;
mod sql_text;

use std::collections::BTreeMap;

use crate::assessment::{Assessment, reproduce};
use crate::catalog::{Function, Volatility};
use crate::context::Context;
use crate::extensions;
use crate::ids::{FunctionId, PersonaId, RelationId};
use crate::model::Model;
use crate::persona::Persona;
use crate::rules;
use crate::script::{Outcome, Refusal, Script};
use crate::sql::literal;

/// Begins the reason of what could not be called at all.
pub(crate) const UNCALLED: &str = "no call of it succeeded";

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    function: FunctionId,
    persona: PersonaId,
    arguments: String,
    /// What came back: the answer or its digest, or `!` and a refusal's code.
    answer: Option<String>,
    /// Whether the answer held the other tenant's words, other than those that were given.
    tells: bool,
}

impl Context<'_> {
    fn callable(&self) -> impl Iterator<Item = (FunctionId, &Function)> {
        self.catalog
            .functions
            .with_ids()
            .filter(|(_, function)| function.is_callable())
    }

    /// Calls every function as those who matter, while the other tenant's rows are there.
    pub(crate) async fn call_functions(
        &self,
        model: &Model,
        assessments: &mut BTreeMap<FunctionId, Assessment>,
    ) -> Vec<Call> {
        let tasks: Vec<_> = self
            .callable()
            .map(|(n, function)| {
                let about = assessments.remove(&n).unwrap_or_default();
                let task = self.attack_function(n, function, is_public(model, function), about);
                (function.label(), task)
            })
            .collect();
        let mut calls = Vec::new();
        for (n, about, made) in self.session.together(tasks).await {
            assessments.insert(n, about);
            calls.extend(made);
        }
        calls
    }

    async fn attack_function(
        &self,
        n: FunctionId,
        function: &Function,
        public: bool,
        mut about: Assessment,
    ) -> (FunctionId, Assessment, Vec<Call>) {
        let known = function.extension.as_deref().is_some_and(extensions::is_known);
        if known && !function.definer {
            self.run_as_sql(function, &mut about).await;
            return (n, about, Vec::new());
        }
        if let Some(why) = self.catalog.acts_outside(function, 0) {
            if !known {
                about.untested.insert(format!(
                    "it would act outside the database ({why}), which no rollback takes back"
                ));
            }
            return (n, about, Vec::new());
        }
        let mut calls = Vec::new();
        // Read-only, or without the right: what was there before can't be taken away, to see whether it shows.
        if self.has_tenants() && self.all_foreign().is_empty() {
            about
                .untested
                .insert("there is no made-up row of another tenant's that its answers might show".to_owned());
        } else {
            calls = self.call(n, function, &mut about).await;
        }
        self.run_as_sql(function, &mut about).await;
        self.kept_settings(function, &mut about).await;
        if known {
            // What could not be tried is among what is known of it.
            about.untested.clear();
        }
        if public {
            calls.clear();
        }
        (n, about, calls)
    }

    /// Calls it as everybody who matters, first as the other tenant: a plan that was made for them must not serve the
    /// attacker.
    async fn call(&self, n: FunctionId, function: &Function, about: &mut Assessment) -> Vec<Call> {
        let lists = self.argument_lists(function);
        let victim = self.victim();
        let judge = self.effects(function, &victim);
        let mut scripts = Vec::new();
        if !self.session.shares_plans() {
            scripts.push(Script::default().act("discard plans"));
        }
        let fresh = scripts.len();
        scripts.extend(
            lists
                .iter()
                .map(|arguments| self.call_script(function, &victim, arguments, &judge)),
        );
        let mut calls = Vec::new();
        for persona in self.callers(function, lists.len()) {
            let judge = self.effects(function, &self.personas[persona]);
            for arguments in &lists {
                scripts.push(self.call_script(function, &self.personas[persona], arguments, &judge));
                calls.push(Call {
                    function: n,
                    persona,
                    arguments: arguments.clone(),
                    answer: None,
                    tells: false,
                });
            }
        }
        let outcomes: Vec<Outcome> = self.session.attempt(scripts).await.split_off(fresh);
        let refusals: Vec<Refusal> = outcomes
            .iter()
            .skip(lists.len())
            .filter_map(|outcome| outcome.as_ref().err().cloned())
            .collect();
        let succeeded = outcomes.iter().any(Result::is_ok);
        for (call, outcome) in calls.iter_mut().zip(outcomes.into_iter().skip(lists.len())) {
            self.judge_call(call, &outcome, about);
            call.tells = tells(&outcome);
            call.answer = answer(outcome);
        }
        if !succeeded {
            untold(&refusals, about);
        }
        calls
    }

    /// What a call did, and what its refusal tells.
    fn judge_call(&self, call: &Call, outcome: &Outcome, about: &mut Assessment) {
        about.attempts += 1;
        let function = &self.catalog.functions[call.function];
        if let Err(refusal) = outcome {
            if self.told(&refusal.message, &call.arguments) {
                self.reads_others(call, "tells of another tenant's rows in an error to", about);
            }
            if refusal.is_inconclusive() {
                about.untested.insert(format!(
                    "a call of it could not be judged: {} [{}]",
                    refusal.message, refusal.code
                ));
            }
        }
        if let Some(harm) = harm(outcome) {
            let persona = &self.personas[call.persona];
            let message = format!(
                "{} changes or makes rows of another tenant's by calling {}: {}",
                persona.label,
                function.label(),
                self.describe(harm)
            );
            let attack = format!("select {}({})", function.sql(), call.arguments);
            about.accuse(persona, rules::FUNCTION_CHANGES_OTHERS, message, &attack);
        }
    }

    /// Calls again as if the other tenant had never been there, and compares.
    pub(crate) async fn compare_calls(
        &self,
        calls: Vec<Call>,
        assessments: &mut BTreeMap<FunctionId, Assessment>,
    ) {
        let mut different = Vec::new();
        for (call, outcome) in self.called_again(calls).await {
            let refusal = outcome.as_ref().err().cloned();
            let alone = answer(outcome);
            let answers = [alone.as_deref(), call.answer.as_deref()];
            if alone == call.answer || answers.into_iter().any(undecided) {
                continue;
            }
            if answers.into_iter().any(out_of_range) {
                let about = assessments.entry(call.function).or_default();
                about.untested.insert(OUT_OF_RANGE.to_owned());
                continue;
            }
            different.push((call, alone, refusal));
        }
        // What is different each time anyway tells nothing, unless it holds the other tenant's words.
        let again = self
            .called_again(different.iter().map(|(call, ..)| call.clone()).collect())
            .await;
        for ((call, alone, refusal), (_, outcome)) in different.into_iter().zip(again) {
            let about = assessments.entry(call.function).or_default();
            if answer(outcome) != alone && kind(alone.as_deref()) == kind(call.answer.as_deref()) {
                if call.tells {
                    self.reads_others(&call, "answers with another tenant's rows to", about);
                }
            } else if !self.came_late(&self.personas[call.persona]) {
                self.differs(&call, refusal, about).await;
            }
        }
    }

    /// The same calls once more, those of one attacker after the other.
    async fn called_again(&self, mut calls: Vec<Call>) -> Vec<(Call, Outcome)> {
        calls.sort_by_key(|call| call.persona);
        let mut scripts = vec![Script::default().act("discard plans")];
        scripts.extend(calls.iter().map(|call| {
            let function = &self.catalog.functions[call.function];
            self.call_script(function, &self.personas[call.persona], &call.arguments, "null")
        }));
        let outcomes = self.session.attempt(scripts).await.into_iter().skip(1);
        calls.into_iter().zip(outcomes).collect()
    }

    /// A call is answered otherwise as soon as the other tenant is there.
    async fn differs(&self, call: &Call, refusal: Option<Refusal>, about: &mut Assessment) {
        let function = &self.catalog.functions[call.function];
        let persona = &self.personas[call.persona];
        let Some(constraint) = self.oracle(call, refusal).await else {
            self.reads_others(call, "answers by another tenant's rows to", about);
            return;
        };
        about.find(
            rules::EXISTENCE_ORACLE,
            format!(
                "{} tells {} whether another tenant has a value: it meets {constraint}, which is over all tenants",
                function.label(),
                persona.label
            ),
            reproduce(persona, &format!("select {}({})", function.sql(), call.arguments)),
        );
    }

    fn reads_others(&self, call: &Call, how: &str, about: &mut Assessment) {
        let (function, persona) = (
            &self.catalog.functions[call.function],
            &self.personas[call.persona],
        );
        let message = format!("{} {how} {}", function.label(), persona.label);
        let attack = format!("select {}({})", function.sql(), call.arguments);
        about.accuse(persona, rules::FUNCTION_READS_OTHERS, message, &attack);
    }

    /// Whether a text holds the other tenant's words, other than those that were given.
    fn told(&self, text: &str, arguments: &str) -> bool {
        let mut text = text.to_lowercase();
        for given in crate::constants::words_in(arguments) {
            // A syntax error quotes a part of what was given.
            let parts = given.split(|c: char| !c.is_alphanumeric() && c != '-');
            for part in std::iter::once(given.as_str())
                .chain(parts)
                .filter(|part| part.len() > 3)
            {
                text = text.replace(&part.to_lowercase(), " ");
            }
        }
        self.telling()
            .split('|')
            .any(|word| text.contains(&word.to_lowercase()))
    }

    /// The answer's digest and whether it holds the other tenant's words, then what came of the call.
    fn call_script(&self, function: &Function, persona: &Persona, arguments: &str, judge: &str) -> Script {
        let telling = self.telling();
        let words: Vec<&str> = telling
            .split('|')
            .filter(|word| !arguments.contains(*word))
            .collect();
        let tells = if words.is_empty() {
            "false".to_owned()
        } else {
            format!("bool_or(v ~* {})", literal(&words.join("|")))
        };
        Script::default()
            .watch(self.everywhere())
            .be(persona.settings(&self.session.admin, self.catalog, &function.schema))
            .ask_often(format!(
                "select case when length(string_agg(v, '|')) > 8 then md5(string_agg(v, '|' order by v)) \
                 else coalesce(string_agg(v, '|'), '') end, {tells} from (select {}({arguments})::text as v) as mako_row",
                function.sql()
            ))
            .judge(format!("select {judge}"))
    }

    /// Who calls: everybody if there is nothing to vary, else those who differ most.
    fn callers(&self, function: &Function, lists: usize) -> Vec<PersonaId> {
        let may = |persona: &Persona| function.callers.contains(&persona.role);
        let asks_roles = self.asks_roles(function);
        let few = [
            "a user of another tenant",
            "a user without any tenant",
            "anon",
            "a token without a user",
        ];
        self.personas
            .ids()
            .filter(|n| may(&self.personas[*n]) && !self.personas[*n].service)
            .filter(|n| {
                lists == 1
                    || few.contains(&self.personas[*n].label)
                    || self.personas[*n].label.contains("user_metadata")
                    || self.personas[*n].label.contains("headers")
                    || self.personas[*n].label.contains("together")
                    || self.personas[*n].label.contains("request")
                    || asks_roles && self.personas[*n].label.contains("another role")
                    || self.personas[*n].login.is_some()
            })
            .collect()
    }

    /// Whether it asks what else a membership says than who belongs where: an admin may do more than a member.
    fn asks_roles(&self, function: &Function) -> bool {
        let Some((at, user, tenant)) = &self.plan.membership else {
            return false;
        };
        let table = &self.catalog.relations[*at];
        let says = |word: &str| self.catalog.says(&function.source, &word.to_lowercase(), 0);
        let mut columns = table.columns.iter().map(|column| column.name.as_str());
        says(&table.name)
            && columns
                .any(|name| name != user && name != tenant && table.key() != Some(vec![name]) && says(name))
    }

    /// What of the other tenant's, or for another or nobody, has been written.
    fn effects(&self, function: &Function, persona: &Persona) -> String {
        let matters = |relation: RelationId| {
            let name = &self.catalog.relations[relation].name;
            function.volatility == Volatility::Volatile
                && (function.source.contains(name.as_str()) || self.catalog.relations.len() < 30)
        };
        format!(
            "(select string_agg(what, ';') from ({}) as mako_harm)",
            self.harms(&self.foreign_to_all_of(persona), matters)
        )
    }
}

/// Of a function that refuses every call, and not on purpose, nothing is known.
fn untold(refusals: &[Refusal], about: &mut Assessment) {
    let deliberate = |code: &str| code == "42501" || code == "P0001" || code.starts_with("PT");
    let by_chance = refusals.iter().find(|refusal| !deliberate(&refusal.code));
    if let Some(refusal) = by_chance.filter(|_| !about.leaks()) {
        about
            .untested
            .insert(format!("{UNCALLED}: {} [{}]", refusal.message, refusal.code));
    }
}

/// Whether an answer held the other tenant's words.
fn tells(outcome: &Outcome) -> bool {
    let told = |rows: &Vec<crate::script::Row>| rows.first()?.get(1)?.clone();
    outcome.as_ref().ok().and_then(told).as_deref() == Some("t")
}

/// What a call did that it must not.
fn harm(outcome: &Outcome) -> Option<&str> {
    let row = outcome.as_ref().ok()?.get(1)?;
    row.first()?.as_deref()
}

const OUT_OF_RANGE: &str =
    "whether what it refuses as out of range depends on another tenant's rows, or on the plan alone";

/// What sort of answer it is: none, a refusal, a digest or a few letters. Chance alone doesn't make one of the other.
fn kind(answer: Option<&str>) -> u8 {
    match answer {
        None | Some("") => 0,
        Some(code) if code.starts_with('!') => 1,
        Some(digest) if digest.len() == 32 => 2,
        Some(_) => 3,
    }
}

/// Whether a call was stopped before it had an answer.
fn undecided(answer: Option<&str>) -> bool {
    matches!(answer, Some("!57014" | "!55P03" | "!40001" | "!40P01" | "!25P02"))
}

/// Whether a number or a time was out of range: when that is noticed depends on the plan, so that it tells nothing of rows.
fn out_of_range(answer: Option<&str>) -> bool {
    matches!(answer, Some("!22003" | "!22008"))
}

fn answer(outcome: Outcome) -> Option<String> {
    match outcome {
        Ok(rows) => rows.into_iter().next()?.into_iter().next()?,
        Err(refusal) => Some(format!("!{}", refusal.code)),
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
