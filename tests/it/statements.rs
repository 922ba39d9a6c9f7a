//! Is every statement of ours right? Each is prepared and explained as the role that runs it: a wrong name, type
//! or missing right shows here, not in front of a user.

use std::collections::BTreeSet;
use std::path::Path;

use store::Query;
use store::rows::router;
use tests::TestDatabase;
use tests::database::batch;
use tests::people::Person::Alice;

fn all() -> impl Iterator<Item = &'static Query> {
    store::queries()
}

#[tokio::test]
async fn every_statement_prepares_and_is_permitted() {
    let database = TestDatabase::new().await.with_rows().await;
    let client = database.login().await;
    for query in all() {
        // Prepared as the login, as the pool does; run as the user. EXPLAIN checks rights, and runs nothing.
        let types: Vec<_> = query
            .types
            .iter()
            .map(|kind| kind.name().replace("_text", "text[]"))
            .collect();
        let nulls = vec!["null"; types.len()].join(", ");
        batch(
            &client,
            &format!(
                "prepare statement ({}) as {};
                 begin;
                 select set_config('request.jwt.claims', '{}', true), set_config('role', '{}', true);
                 explain execute statement ({nulls});
                 rollback;
                 deallocate statement",
                types.join(", "),
                query.sql,
                Alice.payload(),
                query.role.name()
            ),
        )
        .await;
    }
}

#[tokio::test]
async fn no_statement_runs_without_a_role() {
    let database = TestDatabase::new().await.with_rows().await;
    let client = database.login().await;
    // One reads no table: it is the tenant's own texts that are folded.
    for query in all().filter(|query| query.name != "contact_import/fold") {
        let types: Vec<_> = query
            .types
            .iter()
            .map(|kind| kind.name().replace("_text", "text[]"))
            .collect();
        let nulls = vec!["null"; types.len()].join(", ");
        batch(
            &client,
            &format!("prepare statement ({}) as {}", types.join(", "), query.sql),
        )
        .await;
        let refused = client
            .simple_query(&format!("explain execute statement ({nulls})"))
            .await
            .unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501", "{}", query.name);
        batch(&client, "deallocate statement").await;
    }
}

#[tokio::test]
async fn the_router_may_execute_its_functions_and_nothing_else() {
    let database = TestDatabase::new().await.with_rows().await;
    let client = database.login().await;
    let list = |types: &[tokio_postgres::types::Type]| {
        let names = types.iter().map(|kind| kind.name().replace("_text", "text[]"));
        names.collect::<Vec<_>>().join(", ")
    };
    for query in router::QUERIES {
        let nulls = vec!["null"; query.types.len()].join(", ");
        let given = |list: &str| {
            Some(list)
                .filter(|list| !list.is_empty())
                .map_or_else(String::new, |list| format!("({list})"))
        };
        let prepare = format!("prepare statement {} as {}", given(&list(query.types)), query.sql);
        batch(&client, &prepare).await;
        let nulls = given(&nulls);
        let explain =
            format!("begin; set local role mako_router; explain execute statement {nulls}; rollback");
        batch(&client, &explain).await;
        batch(&client, "deallocate statement").await;
    }
    for table in [
        "users",
        "leads",
        "webhook_events",
        "user_phone_numbers",
        "webhook_endpoints",
        "api_keys",
        "mako.event_subscriptions",
        "mako.event_deliveries",
    ] {
        batch(&client, "begin; set local role mako_router").await;
        let refused = client
            .simple_query(&format!("select * from {table}"))
            .await
            .unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501", "{table}");
        batch(&client, "rollback").await;
    }
}

#[test]
fn every_file_is_a_statement_and_says_so() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql/queries");
    let mut files = BTreeSet::new();
    for folder in std::fs::read_dir(&root).unwrap() {
        let folder = folder.unwrap().path();
        for file in std::fs::read_dir(&folder).unwrap() {
            let name = file
                .unwrap()
                .path()
                .strip_prefix(&root)
                .unwrap()
                .with_extension("")
                .display()
                .to_string();
            files.insert(name);
        }
    }
    let routers = router::QUERIES.iter().map(|query| (query.name, query.sql));
    let statements: Vec<_> = all()
        .map(|query| (query.name, query.sql))
        .chain(routers)
        .collect();
    let known: BTreeSet<_> = statements.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(files, known);
    for (name, sql) in statements {
        assert!(sql.starts_with(&format!("-- {name}: ")), "{name} names itself");
    }
}

#[test]
fn every_statement_names_the_tenant() {
    // Functions of the schema mako ask the claims themselves; the other reads no table.
    let reads_no_table =
        |query: &Query| query.sql.contains("\nselect mako.") || query.name == "contact_import/fold";
    for query in all().filter(|query| !reads_no_table(query)) {
        let column = if query.name.starts_with("users/") {
            "id = $1"
        } else {
            "user_id"
        };
        assert!(
            query.sql.contains(column) && query.sql.contains("$1"),
            "{}",
            query.name
        );
    }
}
