//! Is every statement of ours right? Each is prepared and explained as the role that runs it: a wrong name, type
//! or missing right shows here, not in front of a user.

use std::collections::BTreeSet;
use std::path::Path;

use store::Query;
use tests::TestDatabase;
use tests::database::batch;
use tests::people::Person::Alice;

fn all() -> impl Iterator<Item = &'static Query> {
    store::QUERIES.iter().copied().flatten().copied()
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
    let known: BTreeSet<_> = all().map(|query| query.name.to_owned()).collect();
    assert_eq!(files, known);
    for query in all() {
        assert!(
            query.sql.starts_with(&format!("-- {}: ", query.name)),
            "{} names itself",
            query.name
        );
    }
}

#[test]
fn every_statement_names_the_tenant() {
    // One asks the claims itself, the other reads no table.
    let without = ["users/ensure", "contact_import/fold"];
    for query in all().filter(|query| !without.contains(&query.name)) {
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
