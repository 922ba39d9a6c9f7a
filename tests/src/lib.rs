#![doc = include_str!("../README.md")]
#![expect(clippy::missing_panics_doc, reason = "a harness panics when a test fails")]

pub mod attack;
pub mod authorization_server;
pub mod cluster;
pub mod collector;
pub mod compose;
pub mod connections;
pub mod crm;
pub mod database;
pub mod dump;
pub mod es256;
pub mod event_kill;
pub mod event_receiver;
pub mod events_out;
pub mod haproxy;
pub mod hooks;
pub mod kill;
pub mod npm;
pub mod people;
pub mod pgbouncer;
pub mod postgrest;
pub mod process;
pub mod programs;
pub mod provider;
pub mod restartable;
pub mod service;
pub mod snapshot;
pub mod spool_folder;
pub mod token_server;
pub mod traffic;
pub mod usage;

pub use database::TestDatabase;
pub use restartable::Restartable;
pub use service::Service;
pub use spool_folder::SpoolFolder;
