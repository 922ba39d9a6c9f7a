#![doc = include_str!("../README.md")]

pub mod admin;
mod connect;
mod distributed;
mod encoded;
mod error;
mod listener;
mod login;
mod pool;
mod preface;
mod prepared;
mod query;
pub mod read_your_writes;
mod replica;
mod replica_monitor;
mod round_trip;
pub mod rows;
mod sealing;
mod tenant_tx;
mod user_permits;

pub use connect::{BadTarget, Target};
pub use distributed::replacement;
pub use error::{Error, SqlError};
pub use listener::{Channel, Listener};
pub use prepared::{Preparation, PreparedStatements};
pub use query::{Access, Query, ReplicaQuery, Role, RouterQuery};
pub use replica::{Fallback, ReplicaSettings, ReplicaStatus};
pub use replica_monitor::ReplicaMonitor;
pub use rows::page::{Cursor, PageRequest};
pub use rows::queries;
pub use sealing::SealingKeys;
pub use tenant_tx::{Readiness, Store, StoreSettings, TenantTx};
