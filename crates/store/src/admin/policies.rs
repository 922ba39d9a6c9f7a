//! Puts the policies in place. Each file is current state; it is skipped while neither it nor the database changed.

use ring::digest::{SHA256, digest};

use super::{Admin, AdminError};

/// A file of `policies/`: its name and its text.
#[derive(Debug)]
pub(super) struct PolicyFile(pub(super) &'static str, pub(super) &'static str);

const LISTED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/policies.rs"));

/// All of them, in the order in which they are applied.
pub(super) static FILES: &[PolicyFile] = &files();

const fn files() -> [PolicyFile; LISTED.len()] {
    let mut files = [const { PolicyFile("", "") }; LISTED.len()];
    let mut i = 0;
    while i < LISTED.len() {
        files[i] = PolicyFile(LISTED[i].0, LISTED[i].1);
        i += 1;
    }
    files
}

impl PolicyFile {
    /// The functions that column defaults call must be there before the tables.
    pub(super) fn precedes_tables(&self) -> bool {
        self.0.starts_with("00_")
    }

    fn stem(&self) -> &'static str {
        self.0.trim_end_matches(".sql")
    }

    /// Its statements without the BEGIN and COMMIT around them.
    pub(super) fn body(&self) -> &'static str {
        let begun = self.1.split_once("\nbegin;\nset local lock_timeout = '5s';\n");
        let body = begun.map_or(self.1, |(_, body)| body);
        body.trim_end().trim_end_matches("commit;")
    }

    fn digest(&self) -> String {
        hex::encode(digest(&SHA256, self.1.as_bytes()))
    }
}

impl Admin {
    /// Whether the file was applied as it is now, and the catalog still says what it said after that.
    pub(super) async fn is_applied(&self, file: &PolicyFile) -> Result<bool, AdminError> {
        let at = || AdminError::at(format!("reading the state of policies/{}", file.0));
        let there = self
            .client
            .query_one("select to_regclass('mako.policy_files') is not null", &[])
            .await;
        if !there.map_err(at())?.get::<_, bool>(0) {
            return Ok(false);
        }
        let known = "select 1 from mako.policy_files where file = $1 and digest = $2 and catalog = $3";
        let catalog = self.catalog(file).await?;
        let rows = self
            .client
            .query(known, &[&file.0, &file.digest(), &catalog])
            .await
            .map_err(at())?;
        Ok(!rows.is_empty())
    }

    /// Whether the file was applied as it is now, whatever the catalog says by now.
    pub(super) async fn is_known(&self, file: &PolicyFile) -> Result<bool, AdminError> {
        let known = "select 1 from mako.policy_files where file = $1 and digest = $2";
        let rows = self.client.query(known, &[&file.0, &file.digest()]).await;
        let rows = rows.map_err(AdminError::at(format!(
            "reading the state of policies/{}",
            file.0
        )))?;
        Ok(!rows.is_empty())
    }

    /// Applies a file, which is a transaction of its own, and notes how it left the catalog.
    pub(super) async fn apply_policies(&self, file: &PolicyFile) -> Result<(), AdminError> {
        self.run(&format!("policies/{}", file.0), file.1).await?;
        self.note_policies(file).await
    }

    /// Notes that a file was applied, and how it left the catalog.
    pub(super) async fn note_policies(&self, file: &PolicyFile) -> Result<(), AdminError> {
        let note = "insert into mako.policy_files (file, digest, catalog) values ($1, $2, $3)
            on conflict (file) do update set digest = excluded.digest, catalog = excluded.catalog, applied_at = now()";
        let catalog = self.catalog(file).await?;
        self.client
            .execute(note, &[&file.0, &file.digest(), &catalog])
            .await
            .map_err(AdminError::at(format!("noting policies/{}", file.0)))?;
        Ok(())
    }

    /// A digest of everything that the file decides: policies, flags, rights, owners, functions.
    async fn catalog(&self, file: &PolicyFile) -> Result<String, AdminError> {
        let row = self
            .client
            .query_one(
                include_str!("../../../../sql/catalog.sql"),
                &[&file.stem(), &file.1],
            )
            .await;
        Ok(row.map_err(AdminError::at("reading the catalog"))?.get(0))
    }
}
