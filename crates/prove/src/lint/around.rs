//! Looks at what stands around the relations: roles, free sequences, triggers that act on the outside.

use super::elsewhere;
use crate::assessment::Assessment;
use crate::catalog::{CONTROLS, Catalog};
use crate::extensions;
use crate::model::Model;
use crate::report::{Finding, RelationReport, Verdict};
use crate::rules;
use crate::sql::{ident, literal};

/// What roles can become, what extensions bring them, and what they reach elsewhere.
pub(crate) fn roles(catalog: &Catalog) -> Vec<Finding> {
    let mut assessments = Assessment::default();
    for role in &catalog.roles {
        if role.superuser || role.bypasses {
            assessments.find(
                rules::ROLE_BYPASSES,
                format!("API role {} is exempt from row-level security", role.name),
                format!(
                    "select rolsuper or rolbypassrls from pg_roles where rolname = {}",
                    literal(&role.name)
                ),
            );
        }
        for other in role.can_become.iter().filter(|other| other.set || other.inherit) {
            if other.superuser || other.bypasses {
                let show = membership(&role.name, &other.name);
                assessments.find(
                    rules::ROLE_CAN_BYPASS,
                    format!(
                        "API role {} can become {}, who is exempt from row-level security",
                        role.name, other.name
                    ),
                    show,
                );
            } else if other.owns {
                assessments.find(
                    rules::ROLE_CAN_OWN,
                    format!(
                        "API role {} can become {}, who owns tables of these schemas",
                        role.name, other.name
                    ),
                    membership(&role.name, &other.name),
                );
            }
        }
    }
    let mut findings = assessments.findings;
    findings.extend(extensions::risks(&catalog.extensions));
    findings.extend(elsewhere::risks(&catalog.elsewhere));
    findings.sort_by_key(|finding| (finding.rule.severity, finding.message.clone()));
    findings
}

/// Asks the catalog whether a role can become another.
fn membership(role: &str, other: &str) -> String {
    format!(
        "select pg_has_role({}, {}, 'member')",
        literal(role),
        literal(other)
    )
}

/// Free sequences on which an API role has rights must be classified like any relation.
pub(crate) fn sequences(catalog: &Catalog, model: &Model) -> Vec<RelationReport> {
    let of = |(schema, name, roles): &(String, String, String)| {
        let entry = model.entry(schema, name);
        let mut about = Assessment::default();
        match entry {
            Some(entry) if entry.internal => {
                about.find(
                    rules::SEQUENCE_GRANTED,
                    format!("{roles} may use sequence {schema}.{name}, which the model calls internal"),
                    format!(
                        "select has_sequence_privilege(rolname, {}, 'usage, select, update'), rolname from pg_roles \
                         where rolname = any (string_to_array({}, ', '))",
                        literal(&format!("{}.{}", ident(schema), ident(name))),
                        literal(roles)
                    ),
                );
            }
            Some(_) => {}
            None => {
                about.untested.insert(format!("sequence {schema}.{name} belongs to no table, {roles} may use it, and the model doesn't say what it is"));
            }
        }
        RelationReport {
            shards: Vec::new(),
            relation: format!("{schema}.{name}"),
            kind: "sequence".to_owned(),
            verdict: if about.untested.is_empty() {
                Verdict::Proven
            } else {
                Verdict::NotTested
            },
            class: entry
                .map_or(
                    "unclassified",
                    |entry| if entry.public { "public" } else { "internal" },
                )
                .to_owned(),
            attempts: 0,
            findings: about.findings,
            not_tested: about.untested.into_iter().collect(),
            place: None,
        }
    };
    catalog
        .sequences
        .iter()
        .filter(|(schema, ..)| schema != CONTROLS)
        .map(of)
        .collect()
}

/// Triggers that an admin should know of: what they queue is taken back, what they do at once isn't, so it isn't done.
pub(crate) fn notes(catalog: &Catalog) -> Vec<String> {
    let mut notes = Vec::new();
    for relation in &catalog.relations {
        if let Some((trigger, why)) = catalog.outward_trigger(relation) {
            notes.push(format!(
                "trigger {trigger} on {} acts outside the database ({why}): nothing was written there",
                relation.label()
            ));
        }
        for trigger in &relation.triggers {
            let source = catalog
                .function(trigger.function)
                .map_or("", |function| function.source.as_str());
            if let Some(word) = [
                "net.http_",
                "supabase_functions.http_request",
                "pg_notify",
                "realtime.send",
                "pgmq.send",
            ]
            .iter()
            .find(|word| source.contains(**word))
            {
                notes.push(format!(
                    "trigger {} on {} calls {word}…: what it queued was rolled back with everything else",
                    trigger.name,
                    relation.label()
                ));
            }
        }
    }
    notes
}
