//! The way back restores the policies, rights, constraints and defaults of before, and loses no row.

use tests::crm::{State, Writers};
use tests::database::batch;
use tests::process::Process;
use tests::service::mako;

use super::{adopt, assign_orphans, content, crm_in, folder};
use crate::migrations::shape;

/// The lines about these tables that an adoption must be able to take back: new columns, indexes and comments stay.
async fn restored(url: &str, tables: &[String]) -> Vec<String> {
    let added = [
        "user_id",
        "hint",
        "last_ok_at",
        "last_error",
        "oauth",
        "expires_at",
        "scopes",
        "account",
        "refresh_at",
        "refresh_lease",
        "refresh_failures",
        "sealed_by",
        "scope",
        "dedupe_key",
        "attempts",
        "tenant_numbers",
        "call_id",
        "calls",
        "recorded_at",
    ];
    let is_restored = |line: &&String| {
        let rest = line.trim_start_matches("column ").trim_start_matches("grant ");
        let words: Vec<_> = rest.split([' ', '.']).filter(|word| *word != "public").collect();
        let of_column = line.starts_with("column ");
        let table = if of_column || line.starts_with("grant ") {
            words[0]
        } else {
            words[1]
        };
        tables.iter().any(|name| name == table)
            && !line.starts_with("index ")
            && !(of_column && added.contains(&words[1]))
    };
    let lines = shape(url).await;
    lines
        .iter()
        .filter(is_restored)
        .map(|line| line.split(" (no comment)").next().unwrap().to_owned())
        .collect()
}

async fn taken_back(state: State) {
    let (database, owner) = crm_in(state, 80).await;
    let url = database.superuser_url();
    batch(&owner, "grant select (name) on leads to anon with grant option").await;
    let rows = content(&owner).await;
    let tables: Vec<_> = rows.iter().map(|table| table.0.clone()).collect();
    let before = restored(&url, &tables).await;
    let (code, log) = adopt(&url, &["--apply"]).await;
    assert_eq!(code, Some(0), "{log}");
    assign_orphans(&url, &owner).await;
    let (code, log) = adopt(&url, &["--enforce"]).await;
    assert_eq!(code, Some(0), "{log}");
    let script =
        std::fs::read_to_string(folder(&url).join(format!("mako-adopt-rollback-{}.sql", database.name())))
            .unwrap();
    for _ in 0..2 {
        batch(&owner, &script).await;
        batch(
            &owner,
            "do $$ declare c record; begin for c in select objoid::regclass as t, attname from pg_description
               join pg_attribute on attrelid = objoid and attnum = objsubid
               where objoid::regclass::text in ('users', 'leads', 'call_logs', 'automation_logs', 'contacts', 'api_keys', 'webhook_events')
             loop execute format('comment on column %s.%I is null', c.t, c.attname); end loop; end $$",
        )
        .await;
        let after = restored(&url, &tables).await;
        let missing: Vec<_> = before.iter().filter(|line| !after.contains(line)).collect();
        let more: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
        assert!(
            missing.is_empty() && more.is_empty(),
            "{state:?}: missing {missing:#?}, more {more:#?}"
        );
    }
    for table in rows.iter().take(4) {
        assert!(content(&owner).await.contains(table), "{state:?}: {table:?}");
    }
    // The old writers write on, and a second adoption comes as far as the first.
    let writers = Writers::start(&database.authenticator_url(), &owner, 2, true).await;
    writers.go_on_for(60).await;
    assert_eq!(writers.stop().await.failures, Vec::<String>::new());
    let (code, log) = adopt(&url, &["--apply"]).await;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(super::holes(&owner).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_way_back_is_written_where_somebody_said_and_before_anything_is_changed() {
    let (database, owner) = crm_in(State::BEFORE, 4).await;
    let url = database.superuser_url();
    let before = shape(&url).await;
    let run = async |arguments: &[&str]| {
        let mut command = mako(arguments, &[("ADMIN_DATABASE_URL", &url)]).await;
        Process::start(command.current_dir(folder(&url))).output().await
    };
    let written = || std::fs::read_dir(folder(&url)).unwrap().count();
    let (code, log) = run(&["adopt"]).await;
    assert_eq!(
        (code, written()),
        (Some(0), 0),
        "a plan alone writes no file: {log}"
    );
    let (code, log) = run(&["adopt", "--apply"]).await;
    assert_eq!((code, written()), (Some(2), 0), "{log}");
    assert!(log.contains("--rollback-dir"), "{log}");
    let (code, log) = run(&["adopt", "--apply", "--rollback-dir", "not-there"]).await;
    assert_eq!((code, written()), (Some(2), 0), "{log}");
    assert!(log.contains("nothing was changed"), "{log}");
    assert_eq!(shape(&url).await, before);
    std::fs::create_dir(folder(&url).join("kept")).unwrap();
    let file = format!("kept/mako-adopt-rollback-{}.sql", database.name());
    let file = folder(&url).join(file);
    for arguments in [
        &["adopt", "--rollback-dir", "kept"][..],
        &["adopt", "--apply", "--rollback-dir", "kept"],
    ] {
        let (code, log) = run(arguments).await;
        assert_eq!(code, Some(0), "{log}");
        assert!(
            log.contains(&format!("the way back is in {}", file.display())),
            "{log}"
        );
    }
    batch(&owner, &std::fs::read_to_string(file).unwrap()).await;
}

#[tokio::test]
async fn an_adoption_from_before_multi_tenancy_can_be_taken_back() {
    taken_back(State::BEFORE).await;
}

#[tokio::test]
async fn an_adoption_from_after_the_crms_migration_can_be_taken_back() {
    taken_back(State::after()).await;
}
