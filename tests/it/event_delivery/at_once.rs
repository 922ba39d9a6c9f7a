//! How soon does an event go out?

use tests::people::Person::Alice;
use tests::process::until;

use super::World;

impl World {
    /// How many events have arrived within a tenth of a second, from when they happened to their receiver's answer.
    async fn arrived_at_once(&self) -> u32 {
        let metrics = self.service.get(Alice, "/metrics").await.text;
        let bucket = metrics
            .lines()
            .find_map(|line| line.strip_prefix("mako_events_out_lag_seconds_bucket{le=\"0.1\"} "));
        bucket.map_or(0, |count| count.parse().unwrap())
    }
}

#[tokio::test]
async fn an_idle_service_sends_an_event_within_a_tenth_of_a_second() {
    let world = World::new().await;
    world.subscribe(Alice, &world.url("/takes/"), &[]).await;
    // One at a time, each as soon as the one before has arrived: who looked every second would take one for each.
    until(async || {
        let before = world.receiver.count();
        world.lead(Alice, "Ada").await;
        world.receiver.until("/takes/", before + 1).await;
        world.arrived_at_once().await >= 20
    })
    .await;
}
