//! What is sent of many scripts at once: what repeats is sent once, and planned once.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Script, Setting, Statement, Step};
use crate::sql::Oid;

/// Scripts within a fence: a statement that holds for all of them; empty for none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bundle {
    /// For whoever waits.
    pub(crate) about: String,
    pub(crate) fence: String,
    pub(crate) scripts: Vec<Script>,
}

/// What `sql/batch.sql` reads.
#[derive(Debug, Serialize)]
pub(crate) struct Batch<'s> {
    /// Whether what succeeds stays.
    keep: bool,
    /// What makes the session the administrator's again.
    back: &'s str,
    settings: Vec<&'s [Setting]>,
    /// Lists of relations that are watched.
    watches: Vec<&'s [Oid]>,
    /// What is sent more than once.
    statements: Vec<&'s str>,
    bundles: Vec<Encoded<'s>>,
}

#[derive(Debug, Serialize)]
struct Encoded<'s> {
    fence: &'s str,
    path: &'s str,
    scripts: Vec<Steps<'s>>,
}

#[derive(Debug, Serialize)]
struct Steps<'s> {
    /// Under whose settings it is run; the settings of nobody are none.
    who: usize,
    steps: Vec<(&'static str, Words<'s>)>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Words<'s> {
    Sql(&'s str),
    Place(usize),
    /// The place of a statement that is planned once.
    Planned([usize; 1]),
}

/// Fewer than these are planned each time.
const OFTEN: usize = 3;

impl<'s> Batch<'s> {
    pub(crate) fn new(
        keep: bool,
        back: &'s str,
        shares_plans: bool,
        bundles: &[(&'s str, &'s [Script])],
    ) -> Self {
        let mut encoder = Encoder {
            counts: count(bundles),
            shares_plans,
            ..Encoder::default()
        };
        let bundles = bundles
            .iter()
            .map(|(fence, scripts)| Encoded {
                fence,
                path: path(scripts),
                scripts: scripts
                    .iter()
                    .map(|script| encoder.script(script, keep))
                    .collect(),
            })
            .collect();
        Self {
            keep,
            back,
            settings: encoder.settings.list,
            watches: encoder.watches.list,
            statements: encoder.statements.list,
            bundles,
        }
    }
}

/// Sends what repeats once.
#[derive(Default)]
struct Encoder<'s> {
    /// How often each statement is sent.
    counts: BTreeMap<&'s str, usize>,
    shares_plans: bool,
    settings: Places<'s, [Setting]>,
    watches: Places<'s, [Oid]>,
    statements: Places<'s, str>,
}

impl<'s> Encoder<'s> {
    /// Whoever is somebody from the start on shares the settings with those beside it.
    fn script(&mut self, Script(steps): &'s Script, keep: bool) -> Steps<'s> {
        let nobody = self.settings.of(&[]);
        let first = steps.iter().position(|step| !matches!(step, Step::Watch(_)));
        let mut encoded: Vec<_> = steps.iter().map(|step| self.step(step)).collect();
        let who = first
            .filter(|at| !keep && matches!(steps[*at], Step::Be(_)))
            .map(|at| encoded.remove(at));
        Steps {
            who: if let Some((_, Words::Place(place))) = who {
                place
            } else {
                nobody
            },
            steps: encoded,
        }
    }

    fn step(&mut self, step: &'s Step) -> (&'static str, Words<'s>) {
        match step {
            Step::Be(somebody) => ("be", Words::Place(self.settings.of(somebody))),
            Step::Do(statement) => ("do", self.words(statement, self.shares_plans)),
            Step::Ask(statement) => ("ask", self.words(statement, self.shares_plans)),
            Step::Watch(relations) => ("watch", Words::Place(self.watches.of(relations))),
            // Of the administrator's own, who is always the same.
            Step::Judge(statement) => ("judge", self.words(statement, true)),
        }
    }

    fn words(&mut self, statement: &'s Statement, shares_plans: bool) -> Words<'s> {
        let sql = statement.sql();
        let count = self.counts.get(sql).copied().unwrap_or_default();
        match statement {
            Statement::Often(_) if shares_plans && count >= OFTEN => {
                Words::Planned([self.statements.of(sql)])
            }
            _ if count > 1 => Words::Place(self.statements.of(sql)),
            _ => Words::Sql(sql),
        }
    }
}

/// The first search path that is set.
fn path(scripts: &[Script]) -> &str {
    let steps = scripts.iter().flat_map(|Script(steps)| steps);
    let settings = steps.filter_map(|step| {
        if let Step::Be(settings) = step {
            Some(settings)
        } else {
            None
        }
    });
    let mut paths = settings.flatten().filter(|(name, _)| *name == "search_path");
    paths.next().map_or("", |(_, path)| path)
}

fn count<'s>(bundles: &[(&'s str, &'s [Script])]) -> BTreeMap<&'s str, usize> {
    let scripts = bundles.iter().flat_map(|(_, scripts)| *scripts);
    let mut counts = BTreeMap::new();
    for step in scripts.flat_map(|Script(steps)| steps) {
        if let Step::Do(statement) | Step::Ask(statement) | Step::Judge(statement) = step {
            *counts.entry(statement.sql()).or_default() += 1;
        }
    }
    counts
}

/// Things that are sent once, each with its place in the list.
struct Places<'s, T: ?Sized> {
    list: Vec<&'s T>,
    places: BTreeMap<&'s T, usize>,
}

impl<T: ?Sized + Ord> Default for Places<'_, T> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            places: BTreeMap::new(),
        }
    }
}

impl<'s, T: ?Sized + Ord> Places<'s, T> {
    fn of(&mut self, thing: &'s T) -> usize {
        let list = &mut self.list;
        *self.places.entry(thing).or_insert_with(|| {
            list.push(thing);
            list.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Settings;

    #[test]
    fn settings_and_statements_are_sent_once() {
        let somebody: Settings = vec![("search_path", "public".to_owned()), ("role", "anon".to_owned())];
        let script = Script::default().be(somebody).ask("select 1");
        let scripts = [script.clone(), script];
        let batch = serde_json::to_value(Batch::new(false, "", true, &[("", &scripts)])).unwrap();
        assert_eq!(batch["settings"].as_array().unwrap().len(), 2);
        assert_eq!(batch["bundles"][0]["path"], "public");
        assert_eq!(
            batch["bundles"][0]["scripts"][1],
            serde_json::json!({"who": 1, "steps": [["ask", 0]]})
        );
        assert_eq!(batch["statements"], serde_json::json!(["select 1"]));
    }

    #[test]
    fn a_judgement_is_planned_once_also_where_plans_may_remember_who_asked() {
        let script = Script::default().ask_often("theirs").judge("ours");
        let scripts = [script.clone(), script.clone(), script];
        let steps = |shares_plans| {
            let batch = Batch::new(false, "", shares_plans, &[("", &scripts)]);
            serde_json::to_value(batch).unwrap()["bundles"][0]["scripts"][2]["steps"].clone()
        };
        assert_eq!(steps(true), serde_json::json!([["ask", [0]], ["judge", [1]]]));
        assert_eq!(steps(false), serde_json::json!([["ask", 0], ["judge", [1]]]));
    }

    #[test]
    fn what_stays_or_comes_after_the_administrators_act_is_under_settings_of_its_own() {
        let somebody: Settings = vec![("role", "anon".to_owned())];
        let watched = Script::default()
            .watch(vec![7])
            .be(somebody.clone())
            .act("attack");
        let granted = Script::default().act("grant").be(somebody).act("attack");
        let scripts = [watched, granted];
        let of = |keep| serde_json::to_value(Batch::new(keep, "", true, &[("", &scripts)])).unwrap();
        let undone = of(false);
        assert_eq!(undone["watches"], serde_json::json!([[7]]));
        assert_eq!(
            undone["bundles"][0]["scripts"],
            serde_json::json!([
                {"who": 1, "steps": [["watch", 0], ["do", 0]]},
                {"who": 0, "steps": [["do", "grant"], ["be", 1], ["do", 0]]}
            ])
        );
        assert_eq!(of(true)["bundles"][0]["scripts"][0]["who"], 0);
    }
}
