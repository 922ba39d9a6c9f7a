//! A folder for `SPOOL_DIR`.

use std::path::{Path, PathBuf};

use crate::process::free_port;

/// A folder's name of one's own; what the service makes there vanishes with it.
pub struct SpoolFolder(PathBuf);

impl SpoolFolder {
    /// A name that nothing has.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "each is another")]
    pub fn new() -> Self {
        let name = format!("mako-spool-{}-{}", std::process::id(), free_port());
        Self(std::env::temp_dir().join(name))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// As the setting has it.
    #[must_use]
    pub fn setting(&self) -> (&str, &str) {
        ("SPOOL_DIR", self.0.to_str().expect("a plain name"))
    }

    /// The files, without those that only try whether there can be any.
    #[must_use]
    pub fn deliveries(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(&self.0).expect("the service has made it");
        files
            .map(|file| file.expect("it can be read").path())
            .filter(|file| file.extension().is_none_or(|kind| kind != "probe"))
            .collect()
    }

    /// What kinds of files are there.
    #[must_use]
    pub fn kinds(&self) -> Vec<String> {
        let kind = |file: &PathBuf| Some(file.extension()?.to_str()?.to_owned());
        self.deliveries().iter().filter_map(kind).collect()
    }
}

impl Drop for SpoolFolder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
