//! Lets the work on the spool make way for deliveries that arrive now.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How many deliveries that somebody waits for are under way.
#[derive(Default)]
pub(crate) struct LiveDeliveries(watch::Sender<usize>);

/// One of them, until it is dropped.
pub(super) struct LiveDelivery<'a>(&'a LiveDeliveries);

impl LiveDeliveries {
    /// One has arrived.
    pub(super) fn begin(&self) -> LiveDelivery<'_> {
        self.0.send_modify(|under_way| *under_way += 1);
        LiveDelivery(self)
    }

    /// Waits until none is under way, or for so long: under a load that never ends the spool is emptied, too.
    pub(super) async fn let_pass(&self, at_most: Duration) {
        let mut under_way = self.0.subscribe();
        drop(timeout(at_most, under_way.wait_for(|under_way| *under_way == 0)).await);
    }
}

impl Drop for LiveDelivery<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|under_way| *under_way -= 1);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    #[tokio::test(start_paused = true)]
    async fn the_spool_waits_for_the_last_delivery_under_way() {
        let live = LiveDeliveries::default();
        assert!(live.let_pass(LONG).now_or_never().is_some(), "nobody is there");
        let (first, second) = (live.begin(), live.begin());
        let mut waiting = Box::pin(live.let_pass(LONG));
        assert!((&mut waiting).now_or_never().is_none());
        drop(first);
        assert!((&mut waiting).now_or_never().is_none());
        drop(second);
        assert!(waiting.now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_load_that_never_ends_does_not_stop_it() {
        let live = LiveDeliveries::default();
        let _under_way = live.begin();
        live.let_pass(LONG).await;
    }
}
