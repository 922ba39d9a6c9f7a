#![doc = include_str!("../README.md")]

pub mod admin;
mod connect;
mod door;
mod error;
mod login;
mod pool;
mod query;
mod sealing;
pub mod rows;

pub use connect::{BadTarget, Target};
pub use door::{Call, Settings, Store, TenantTx};
pub use error::{Error, SqlError};
pub use query::{ALL as QUERIES, Access, Query, Role};
pub use sealing::SealingKeys;
pub use rows::page::{Cursor, Page};
