//! Judges what was learnt: the verdict of each relation and function, and of the whole.

use std::collections::BTreeMap;

use crate::assessment::{Assessment, Assessments};
use crate::catalog::{Catalog, Function, Relation};
use crate::functions::outward::Silenced;
use crate::ids::RelationId;
use crate::model::Model;
use crate::plan::{Class, Plan};
use crate::report::{Finding, FunctionReport, RelationReport, Report, Verdict};
use crate::{controls, lint};

/// What only the real login or a real request could tell.
pub(crate) fn beyond(catalog: &Catalog, superuser: bool, found: &mut Assessments) {
    for (n, about) in found.relations.iter_mut().filter(|(_, about)| !about.leaks()) {
        let relation = &catalog.relations[*n];
        about
            .untested
            .extend(lint::beyond_this_session(catalog, relation, superuser));
    }
    for (n, about) in found.functions.iter_mut().filter(|(_, about)| !about.leaks()) {
        let function = &catalog.functions[*n];
        about
            .untested
            .extend(lint::beyond_a_call(catalog, function, superuser));
    }
}

/// What triggers would have done that did nothing isn't known.
pub(crate) fn name_silenced(
    catalog: &Catalog,
    silenced: &[Silenced],
    assessments: &mut BTreeMap<RelationId, Assessment>,
) -> Vec<String> {
    let mut notes = Vec::new();
    for (n, relation) in catalog.relations.with_ids() {
        for trigger in &relation.triggers {
            let Some(silenced) = silenced.iter().find(|silent| silent.function == trigger.function) else {
                continue;
            };
            let text = format!(
                "trigger {} on {} would act outside the database ({}), which no rollback takes back: it did nothing while \
                 the rest was tried",
                trigger.name,
                relation.label(),
                silenced.why
            );
            if relation.in_scope {
                let about = assessments.entry(n).or_default();
                if silenced.guards {
                    about.doubt_writes();
                }
                about.untested.insert(text.clone());
            }
            notes.push(text);
        }
    }
    notes
}

/// Makes the report of everything that was learnt.
pub(crate) fn report(
    model: &Model,
    catalog: &Catalog,
    plan: &Plan,
    mut found: Assessments,
    not_tested: Vec<String>,
) -> Report {
    let controls = controls::judge(catalog, plan, &mut found.relations);
    let functions = found.functions.into_iter();
    let mut report = Report {
        verdict: Verdict::Proven,
        elapsed_ms: 0,
        fingerprint: String::new(),
        catalog: BTreeMap::new(),
        schemas: Vec::new(),
        elsewhere: Vec::new(),
        roles: Vec::new(),
        relations: relation_reports(catalog, plan, found.relations),
        functions: functions
            .map(|(n, about)| function_report(&catalog.functions[n], about))
            .collect(),
        nodes: Vec::new(),
        away: Vec::new(),
        findings: lint::roles(catalog),
        controls,
        not_tested,
        notes: lint::notes(catalog),
        round_trips: 0,
        baseline: None,
        changes: None,
        known: BTreeMap::new(),
    };
    report.relations.extend(lint::sequences(catalog, model));
    if report.relations.is_empty() {
        report.not_tested.push(format!(
            "there is nothing to prove: the model matches no relation, in {}",
            model.schemas.join(", ")
        ));
    }
    report.verdict = whole(&report);
    report
}

/// Of each relation of the schemas; parts are one relation for whoever reads it.
fn relation_reports(
    catalog: &Catalog,
    plan: &Plan,
    mut found: BTreeMap<RelationId, Assessment>,
) -> Vec<RelationReport> {
    let mut reports: Vec<RelationReport> = Vec::new();
    for (at, relation) in catalog.relations.with_ids() {
        let about = found.remove(&at).unwrap_or_default();
        if !relation.in_scope || relation.is_planted() || plan.classes[at] == Class::Outside {
            continue;
        }
        let report = relation_report(relation, &plan.classes[at], about);
        match reports.last_mut() {
            Some(last) if relation.part.is_some() && last.relation == report.relation => join(last, report),
            _ => reports.push(report),
        }
    }
    reports
}

fn relation_report(relation: &Relation, class: &Class, mut about: Assessment) -> RelationReport {
    about.findings.sort_by_key(|finding| finding.rule.severity);
    RelationReport {
        relation: relation.label(),
        kind: relation.kind_name().to_owned(),
        verdict: verdict(&about.findings, about.untested.is_empty()),
        class: match class {
            Class::Tenant { column, .. } => format!("tenant by {column}"),
            Class::Public => "public".to_owned(),
            Class::Internal => "internal".to_owned(),
            Class::Outside => "outside".to_owned(),
            Class::Unclassified(_) => "unclassified".to_owned(),
        },
        attempts: about.attempts,
        findings: about.findings,
        not_tested: about.untested.into_iter().collect(),
        shards: Vec::new(),
        place: None,
    }
}

/// Adds what was learnt of another part of the same relation.
fn join(all: &mut RelationReport, part: RelationReport) {
    all.attempts += part.attempts;
    if all.class != part.class {
        all.class = format!("{}, {}", all.class, part.class);
    }
    for finding in part.findings {
        if finding.is_leak() || !all.findings.iter().any(|known| known.rule == finding.rule) {
            all.findings.push(finding);
        }
    }
    all.findings.sort_by_key(|finding| finding.rule.severity);
    all.not_tested.extend(part.not_tested);
    all.verdict = verdict(&all.findings, all.not_tested.is_empty());
}

fn function_report(function: &Function, mut about: Assessment) -> FunctionReport {
    about.findings.sort_by_key(|finding| finding.rule.severity);
    FunctionReport {
        function: function.label(),
        verdict: verdict(&about.findings, about.untested.is_empty()),
        attempts: about.attempts,
        findings: about.findings,
        not_tested: about.untested.into_iter().collect(),
        place: None,
    }
}

/// The answer for a part.
pub(crate) fn verdict(findings: &[Finding], tested: bool) -> Verdict {
    if findings.iter().any(Finding::is_leak) {
        Verdict::Leak
    } else if tested {
        Verdict::Proven
    } else {
        Verdict::NotTested
    }
}

/// The answer for all.
pub(crate) fn whole(report: &Report) -> Verdict {
    let parts = || {
        report
            .relations
            .iter()
            .map(|r| r.verdict)
            .chain(report.functions.iter().map(|f| f.verdict))
    };
    let leak = |findings: &[Finding]| findings.iter().any(Finding::is_leak);
    if parts().any(|verdict| verdict == Verdict::Leak) || leak(&report.findings) {
        Verdict::Leak
    } else if parts().any(|verdict| verdict == Verdict::NotTested)
        || !report.controls.are_caught()
        || !report.not_tested.is_empty()
    {
        Verdict::Incomplete
    } else {
        Verdict::Proven
    }
}
