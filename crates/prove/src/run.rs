//! Runs it all in order: one transaction, from the catalog to the verdict, rolled back at the end.

use std::collections::BTreeMap;
use std::time::Instant;

use tokio_postgres::Client;

use crate::Error;
use crate::assessment::Assessment;
use crate::catalog::Catalog;
use crate::conditions::Contents;
use crate::context::Context;
use crate::controls;
use crate::functions::outward::{self, Silenced};
use crate::model::{Model, Names};
use crate::people::People;
use crate::persona::{Persona, Words};
use crate::plan::{Class, Plan};
use crate::progress::{Observer, Phase};
use crate::report::{Finding, FunctionReport, RelationReport, Report, Verdict};
use crate::script::Script;
use crate::seed::{Fixtures, Seeder};
use crate::session::Session;
use crate::{fingerprint, lint, logins};

/// How to go about it.
#[derive(Clone, Copy, Default)]
pub struct Options<'o> {
    /// Who wants to know how far it is.
    pub progress: Option<&'o Observer<'o>>,
}

/// Attacks the database as the model's outsiders, and takes everything back.
pub async fn run(client: &mut Client, model: &Model, options: &Options<'_>) -> Result<Report, Error> {
    let started = Instant::now();
    let before = sequences(client).await;
    let session = Session::begin(client, options.progress).await?;
    let answer = within(&session, model).await;
    // Whatever happened, nothing stays.
    let ended = session.rollback().await;
    let mut report = answer?;
    ended?;
    report.notes.extend(moved(&before, &sequences(client).await));
    report.round_trips = session.round_trips();
    report.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(report)
}

async fn within(session: &Session<'_>, model: &Model) -> Result<Report, Error> {
    session.enter(Phase::Catalog);
    let mut not_tested = Vec::new();
    let fingerprint = catalog_digest(session, model).await?;
    not_tested.extend(logins::become_roles(session, model).await);
    let mut catalog = Catalog::load(session, model, None).await?;
    let mut plan = Plan::new(&catalog, model);
    let note = logins::play_login(session, &catalog, model).await;
    let silenced = outward::silence(session, &catalog).await;
    match controls::plant(session, model, &id_type(&catalog, &plan)).await {
        Ok(()) => {
            catalog = Catalog::load(session, model, Some(controls::SCHEMA)).await?;
            plan = Plan::new(&catalog, model);
        }
        Err(why) => not_tested.push(format!("no controls could be planted: {why}")),
    }
    if catalog.plans_may_remember() {
        session.share_no_plans();
    }
    not_tested.extend(logins::check_settings(session, model, &mut catalog).await);
    if session.admin.read_only {
        not_tested.push(
            "the session is read-only (a replica?): only what is there could be read, nothing written"
                .to_owned(),
        );
    }
    // Reading the catalog of a large database may take a while; no attempt should.
    session.must("set local statement_timeout = '2s'").await?;
    if let (Some(membership), None) = (&model.tenant.membership, &plan.membership) {
        not_tested.push(format!(
            "the model's membership table {} isn't there, or lacks a column that it names",
            membership.table
        ));
    }
    not_tested.extend(model.undecided());
    let people = People::make_up(&catalog, &plan)?;
    let mentions = mentions(&catalog);
    let contents = Contents::of(&catalog, &plan);
    let mut words = words(&mentions);
    let free = contents.claims().iter().filter(|claims| claims.are_free());
    words.together = free.map(|claims| claims.values.clone()).collect();
    if session.admin.superuser
        && mentions
            .iter()
            .any(|text| text.to_lowercase().contains("session_user"))
    {
        words.logins.clone_from(&catalog.other_logins);
    }
    let model = &Model {
        tenant: model.tenant.clone().with_claims(&words.claims),
        ..model.clone()
    };
    let personas = Persona::attackers(model, &people, plan.membership.is_some(), &words);
    session.enter(Phase::Rows);
    let mut fixtures = Fixtures::default();
    let mut seeder = Seeder::new(session, &catalog, &plan, &people, &mentions, &contents);
    seeder.populate(&mut fixtures).await?;
    not_tested.extend(fixtures.unsettled.take());
    let mark = mark(session).await;
    let context = Context {
        session,
        catalog: &catalog,
        plan: &plan,
        people: &people,
        personas: &personas,
        fixtures: &fixtures,
        mark,
    };
    not_tested.extend(context.harmed_already().await);
    let mut assessments: BTreeMap<usize, Assessment> = BTreeMap::new();
    let mut of_functions: BTreeMap<usize, Assessment> = BTreeMap::new();
    session.enter(Phase::Tables);
    context.standing(&mut assessments).await;
    context.tables(&mut assessments).await;
    context.side_effects(&mut assessments).await;
    context.without_policies(&mut assessments);
    context.privileges(model, &contents, &mut assessments).await;
    session.enter(Phase::Views);
    let seen = context.through_views(&mut assessments).await;
    session.enter(Phase::Functions);
    let calls = context.call_functions(model, &mut of_functions).await;
    session.enter(Phase::Comparison);
    // As if the other tenant had never been there: whoever now sees something else had seen them.
    session.must("rollback to savepoint mako_before_others").await?;
    context.compare_views(&seen, &mut assessments).await;
    context.compare_calls(calls, &mut of_functions).await;
    let silent = name_silenced(&catalog, &silenced, &mut assessments);
    beyond(
        &catalog,
        session.admin.superuser,
        &mut assessments,
        &mut of_functions,
    );
    lint::look(&catalog, &plan, &mut assessments, &mut of_functions);
    let mut report = report(model, &catalog, &plan, assessments, of_functions, not_tested);
    report.notes.extend(note);
    report.notes.extend(silent);
    (report.fingerprint, report.schemas, report.roles) =
        (fingerprint, model.schemas.clone(), model.roles.clone());
    Ok(report)
}

/// What only the real login or a real request could tell.
fn beyond(
    catalog: &Catalog,
    superuser: bool,
    assessments: &mut BTreeMap<usize, Assessment>,
    of_functions: &mut BTreeMap<usize, Assessment>,
) {
    for (n, about) in assessments.iter_mut().filter(|(_, about)| !about.leaks()) {
        let relation = &catalog.relations[*n];
        about
            .untested
            .extend(lint::beyond_this_session(catalog, relation, superuser));
    }
    for (n, about) in of_functions.iter_mut().filter(|(_, about)| !about.leaks()) {
        let function = &catalog.functions[*n];
        about
            .untested
            .extend(lint::beyond_a_call(catalog, function, superuser));
    }
}

/// What triggers would have done that did nothing isn't known.
fn name_silenced(
    catalog: &Catalog,
    silenced: &[Silenced],
    assessments: &mut BTreeMap<usize, Assessment>,
) -> Vec<String> {
    let mut notes = Vec::new();
    for (n, relation) in catalog.relations.iter().enumerate() {
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

/// The number of a subtransaction that comes after all that was made up, and before all attacks.
async fn mark(session: &Session<'_>) -> Option<String> {
    let mark = format!("{}.mark", controls::SCHEMA);
    let script = Script::default()
        .act(format!("create table {mark} ()"))
        .ask(format!(
            "select xmin from pg_class where oid = '{mark}'::regclass"
        ));
    let number = session.attempt(vec![script]).await.pop()?.ok()?;
    number.into_iter().flatten().flatten().next()
}

/// Where every sequence stands: a rollback doesn't give numbers back.
async fn sequences(client: &Client) -> BTreeMap<String, String> {
    let sql = "select schemaname || '.' || sequencename, coalesce(last_value, 0) from pg_sequences";
    let rows = client.simple_query(sql).await.unwrap_or_default();
    rows.iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => {
                Some((row.get(0)?.to_owned(), row.get(1)?.to_owned()))
            }
            _ => None,
        })
        .collect()
}

fn moved(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let moved = before
        .iter()
        .filter_map(|(name, then)| Some((name, then, after.get(name).filter(|now| *now != then)?)));
    moved
        .map(|(name, then, now)| format!("sequence {name} went from {then} to {now} meanwhile: a function under attack took numbers, or somebody else did"))
        .collect()
}

/// Taken before anything is planted.
async fn catalog_digest(session: &Session<'_>, model: &Model) -> Result<String, Error> {
    let statement = fingerprint::statement(&model.schemas, &model.roles);
    match session
        .attempt(vec![Script::default().ask(statement)])
        .await
        .pop()
    {
        Some(Ok(rows)) => Ok(fingerprint::of_lines(
            rows.into_iter()
                .flatten()
                .flatten()
                .next()
                .unwrap_or_default()
                .as_str(),
        )),
        Some(Err(refusal)) => Err(Error::Database {
            code: refusal.code,
            message: refusal.message,
        }),
        None => Err(Error::Unexpected("the catalog's lines")),
    }
}

/// The type of a tenant's id.
fn id_type(catalog: &Catalog, plan: &Plan) -> String {
    let names = if plan.membership.is_some() {
        Names::Tenant
    } else {
        Names::User
    };
    plan.places(names)
        .find_map(|(at, column)| Some(catalog.relations[*at].column(column)?.base.clone()))
        .unwrap_or_else(|| "text".to_owned())
}

/// Texts in which policies, views and functions say what they distinguish.
pub(crate) fn mentions(catalog: &Catalog) -> Vec<String> {
    let policies = catalog.relations.iter().flat_map(|relation| {
        relation
            .policies
            .iter()
            .map(move |policy| format!("{} {}", relation.name, policy.text()))
    });
    let views = catalog
        .relations
        .iter()
        .filter_map(|relation| relation.definition.clone());
    let functions = catalog.functions.iter().map(|function| function.source.clone());
    policies.chain(views).chain(functions).collect()
}

/// Names of claims and headers that those texts read.
fn words(mentions: &[String]) -> Words {
    let mut words = Words::default();
    let (Ok(claim), Ok(compared)) = (
        regex::Regex::new(r"->>?\s*'([A-Za-z_][\w-]*)'"),
        regex::Regex::new(r"->>\s*'([A-Za-z_][\w-]*)'(?:::text)?\)*\s*=\s*'([^']*)'"),
    ) else {
        return words;
    };
    for text in mentions {
        let names = claim.captures_iter(text).map(|found| found[1].to_owned());
        let names: Vec<String> = names
            .filter(|name| name != "user_metadata" && name != "app_metadata")
            .collect();
        if text.contains("request.headers") {
            words.headers.extend(names.clone());
        }
        words.claims.extend(names);
        words.compared.extend(
            compared
                .captures_iter(text)
                .map(|found| (found[1].to_owned(), found[2].to_owned())),
        );
    }
    for list in [&mut words.claims, &mut words.headers] {
        list.sort();
        list.dedup();
    }
    words
}

fn report(
    model: &Model,
    catalog: &Catalog,
    plan: &Plan,
    mut assessments: BTreeMap<usize, Assessment>,
    of_functions: BTreeMap<usize, Assessment>,
    not_tested: Vec<String>,
) -> Report {
    let controls = controls::judge(catalog, plan, &mut assessments);
    let mut relations = Vec::new();
    for (at, relation) in catalog.relations.iter().enumerate() {
        let about = assessments.remove(&at).unwrap_or_default();
        if !relation.in_scope || relation.schema == controls::SCHEMA || plan.classes[at] == Class::Outside {
            continue;
        }
        relations.push(relation_report(relation, &plan.classes[at], about));
    }
    let mut report = Report {
        verdict: Verdict::Proven,
        elapsed_ms: 0,
        fingerprint: String::new(),
        schemas: Vec::new(),
        roles: Vec::new(),
        relations,
        functions: of_functions
            .into_iter()
            .map(|(n, about)| function_report(&catalog.functions[n], about))
            .collect(),
        findings: lint::roles(catalog),
        controls,
        not_tested,
        notes: lint::notes(catalog),
        round_trips: 0,
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

fn relation_report(
    relation: &crate::catalog::Relation,
    class: &Class,
    mut about: Assessment,
) -> RelationReport {
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
    }
}

fn function_report(function: &crate::catalog::Function, mut about: Assessment) -> FunctionReport {
    about.findings.sort_by_key(|finding| finding.rule.severity);
    FunctionReport {
        function: function.label(),
        verdict: verdict(&about.findings, about.untested.is_empty()),
        attempts: about.attempts,
        findings: about.findings,
        not_tested: about.untested.into_iter().collect(),
    }
}

fn verdict(findings: &[Finding], tested: bool) -> Verdict {
    if findings.iter().any(Finding::is_leak) {
        Verdict::Leak
    } else if tested {
        Verdict::Proven
    } else {
        Verdict::NotTested
    }
}

fn whole(report: &Report) -> Verdict {
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
        || report.controls.caught < report.controls.planted
        || report.controls.planted == 0
        || !report.not_tested.is_empty()
    {
        Verdict::Incomplete
    } else {
        Verdict::Proven
    }
}
