//! `mako openapi`: prints the OpenAPI document.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use seal::{KeyRing, MasterKey};
use store::{PreparedStatements, SealingKeys, Store, StoreSettings, Target};

use super::{Failure, print};

/// Prints the document; needs no database.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    // The document is made from the handlers, which hold a store; this one never connects.
    let target = Target::parse("postgres://nobody@127.0.0.1/none", None)?;
    let settings = StoreSettings {
        pool_size: 1,
        statement_timeout: Duration::from_secs(1),
        prepared_statements: PreparedStatements::On,
    };
    let sealing = SealingKeys::new(KeyRing::new(MasterKey::generate()?, Vec::new())?, Vec::new());
    let store = Arc::new(Store::new(&target, &settings)?);
    print(crate::app::document(&store, sealing)?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
