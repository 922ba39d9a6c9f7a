//! When to look for events: when the database says that there are some, and now and then.

use std::sync::Arc;
use std::time::Duration;

use store::{Channel, Store};
use tokio::sync::Notify;

/// After a session that listened has ended.
const PAUSE: Duration = Duration::from_secs(5);

/// Notifies whenever an event was captured, for as long as it runs. Behind a pooler it ends at once: there nothing is heard.
pub(super) async fn listen(store: Arc<Store>, wake: Arc<Notify>) {
    loop {
        match store.listen(Channel::Events).await {
            Ok(Some(mut listener)) => {
                tracing::debug!("listening for events");
                // What was captured before nobody has heard of.
                wake.notify_one();
                while listener.heard().await {
                    wake.notify_one();
                }
            }
            Ok(None) => {
                return tracing::info!(
                    "behind a pooler events are looked for every second, and not heard of at once"
                );
            }
            Err(error) => tracing::debug!(%error, "nothing can be heard of events now"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
