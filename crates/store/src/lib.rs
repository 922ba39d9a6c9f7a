#![doc = include_str!("../README.md")]

pub mod admin;
mod connect;
mod door;
mod error;
mod login;
mod pool;
mod preface;
mod query;
pub mod rows;
mod sealing;
mod share;

pub use connect::{BadTarget, Target};
pub use door::{Call, Readiness, Settings, Store, TenantTx};
pub use error::{Error, SqlError};
pub use query::{ALL as QUERIES, Access, Query, Role, RouterQuery};
pub use rows::page::{Cursor, Page};
pub use sealing::SealingKeys;
