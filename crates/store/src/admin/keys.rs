//! Counts the master keys that stored values are sealed by, and moves all to the current one.
//!
//! Online and in batches, each committed by itself: whoever is killed goes on where they were, since a value that is
//! sealed by the current key is done. A value that is replaced meanwhile is left to whoever replaced it.

use seal::{KeyId, SecretText};

use super::{Admin, AdminError};
use crate::rows::api_keys::hint;
use crate::sealing::{COLUMNS, SealedColumn, SealingKeys};

/// Rows that are read, sealed anew and written at a time: some tens of milliseconds of locks on rows, none on tables.
const BATCH: i64 = 200;

/// How many values of a table one master key has sealed.
#[derive(Clone, Debug)]
pub struct KeyCount {
    /// The table.
    pub table: &'static str,
    /// The key; None for values in another format: the CRM's own.
    pub key: Option<KeyId>,
    /// Values.
    pub rows: u64,
}

/// A value that none of the keys opens. It is left as it is.
#[derive(Clone, Debug)]
pub struct UnopenedValue {
    /// The table.
    pub table: &'static str,
    /// The row's id.
    pub id: String,
    /// The row's user.
    pub user: String,
    /// The service or source.
    pub row: String,
    /// The key that sealed it, if it is in our format.
    pub key: Option<KeyId>,
}

/// What sealing anew came to.
#[derive(Clone, Debug, Default)]
pub struct Resealed {
    /// Values sealed by the current key now; in a dry run, those that would be.
    pub rows: u64,
    /// Values that were replaced by someone else meanwhile.
    pub overtaken: u64,
    /// Values that no key opens.
    pub stubborn: Vec<UnopenedValue>,
}

/// Which values to take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Which {
    /// Sealed by another key than the current one.
    Retired,
    /// In another format than ours.
    Legacy,
}

/// A row as it was read.
struct Candidate {
    id: String,
    user: String,
    row: String,
    stored: String,
}

impl Admin {
    /// How many values each key has sealed, by table.
    pub async fn key_counts(&self) -> Result<Vec<KeyCount>, AdminError> {
        let mut counts = Vec::new();
        for column in COLUMNS {
            let sql = format!(
                "select sealed_by, count(*) from {}.{} where {} is not null group by 1 order by 1",
                column.schema, column.table, column.column
            );
            let rows = self.client.query(&sql, &[]).await;
            for row in rows.map_err(AdminError::at(format!("counting {}", column.table)))? {
                counts.push(KeyCount {
                    table: column.table,
                    key: row.get::<_, Option<&str>>(0).and_then(|id| id.parse().ok()),
                    rows: row.get::<_, i64>(1).unsigned_abs(),
                });
            }
        }
        Ok(counts)
    }

    /// Seals with the current key what retired ones sealed. `progress` is told how many more are done.
    pub async fn rotate_keys(
        &self,
        keys: &SealingKeys,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Resealed, AdminError> {
        let mut total = Resealed::default();
        // Services that still have the old key as their current one go on sealing with it: look again until a pass
        // finds nothing to do.
        loop {
            let pass = self.reseal(keys, Which::Retired, false, progress).await?;
            total.rows += pass.rows;
            total.overtaken += pass.overtaken;
            total.stubborn = pass.stubborn;
            if pass.rows == 0 && pass.overtaken == 0 {
                return Ok(total);
            }
        }
    }

    /// Takes over what the CRM sealed itself (`iv:tag:ciphertext`). With `dry_run` nothing is written.
    pub async fn import_legacy_keys(
        &self,
        keys: &SealingKeys,
        dry_run: bool,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Resealed, AdminError> {
        self.reseal(keys, Which::Legacy, dry_run, progress).await
    }

    async fn reseal(
        &self,
        keys: &SealingKeys,
        which: Which,
        dry_run: bool,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Resealed, AdminError> {
        let mut result = Resealed::default();
        for column in &COLUMNS {
            let mut after = String::new();
            loop {
                let batch = self
                    .candidates(column, which, keys.ring().current(), &after)
                    .await?;
                let Some(last) = batch.last() else { break };
                after.clone_from(&last.id);
                let read = batch.len() as u64;
                self.reseal_batch(column, batch, keys, dry_run, &mut result)
                    .await?;
                progress(read);
            }
        }
        Ok(result)
    }

    async fn candidates(
        &self,
        column: &SealedColumn,
        which: Which,
        current: KeyId,
        after: &str,
    ) -> Result<Vec<Candidate>, AdminError> {
        let condition = match which {
            Which::Retired => "sealed_by <> $2",
            Which::Legacy => "sealed_by is null and $2 <> ''",
        };
        // Rows without a user are nobody's: there is no slot that they could be sealed to.
        let sql = format!(
            "select id, user_id, {row}, {value} from {schema}.{table}
             where id > $1 and {condition} and {value} is not null and user_id is not null
             order by id limit $3",
            row = column.row,
            value = column.column,
            schema = column.schema,
            table = column.table,
        );
        let rows = self
            .client
            .query(&sql, &[&after, &current.to_string(), &BATCH])
            .await
            .map_err(AdminError::at(format!("reading {}", column.table)))?;
        Ok(rows
            .iter()
            .map(|row| Candidate {
                id: row.get(0),
                user: row.get(1),
                row: row.get(2),
                stored: row.get(3),
            })
            .collect())
    }

    async fn reseal_batch(
        &self,
        column: &SealedColumn,
        batch: Vec<Candidate>,
        keys: &SealingKeys,
        dry_run: bool,
        result: &mut Resealed,
    ) -> Result<(), AdminError> {
        let (mut ids, mut stored, mut sealed) = (vec![], vec![], vec![]);
        let (mut fingerprints, mut hints) = (vec![], vec![]);
        for candidate in batch {
            let slot = column.slot(&candidate.user, &candidate.row);
            let Ok(opened) = keys.open(&slot, &candidate.stored).await else {
                result.stubborn.push(UnopenedValue {
                    table: column.table,
                    key: seal::key_id(&candidate.stored),
                    id: candidate.id,
                    user: candidate.user,
                    row: candidate.row,
                });
                continue;
            };
            let secret: SecretText = opened.secret;
            sealed.push(
                keys.ring()
                    .seal(&slot, &secret)
                    .map_err(|_| AdminError::Unsealable)?,
            );
            fingerprints.push(keys.ring().fingerprint(&slot, &secret));
            hints.push(hint(&secret));
            ids.push(candidate.id);
            stored.push(candidate.stored);
        }
        let opened = ids.len() as u64;
        if dry_run || opened == 0 {
            result.rows += opened;
            return Ok(());
        }
        let written = self
            .client
            .execute(
                &reseal_sql(column),
                &[&ids, &stored, &sealed, &fingerprints, &hints],
            )
            .await
            .map_err(AdminError::at(format!("writing {}", column.table)))?;
        result.rows += written;
        result.overtaken += opened - written;
        Ok(())
    }
}

/// Replaces sealed values that are still what they were when they were read, and what is kept beside them.
fn reseal_sql(column: &SealedColumn) -> String {
    let also = |name: Option<&str>, value| {
        name.map(|name| format!(", {name} = new.{value}"))
            .unwrap_or_default()
    };
    let (fingerprint, hint) = (also(column.fingerprint, "fingerprint"), also(column.hint, "hint"));
    format!(
        "update {schema}.{table} old set {value} = new.sealed{fingerprint}{hint}
         from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
           as new (id, stored, sealed, fingerprint, hint)
         where old.id = new.id and old.{value} = new.stored",
        schema = column.schema,
        table = column.table,
        value = column.column,
    )
}
