//! Processes the events that an admin has set going: this command, if it knows the login; else the service.

use std::time::Duration;

use store::{Store, StoreSettings};

use super::progress::Progress;
use super::{Failure, say};
use crate::config::Environment;
use crate::receiver::process_waiting as process_batch;

/// Processes what waits, as the users whose it is: through the login `mako`, never as the admin.
pub(super) async fn process_waiting(environment: &Environment, events: u64) -> Result<(), Failure> {
    let Some(login) = environment.login_target()? else {
        say(&format!(
            "{events} events wait; the service processes them within seconds"
        ));
        return Ok(());
    };
    let settings = StoreSettings {
        pool_size: 1,
        statement_timeout: Duration::from_secs(30),
        prepared_statements: environment.prepared_statements()?,
    };
    let store = Store::new(&login, &settings)?;
    let mut progress = Progress::new("processing events", events);
    let (mut done, mut failed) = (0, 0);
    loop {
        let batch = process_batch(&store, 0.0).await?;
        if batch.events == 0 {
            break;
        }
        progress.add(batch.events);
        done += batch.events;
        failed += batch.failed;
        if batch.later > 0 {
            drop(progress);
            return Err("the database went away; the service processes the rest when it is back".into());
        }
    }
    drop(progress);
    say(&format!("{done} events were processed, {failed} of them failed"));
    Ok(())
}
