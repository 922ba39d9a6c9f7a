#![doc = include_str!("../README.md")]

mod assessment;
mod attack;
mod baseline;
mod catalog;
mod changes;
mod conditions;
mod constants;
mod context;
mod controls;
mod draft;
mod extensions;
mod fingerprint;
mod frozen;
mod functions;
mod ground;
mod ids;
mod judge;
mod lint;
mod logins;
mod model;
mod naming;
mod nodes;
mod part;
mod parts;
mod pattern;
mod people;
mod persona;
mod plan;
mod progress;
mod project;
mod remedy;
mod report;
mod reproduce;
pub mod rules;
mod run;
mod script;
mod seed;
mod session;
mod sql;
mod values;
mod who;
mod words;

pub use baseline::{Accepted, BadBaseline, Baseline, Comparison};
pub use changes::{Changes, Point};
pub use fingerprint::{NotProven, Proof, fingerprint};
pub use model::{BadModel, Claim, Function, Membership, Model, Relation, Tenant, ThirdParty};
pub use naming::{BadNaming, Names, Naming};
pub use nodes::{Dial, Node};
pub use progress::{Observer, Phase, Progress};
pub use project::{Applied, Cluster, ConnectError, Origins, Project, ProjectError, Refused, Workbench};
pub use report::{
    Controls, Finding, FunctionReport, NodeReport, Place, RelationReport, Remedy, Report, Reproduction,
    Verdict,
};
pub use rules::Severity;
pub use run::{Options, run};
/// A session of an administrator's: what it attacks by, and applies a project through.
pub use tokio_postgres::Client;
/// A day, as baselines write it.
pub use toml::value::Date;

/// Why nothing could be proven; the text names the fix.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model file.
    #[error(transparent)]
    Model(#[from] BadModel),
    /// The database refused something that everything depends on.
    #[error("the database refused: {message} [{code}]")]
    Database {
        /// SQLSTATE.
        code: String,
        /// The server's message.
        message: String,
    },
    /// A document of the catalog's has an unexpected form.
    #[error("the catalog can't be read: {0}")]
    Catalog(String),
    /// A node that knows nothing of the rest.
    #[error("this is one of Citus' workers; prove the database on its coordinator")]
    Worker,
    /// Something that is always there is missing.
    #[error("the database doesn't answer as expected about {0}")]
    Unexpected(&'static str),
}

impl Error {
    fn from_postgres(error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(refusal) => Self::Database {
                code: refusal.code().code().to_owned(),
                message: refusal.message().to_owned(),
            },
            None => Self::Database {
                code: "08006".to_owned(),
                message: "the connection was lost".to_owned(),
            },
        }
    }
}
