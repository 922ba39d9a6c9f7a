//! With nothing but the SQL editor, by `policies/README.md`, a live database comes to the same.

use std::path::Path;

use tests::crm::State;
use tests::database::batch;
use tests::people::Person::Bob;
use tokio_postgres::Client;

use super::{assert_fresh_shape, assert_tenancy, content, crm_in, holes, number};

fn root(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The guide's files in the order in which it names them, and its fenced SQL by the comment that starts it.
struct Guide {
    files: Vec<String>,
    blocks: Vec<String>,
}

impl Guide {
    fn read() -> Self {
        let text = root("policies/README.md");
        let (_, steps) = text.split_once("## Taking over").unwrap();
        let (steps, _) = steps.split_once("\n## ").unwrap();
        let files = steps
            .split(['`', '(', ')', ' ', '\n'])
            .filter(|word| {
                Path::new(word)
                    .extension()
                    .is_some_and(|extension| extension == "sql")
            })
            .filter(|word| !word.contains("verify"))
            .map(|word| format!("policies/{word}").replace("policies/../", ""))
            .map(|path| {
                if path.starts_with("policies/V") {
                    format!("sql/migrations/{}", path.rsplit('/').next().unwrap())
                } else {
                    path
                }
            })
            .fold(Vec::new(), |mut files, path| {
                if !files.contains(&path) {
                    files.push(path);
                }
                files
            });
        let blocks = steps
            .split("```sql\n")
            .skip(1)
            .map(|block| block.split("```").next().unwrap().to_owned());
        Self {
            files,
            blocks: blocks.collect(),
        }
    }

    fn block(&self, starts: &str) -> String {
        let found = self
            .blocks
            .iter()
            .find(|block| block.trim_start().starts_with(starts));
        found
            .unwrap_or_else(|| panic!("the guide has no block {starts}"))
            .clone()
    }
}

/// As the editor does it: several statements at once are one transaction.
async fn paste(client: &Client, path: &str) {
    let pasted = client.simple_query(&root(path)).await;
    if let Err(error) = pasted {
        panic!("{path}: {:?}", error.as_db_error());
    }
}

async fn by_hand(state: State) {
    let guide = Guide::read();
    assert_eq!(
        guide.files[..5],
        [
            "sql/roles.sql",
            "policies/00_claims.sql",
            "policies/users.sql",
            "sql/migrations/V1__crm_tables.sql",
            "sql/migrations/V2__mako_tables.sql"
        ],
        "roles, functions and tables come first"
    );
    let (database, owner) = crm_in(state, 160).await;
    let before = content(&owner).await;
    assert!(!holes(&owner).await.is_empty());
    for file in &guide.files[..3] {
        paste(&owner, file).await;
    }
    for line in guide.block("alter table leads").lines() {
        batch(&owner, line).await;
    }
    for file in &guide.files[3..] {
        paste(&owner, file).await;
        paste(&owner, file).await;
    }
    // All of the folder's files, and no other, are in the guide.
    let listed = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies")).unwrap();
    let there = listed
        .filter(|file| {
            file.as_ref()
                .unwrap()
                .path()
                .extension()
                .is_some_and(|e| e == "sql")
        })
        .count();
    let migrations = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql/migrations"))
        .unwrap()
        .count();
    // verify.sql changes nothing; the roles come with neither.
    assert_eq!(guide.files.len(), there - 1 + migrations + 1, "{:?}", guide.files);
    assert_tenancy(&owner, &database.superuser_url(), &database.authenticator_url()).await;
    let after = content(&owner).await;
    assert!(
        before.iter().all(|table| after.contains(table)),
        "{before:?} {after:?}"
    );

    let orphans = async || -> i64 {
        let rows = owner
            .query(&guide.block("-- count").replace(';', ""), &[])
            .await
            .unwrap();
        rows.iter().map(|row| row.get::<_, i64>(1)).sum()
    };
    assert!(orphans().await > 0);
    let enforce = guide.block("-- enforce") + &root("sql/migrations/V1__crm_tables.sql");
    assert!(owner.simple_query(&enforce).await.is_err(), "not with orphans");
    batch(&owner, &guide.block("-- assign").replace("USER_ID", Bob.id())).await;
    assert_eq!(orphans().await, 0);
    owner.simple_query(&enforce).await.unwrap();
    // `mako migrate` finds nothing else to do than to take note.
    crate::migrations::migrate(&database).await.unwrap();
    assert_fresh_shape(&database.superuser_url()).await;
    assert_tenancy(&owner, &database.superuser_url(), &database.authenticator_url()).await;
    assert_eq!(
        number(
            &owner,
            "select count(*) from pg_policies where qual = 'true' and roles <> '{mako_definer}'"
        )
        .await,
        0
    );
}

#[tokio::test]
async fn the_guide_leads_to_the_same_from_before_multi_tenancy() {
    by_hand(State::BEFORE).await;
}

#[tokio::test]
async fn the_guide_leads_to_the_same_from_after_the_crms_migration() {
    by_hand(State::after()).await;
}
