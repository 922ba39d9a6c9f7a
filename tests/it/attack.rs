//! Is the service as before once its attackers are gone? Each attack for a moment; at length by the example `attack`.

use std::time::Duration;

use tests::attack::{Attack, Size, run, target};
use tests::connections;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attackers_take_bounded_memory_keep_nobody_else_waiting_and_leave_nothing_behind() {
    let (service, _database) = target().await;
    let size = Size {
        attackers: 150,
        lasts: Duration::from_secs(2),
        recovers: Duration::from_secs(10),
    };
    for attack in Attack::ALL {
        let effect = run(&service, attack, size).await;
        let is_back = effect.after.is_back_at(&effect.before);
        assert!(is_back, "{attack:?}: {effect:#?}");
        assert_eq!(effect.unanswered, 0, "{attack:?}: {effect:#?}");
        // Also unoptimised; the budgets for bodies and answers are 56 MB of it.
        assert!(effect.under.resident < 150 << 10, "{attack:?}: {effect:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_come_and_go_leave_nothing_behind() {
    let (service, _database) = target().await;
    // An allocator keeps what it was given at the busiest moment, which may come late; what is left behind grows each time.
    let mut effects = Vec::new();
    for _ in 0..3 {
        let effect = connections::run(&service, 3_000, |_, _| ()).await;
        if effect.after.is_back_at(&effect.before) {
            return;
        }
        effects.push(effect);
    }
    panic!("{effects:#?}");
}
