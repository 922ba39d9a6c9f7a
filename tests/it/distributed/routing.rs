//! Every statement goes to one node: what fans out costs all nodes, for each request.

use store::Query;
use tests::database::batch;
use tests::people::Person::Alice;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::spread;

/// What lies on the coordinator, and why its rows aren't spread. Take from this list; don't add to it.
const ON_THE_COORDINATOR: &[(&str, &str)] = &[
    (
        "access_tokens/",
        "a token is found by its hash, before it is known whose it is",
    ),
    (
        "api_keys/",
        "few rows a tenant, and statements that Citus doesn't take (now() beside columns)",
    ),
    ("contact_import/fold", "reads no table"),
    ("event_deliveries/", "no triggers, no events"),
    ("event_subscriptions/", "no triggers, no events"),
    (
        "key_uses/",
        "a policy asks which apps are trusted; forgotten after RETENTION_DAYS",
    ),
    ("oauth/", "few rows, with api_keys"),
    (
        "phone_numbers/",
        "a number is looked up before it is known whose it is",
    ),
    ("users/", "addresses and passwords stay where they are"),
    (
        "webhook_endpoints/",
        "an endpoint is found by its key's hash, before it is known whose it is",
    ),
    (
        "webhook_events/",
        "nobody's until they are routed; emptied after RETENTION_DAYS",
    ),
];

/// A value of a type that a statement can be executed with.
fn sample(kind: &str) -> &'static str {
    match kind {
        "jsonb" => r#"'[{"first_name": "x"}]'"#,
        "timestamptz" => "now()",
        "bool" => "true",
        "int2" => "1::int2",
        "int4" | "int8" | "float8" => "1",
        _ => "'x'",
    }
}

/// Values for all parameters of a statement; alice is the user.
fn values(query: &Query, contact: &str) -> String {
    let value = |kind: &tokio_postgres::types::Type| match kind.name().strip_prefix('_') {
        Some("text") => format!("array['{contact}']"),
        Some(element) => format!("array[{}]", sample(element)),
        None => sample(kind.name()).to_owned(),
    };
    let user = format!("'{}'", Alice.id());
    match query.name {
        "phone_numbers/claim" => return format!("{user}, '+15550100009', 'twilio', 'x', 'x'"),
        "event_effects/log" => return format!("{user}, 'call_log', 'x', 'x', 'x', 'x', 1::int2, now()"),
        _ => (),
    }
    let others = query.types.iter().skip(1).map(value);
    std::iter::once(user).chain(others).collect::<Vec<_>>().join(", ")
}

/// Prepares a statement as the service sends it, and leaves a transaction of alice's open.
async fn prepare(client: &Client, query: &Query) {
    let types: Vec<_> = query
        .types
        .iter()
        .map(|kind| match kind.name().strip_prefix('_') {
            Some(element) => format!("{element}[]"),
            None => kind.name().to_owned(),
        })
        .collect();
    let sql = store::replacement(query.name).unwrap_or(query.sql);
    let prepare = format!(
        "prepare statement ({}) as {sql};
         begin;
         set local citus.multi_task_query_log_level = 'error';
         select set_config('search_path', 'public', true), mako.forward_claims('{}'), set_config('role', '{}', true)",
        types.join(", "),
        Alice.payload(),
        query.role.name(),
    );
    batch(client, &prepare).await;
}

async fn explain(client: &Client, values: &str) -> String {
    let plan = client
        .simple_query(&format!("explain execute statement ({values})"))
        .await;
    let lines = plan.unwrap().into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn every_statement_touches_one_shard() {
    let Some(database) = spread().await else { return };
    let client = database.login().await;
    let superuser = database.superuser().await;
    let sql = "select id from contacts where user_id = $1 limit 1";
    let contact: String = superuser.query_one(sql, &[&Alice.id()]).await.unwrap().get(0);
    for query in store::queries() {
        prepare(&client, query).await;
        let values = values(query, &contact);
        let is_local = ON_THE_COORDINATOR
            .iter()
            .any(|(name, _)| query.name.starts_with(name));
        if store::replacement(query.name).is_some() {
            // A function's statements are seen when they run: one of several tasks is an error.
            let ran = client
                .simple_query(&format!("execute statement ({values})"))
                .await;
            assert!(ran.is_ok(), "{}: {ran:?}", query.name);
        } else {
            let plan = explain(&client, &values).await;
            let tasks = plan.matches("Task Count: ").count();
            assert_eq!(tasks, usize::from(!is_local), "{}:\n{plan}", query.name);
            assert_eq!(
                plan.matches("Task Count: 1\n").count(),
                tasks,
                "{}:\n{plan}",
                query.name
            );
        }
        batch(&client, "rollback; deallocate statement").await;
    }
}

#[test]
fn a_statement_on_the_coordinator_is_one() {
    for (name, why) in ON_THE_COORDINATOR {
        assert!(
            store::queries().any(|query| query.name.starts_with(name)) && !why.is_empty(),
            "{name}"
        );
    }
}
