//! While the CRM's own writers write: no write fails, none waits for long, no row is lost.

use std::collections::HashSet;
use std::time::Duration;

use tests::crm::{State, Writers};
use tests::service::binary;

use super::{adopt, assert_fresh_shape, assert_tenancy, assign_orphans, crm_in};

/// Rows in each table.
fn many() -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "how large a test is, is for whoever runs it"
    )]
    let asked = std::env::var("MAKO_ADOPT_ROWS");
    asked.ok().and_then(|rows| rows.parse().ok()).unwrap_or(5_000)
}

/// Longer than a lock is waited for, since a busy machine is slow by itself; shorter than anybody's timeout.
const BEARABLE: Duration = Duration::from_secs(3);

async fn taken_over_under_load(state: State) {
    binary().await;
    let (database, owner) = crm_in(state, many()).await;
    let (url, authenticator_url) = (database.superuser_url(), database.authenticator_url());
    let ids = async || -> HashSet<String> {
        let rows = owner.query("select id from leads", &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    };
    let before = ids().await;

    let writers = Writers::start(&authenticator_url, &owner, 4, true).await;
    writers.go_on_for(100).await;
    let (code, log) = adopt(&url, &["--apply"]).await;
    writers.go_on_for(100).await;
    let written = writers.stop().await;
    eprintln!(
        "{state:?}, --apply: {} statements, slowest {:?}\n{log}",
        written.statements, written.slowest
    );
    assert_eq!(code, Some(0), "{log}");
    assert!(written.failures.is_empty(), "{:#?}", written.failures);
    assert!(written.slowest < BEARABLE, "{:?}", written.slowest);
    // Whoever is missing was deleted by the CRM.
    let (after, deleted) = (ids().await, written.deleted.into_iter().collect::<HashSet<_>>());
    let lost: Vec<_> = before
        .difference(&after)
        .filter(|id| !deleted.contains(*id))
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert_tenancy(&owner, &url, &authenticator_url).await;

    let writers = Writers::start(&authenticator_url, &owner, 4, false).await;
    assign_orphans(&url, &owner).await;
    let (code, log) = adopt(&url, &["--enforce"]).await;
    let written = writers.stop().await;
    eprintln!(
        "{state:?}, --enforce: {} statements, slowest {:?}\n{log}",
        written.statements, written.slowest
    );
    assert_eq!(code, Some(0), "{log}");
    assert!(written.failures.is_empty(), "{:#?}", written.failures);
    assert!(written.slowest < BEARABLE, "{:?}", written.slowest);
    assert_tenancy(&owner, &url, &authenticator_url).await;
    assert_fresh_shape(&url).await;
}

#[tokio::test]
async fn no_write_fails_before_multi_tenancy() {
    taken_over_under_load(State::BEFORE).await;
}

#[tokio::test]
async fn no_write_fails_in_the_middle_of_the_crms_migration() {
    taken_over_under_load(State::IN_THE_MIDDLE).await;
}

#[tokio::test]
async fn no_write_fails_after_the_crms_migration() {
    taken_over_under_load(State::after()).await;
}
