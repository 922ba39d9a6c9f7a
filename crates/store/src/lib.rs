#![doc = include_str!("../README.md")]

pub mod admin;
mod connect;
mod error;
mod listener;
mod login;
mod pool;
mod preface;
mod prepared;
mod query;
mod round_trip;
pub mod rows;
mod sealing;
mod tenant_tx;
mod user_permits;

pub use connect::{BadTarget, Target};
pub use error::{Error, SqlError};
pub use listener::{Channel, Listener};
pub use prepared::{Preparation, PreparedStatements};
pub use query::{Access, Query, Role, RouterQuery};
pub use rows::page::{Cursor, PageRequest};
pub use rows::queries;
pub use sealing::SealingKeys;
pub use tenant_tx::{Readiness, Store, StoreSettings, TenantTx};
