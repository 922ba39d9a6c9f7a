//! A copy of one of `tests/projects`, to be spoilt; it goes with its test.

use std::path::{Path, PathBuf};

use crate::process::{Process, free_port};
use crate::service::mako;

/// A sample as it is.
#[must_use]
pub fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("projects").join(name)
}

/// A copy of a sample.
pub struct SampleProject(PathBuf);

/// Of whatever a test adds.
pub const LAST_MIGRATION: &str = "supabase/migrations/20991231000000_last.sql";

impl SampleProject {
    /// With a last migration of the test's.
    #[must_use]
    pub fn of(name: &str, migration: &str) -> Self {
        let copy = Self(std::env::temp_dir().join(format!("mako-project-{}", free_port())));
        copy_folder(&sample(name), &copy.0);
        copy.write(LAST_MIGRATION, migration);
        copy
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Puts a file there.
    pub fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        std::fs::create_dir_all(path.parent().expect("it is in the folder")).expect("the folder is writable");
        std::fs::write(path, text).expect("the folder is writable");
    }

    /// What a file holds.
    #[must_use]
    pub fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.0.join(file)).expect("it is there")
    }

    /// Starts to prove `supabase/` from here.
    pub async fn start(&self, arguments: &[&str]) -> Process {
        let arguments: Vec<_> = ["prove", "supabase"].iter().chain(arguments).copied().collect();
        Process::start(mako(&arguments, &[]).await.current_dir(&self.0))
    }

    /// Proves it: the exit code, the report, and what was said beside it.
    pub async fn prove(&self, arguments: &[&str]) -> (Option<i32>, String) {
        self.start(arguments).await.output().await
    }
}

impl Drop for SampleProject {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the folder is writable");
    for entry in std::fs::read_dir(from).expect("it is there") {
        let from = entry.expect("it is there").path();
        let to = to.join(from.file_name().expect("it has a name"));
        if from.is_dir() {
            copy_folder(&from, &to);
        } else {
            std::fs::copy(&from, &to).expect("the folder is writable");
        }
    }
}
