//! Predicts what a cluster answers, from the processor time that a request costs on each of its machines.
//!
//! Requests are played one by one through queues: processors, pools of connections, the network between machines. What is
//! put in is measured on one node; [`Prediction`] says how many are answered, how long they take, and what is full first.

mod cluster;
mod engine;
mod tenants;

pub use cluster::{Cluster, Cores, Costs, Nodes};
pub use engine::{Load, Prediction};
pub use tenants::{Spread, Tenants};
