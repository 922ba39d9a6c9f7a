//! `mako keys`: the master keys that tenants' secrets are sealed by.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use seal::{KeyId, MasterKey};
use store::SealingKeys;
use store::admin::{Admin, KeyCount, Resealed};

use super::progress::Progress;
use super::{Failure, print, say};
use crate::cli::Keys;
use crate::config::Environment;

/// Does what the subcommand says.
pub(crate) async fn run(what: Keys) -> Result<ExitCode, Failure> {
    if matches!(what, Keys::Generate) {
        return generate();
    }
    let environment = Environment::read()?;
    crate::log::start(&environment.log()?);
    let keys = environment.sealing()?;
    let admin = Admin::connect(&environment.admin_target()?).await?;
    match what {
        Keys::Generate => generate(),
        Keys::Status => status(&admin, &keys).await,
        Keys::Rotate => rotate(&admin, &keys).await,
        Keys::ImportLegacy { dry_run } => import_legacy(&admin, &keys, dry_run).await,
    }
}

fn generate() -> Result<ExitCode, Failure> {
    let key = MasterKey::generate()?;
    say(&format!("key {}; to put it in force:", key.id()));
    say("  1. every service: add it to ENCRYPTION_KEYS_RETIRED, so that all can open what it will seal");
    say("  2. every service: make it ENCRYPTION_KEY, and move the old key to ENCRYPTION_KEYS_RETIRED");
    say("  3. `mako keys rotate`, then drop the old key once `mako keys status` says so");
    print(&key.to_hex())?;
    Ok(ExitCode::SUCCESS)
}

async fn status(admin: &Admin, keys: &SealingKeys) -> Result<ExitCode, Failure> {
    let counts = admin.key_counts().await?;
    print(table(&counts, keys).trim_end())?;
    let unknown = counts
        .iter()
        .any(|count| count.key.is_some_and(|id| !keys.ring().knows(id)));
    Ok(if unknown {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

/// One line for each key of the ring and each key or format that was found, and what to do about it.
fn table(counts: &[KeyCount], keys: &SealingKeys) -> String {
    let ring = keys.ring();
    let mut rows: BTreeMap<Option<KeyId>, u64> = ring.ids().map(|id| (Some(id), 0)).collect();
    for count in counts {
        *rows.entry(count.key).or_default() += count.rows;
    }
    let mut text = String::from("key       state    values\n");
    for (key, values) in rows {
        let name = key.map_or_else(|| "-".to_owned(), |id| id.to_string());
        let (state, advice) = match key {
            None if values == 0 => continue,
            None => (
                "foreign",
                "sealed by the CRM itself: run `mako keys import-legacy`",
            ),
            Some(id) if id == ring.current() => ("current", ""),
            Some(id) if ring.knows(id) && values == 0 => (
                "retired",
                "may be dropped from ENCRYPTION_KEYS_RETIRED once no service has it as ENCRYPTION_KEY, nor anything in its SPOOL_DIR",
            ),
            Some(id) if ring.knows(id) => ("retired", "still needed: run `mako keys rotate`"),
            Some(_) => ("missing", "add it to ENCRYPTION_KEYS_RETIRED"),
        };
        let _ = writeln!(
            text,
            "{}",
            format!("{name:<8}  {state:<7}  {values:>6}  {advice}").trim_end()
        );
    }
    text
}

async fn rotate(admin: &Admin, keys: &SealingKeys) -> Result<ExitCode, Failure> {
    let current = keys.ring().current();
    let stale = |count: &&KeyCount| count.key.is_some_and(|id| id != current);
    let todo = admin
        .key_counts()
        .await?
        .iter()
        .filter(stale)
        .map(|count| count.rows)
        .sum();
    let mut progress = Progress::new("sealing anew", todo);
    let done = admin.rotate_keys(keys, &mut |rows| progress.add(rows)).await?;
    drop(progress);
    say(&format!("{} values are sealed by {current} now", done.rows));
    Ok(verdict(&done))
}

async fn import_legacy(admin: &Admin, keys: &SealingKeys, dry_run: bool) -> Result<ExitCode, Failure> {
    let todo = admin
        .key_counts()
        .await?
        .iter()
        .filter(|count| count.key.is_none())
        .map(|count| count.rows)
        .sum();
    let mut progress = Progress::new("taking over", todo);
    let done = admin
        .import_legacy_keys(keys, dry_run, &mut |rows| progress.add(rows))
        .await?;
    drop(progress);
    say(&if dry_run {
        format!("{} values would be taken over; nothing was changed", done.rows)
    } else {
        format!("{} values were taken over", done.rows)
    });
    Ok(verdict(&done))
}

/// Names what could not be opened, by row; never a value.
fn verdict(done: &Resealed) -> ExitCode {
    for row in &done.stubborn {
        let key = row
            .key
            .map_or_else(|| "another format".to_owned(), |id| format!("key {id}"));
        say(&format!(
            "left as it is, no key opens it: {} {} of user {}, {} ({key})",
            row.table, row.row, row.user, row.id
        ));
    }
    if done.stubborn.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}
