//! Finds what functions give away or do. Each that an attacker can call is called with the other tenant's ids, words
//! and rows, before and after those rows are there; and with SQL for text, to see whether it is run.

mod arguments;
mod kept;
mod oracle;
pub(crate) mod outward;
mod sql_text;

use std::collections::BTreeMap;

use crate::assessment::{Assessment, reproduce};
use crate::catalog::Function;
use crate::context::Context;
use crate::extensions;
use crate::model::Model;
use crate::persona::Persona;
use crate::rules;
use crate::script::{Outcome, Refusal, Script};
use crate::sql::literal;

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    function: usize,
    /// Whose call it is; `personas.len()` is the other tenant's own user.
    persona: usize,
    arguments: String,
    /// What came back: the answer or its digest, or `!` and a refusal's code.
    answer: Option<String>,
    /// The same call once more.
    again: Option<String>,
}

impl Context<'_> {
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
        assessments: &mut BTreeMap<usize, Assessment>,
    ) -> Vec<Call> {
        let mut calls = Vec::new();
        for (n, function) in self.callable() {
            let about = assessments.entry(n).or_default();
            let known = function.extension.as_deref().is_some_and(extensions::is_known);
            if known && !function.definer {
                self.run_as_sql(function, about).await;
                continue;
            }
            if let Some(why) = self.catalog.acts_outside(function, 0) {
                if !known {
                    about.untested.insert(format!(
                        "it would act outside the database ({why}), which no rollback takes back"
                    ));
                }
                continue;
            }
            // Read-only, or without the right: what was there before can't be taken away, to see whether it shows.
            if self.has_tenants() && self.all_foreign().is_empty() {
                about.untested.insert(
                    "there is no made-up row of another tenant's that its answers might show".to_owned(),
                );
            } else {
                let made = self.call(n, function, is_public(model, function), about).await;
                calls.extend(made);
            }
            self.run_as_sql(function, about).await;
            self.kept_settings(function, about).await;
            if known {
                // What could not be tried is among what is known of it.
                about.untested.clear();
            }
        }
        calls
    }

    async fn call(&self, n: usize, function: &Function, public: bool, about: &mut Assessment) -> Vec<Call> {
        let lists = self.argument_lists(function);
        let judge = self.effects(function);
        let mut calls = Vec::new();
        let mut scripts = Vec::new();
        for arguments in &lists {
            for persona in self.callers(function, lists.len()) {
                // First as the other tenant: a plan that was made for them must not serve the attacker.
                scripts.push(self.call_script(
                    function,
                    persona == 0 && !self.session.shares_plans(),
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
                if self.tells(&refusal.message, &call.arguments) {
                    self.reads_others(call, "tells of another tenant's rows in an error to", about);
                }
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
            if let Some(harm) = first.as_ref().and_then(harm) {
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
    pub(crate) async fn compare_calls(
        &self,
        calls: Vec<Call>,
        assessments: &mut BTreeMap<usize, Assessment>,
    ) {
        let stable: Vec<Call> = calls
            .into_iter()
            .filter(|call| call.answer == call.again)
            .collect();
        let mut scripts = vec![Script::default().act("discard plans")];
        scripts.extend(stable.iter().map(|call| {
            let function = &self.catalog.functions[call.function];
            self.call_script(function, false, call.persona, &call.arguments, "null")
        }));
        let outcomes = self.session.attempt(scripts).await.into_iter().skip(1);
        for (call, outcome) in stable.into_iter().zip(outcomes) {
            let refusal = outcome.as_ref().err().cloned();
            let before = answer(Some(outcome));
            if before == call.answer
                || [before.as_deref(), call.answer.as_deref()]
                    .into_iter()
                    .any(undecided)
            {
                continue;
            }
            let persona = &self.personas[call.persona];
            if self.came_late(persona) {
                continue;
            }
            let function = &self.catalog.functions[call.function];
            let about = assessments.entry(call.function).or_default();
            if let Some(constraint) = self.oracle(&call, refusal).await {
                about.find(
                    rules::EXISTENCE_ORACLE,
                    format!(
                        "{} tells {} whether another tenant has a value: it meets {constraint}, which is over all tenants",
                        function.label(),
                        persona.label
                    ),
                    reproduce(persona, &format!("select {}({})", function.sql(), call.arguments)),
                );
                continue;
            }
            self.reads_others(&call, "answers by another tenant's rows to", about);
        }
    }

    /// Looks for the other tenant's words in answers that are different each time anyway.
    async fn search_answers(
        &self,
        function: &Function,
        calls: &[Call],
        public: bool,
        about: &mut Assessment,
    ) {
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
                let settings = persona.settings(&self.session.admin, self.catalog, &function.schema);
                Script::default().be(settings).ask(format!(
                    "select count(*) from (select {}({})::text as v) as mako_row where v ~* {}",
                    function.sql(),
                    call.arguments,
                    literal(&pattern)
                ))
            })
            .collect();
        for (call, outcome) in doubtful.iter().zip(self.session.attempt(scripts).await) {
            if outcome.is_ok_and(|rows| crate::attack::says_yes(&rows)) {
                self.reads_others(call, "answers with another tenant's rows to", about);
            }
        }
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
    fn tells(&self, text: &str, arguments: &str) -> bool {
        let mut text = text.to_lowercase();
        let given = crate::values::words_in(arguments);
        for given in given.iter().filter(|word| word.len() > 3) {
            text = text.replace(&given.to_lowercase(), " ");
        }
        self.telling()
            .split('|')
            .any(|word| text.contains(&word.to_lowercase()))
    }

    fn call_script(
        &self,
        function: &Function,
        fresh: bool,
        persona: usize,
        arguments: &str,
        judge: &str,
    ) -> Script {
        let victim;
        let persona = if let Some(persona) = self.personas.get(persona) {
            persona
        } else {
            victim = self.victim();
            &victim
        };
        let fresh = if fresh {
            Script::default().act("discard plans")
        } else {
            Script::default()
        };
        fresh
            .watch(self.everywhere())
            .be(persona.settings(&self.session.admin, self.catalog, &function.schema))
            .ask_often(format!(
                "select case when length(string_agg(v, '|')) > 8 then md5(string_agg(v, '|' order by v)) \
                 else coalesce(string_agg(v, '|'), '') end from (select {}({arguments})::text as v) as mako_row",
                function.sql()
            ))
            .judge(format!("select {judge}"))
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
                    || self.personas[*n].label.contains("together")
                    || self.personas[*n].login.is_some()
            })
            .collect()
    }

    /// What of the other tenant's, or for another or nobody, has been written.
    fn effects(&self, function: &Function) -> String {
        let matters = |relation: usize| {
            let name = &self.catalog.relations[relation].name;
            function.volatility == 'v'
                && (function.source.contains(name.as_str()) || self.catalog.relations.len() < 30)
        };
        format!(
            "(select string_agg(what, ';') from ({}) as mako_harm)",
            self.harms(matters)
        )
    }
}

/// What a call did that it must not.
fn harm(outcome: &Outcome) -> Option<&str> {
    let row = outcome.as_ref().ok()?.get(1)?;
    row.first()?.as_deref()
}

/// Whether a call was stopped before it had an answer.
fn undecided(answer: Option<&str>) -> bool {
    matches!(answer, Some("!57014" | "!55P03" | "!40001" | "!40P01" | "!25P02"))
}

fn answer(outcome: Option<Outcome>) -> Option<String> {
    match outcome {
        Some(Ok(rows)) => rows
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next().flatten()),
        Some(Err(refusal)) => Some(format!("!{}", refusal.code)),
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
