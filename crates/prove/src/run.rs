//! Runs it all in order: one transaction, from the catalog to the verdict, rolled back at the end.

use std::collections::BTreeMap;
use std::time::Instant;

use tokio_postgres::Client;

use crate::Error;
use crate::assessment::Assessments;
use crate::catalog::CONTROLS;
use crate::conditions::Contents;
use crate::context::Context;
use crate::ground::Ground;
use crate::ids::ById;
use crate::model::Model;
use crate::nodes::{Cluster, Dial, Here};
use crate::people::People;
use crate::persona::Persona;
use crate::progress::{Observer, Phase};
use crate::report::Report;
use crate::script::Script;
use crate::seed::{Fixtures, Seeder};
use crate::session::Session;
use crate::{fingerprint, judge, lint, remedy};

/// How to go about it.
#[derive(Clone, Copy, Default)]
pub struct Options<'o> {
    /// Who wants to know how far it is.
    pub progress: Option<&'o Observer<'o>>,
    /// Connects to other nodes of a database that Citus has spread.
    pub dial: Option<&'o Dial<'o>>,
}

/// Attacks the database as the model's outsiders, on every node that it lies on, and takes everything back.
pub async fn run(client: &mut Client, model: &Model, options: &Options<'_>) -> Result<Report, Error> {
    match Cluster::ask(client).await? {
        Some(cluster) => cluster.prove(client, model, options).await,
        None => on_node(client, model, options).await,
    }
}

/// The same on the node that the session is connected to.
pub(crate) async fn on_node(
    client: &mut Client,
    model: &Model,
    options: &Options<'_>,
) -> Result<Report, Error> {
    let started = Instant::now();
    let before = sequences(client).await;
    let mut session = Session::begin(client, options.progress).await?;
    let answer = within(&mut session, model).await;
    // Whatever happened, nothing stays.
    let ended = session.rollback().await;
    let mut report = answer?;
    ended?;
    report.notes.extend(moved(&before, &sequences(client).await));
    report.round_trips = session.round_trips();
    report.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(report)
}

async fn within(session: &mut Session<'_>, model: &Model) -> Result<Report, Error> {
    session.enter(Phase::Catalog);
    // As the service's login sees it, to which shards don't show.
    let lines = catalog_lines(session, model).await?;
    session.here = Here::look(session).await?;
    let session = &*session;
    let model = &session.here.classified(model);
    let mut ground = Ground::load(session, model).await?;
    let (catalog, plan) = (&ground.catalog, &ground.plan);
    let people = People::make_up(session, catalog, plan).await?;
    session.here.leave_others_alone(session).await?;
    let mentions = catalog.mentions();
    let contents = Contents::of(catalog, plan);
    let words = crate::words::words(session, catalog, &mentions, &contents);
    let model = &Model {
        tenant: model.tenant.clone().with_claims(&words.claims),
        ..model.clone()
    };
    let personas = ById::from(Persona::attackers(
        model,
        &people,
        plan.membership.is_some(),
        &words,
    ));
    session.enter(Phase::Rows);
    let mut fixtures = Fixtures::default();
    let mut seeder = Seeder::new(session, catalog, plan, &people, &mentions, &contents);
    seeder.populate(&mut fixtures).await?;
    ground.not_tested.extend(fixtures.unsettled.take());
    ground.not_tested.extend(session.here.differing.iter().cloned());
    let context = Context {
        session,
        catalog,
        plan,
        people: &people,
        personas: &personas,
        fixtures: &fixtures,
        mark: mark(session).await,
    };
    ground.not_tested.extend(context.harmed_already().await);
    let mut findings = attack(&context, model, &contents).await?;
    context.complete(&mut findings.relations, &mut findings.functions, &ground.silenced);
    let silent = judge::name_silenced(catalog, &ground.silenced, &mut findings.relations);
    judge::beyond(catalog, session.admin.superuser, &mut findings);
    lint::look(catalog, plan, &mut findings.relations, &mut findings.functions);
    remedy::suggest(catalog, plan, &mut findings);
    let mut report = judge::report(model, catalog, plan, findings, ground.not_tested);
    report.notes.extend(ground.note);
    report.notes.extend(silent);
    report.away.clone_from(&catalog.away);
    report.fingerprint = fingerprint::of_lines(&lines);
    report.catalog = fingerprint::parts_of_lines(&lines);
    report.schemas.clone_from(&model.schemas);
    report.elsewhere = model.named_elsewhere();
    report.roles.clone_from(&model.roles);
    Ok(report)
}

/// Attacks while the other tenant is there, and compares with what is seen once they never were.
async fn attack(context: &Context<'_>, model: &Model, contents: &Contents) -> Result<Assessments, Error> {
    let session = context.session;
    let mut found = Assessments::default();
    session.enter(Phase::Tables);
    context.standing(&mut found.relations).await;
    context.tables(&mut found.relations).await;
    context.side_effects(&mut found.relations).await;
    context.without_policies(&mut found.relations);
    context.privileges(model, contents, &mut found.relations).await;
    session.enter(Phase::Views);
    let seen = context.through_views(&mut found.relations).await;
    session.enter(Phase::Functions);
    let calls = context.call_functions(model, &mut found.functions).await;
    session.enter(Phase::Comparison);
    // As if the other tenant had never been there: whoever now sees something else had seen them.
    session.must("rollback to savepoint mako_before_others").await?;
    context.compare_views(&seen, &mut found.relations).await;
    context.compare_calls(calls, &mut found.functions).await;
    Ok(found)
}

/// The number of a subtransaction that comes after all that was made up, and before all attacks.
async fn mark(session: &Session<'_>) -> Option<String> {
    let mark = format!("{CONTROLS}.mark");
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
async fn catalog_lines(session: &Session<'_>, model: &Model) -> Result<String, Error> {
    let statement = fingerprint::statement(&model.schemas, &model.named_elsewhere(), &model.roles);
    match session
        .attempt(vec![Script::default().ask(statement)])
        .await
        .pop()
    {
        Some(Ok(rows)) => Ok(rows.into_iter().flatten().flatten().next().unwrap_or_default()),
        Some(Err(refusal)) => Err(Error::Database {
            code: refusal.code,
            message: refusal.message,
        }),
        None => Err(Error::Unexpected("the catalog's lines")),
    }
}
