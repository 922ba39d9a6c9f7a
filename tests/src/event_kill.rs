//! Kills services that send events, and their Postgres, again and again, and looks what arrived where and in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tokio_postgres::Client;

use crate::database::batch;
use crate::event_receiver::{Arrived, EventReceiver};
use crate::events_out::{TO_LOOPBACK, count, make_due, subscribe};
use crate::people::Person::{self, Alice, Bob};
use crate::process::{free_port, until};
use crate::{Restartable, Service};

/// Events of a row: it is added, and changed twice.
const OF_A_ROW: usize = 3;
/// Attempts between two kills; so few that most are in the middle of something.
const BETWEEN: usize = 10;

/// What was found; what isn't as it must be has panicked.
pub struct Outcome {
    /// Events that were captured.
    pub events: usize,
    /// Attempts that arrived.
    pub attempts: usize,
    /// Those that arrived though their event had been taken before.
    pub repeated: usize,
    /// From the first event to the last.
    pub elapsed: Duration,
}

/// Two services on a durable Postgres, and a receiver that fails now and then.
struct Target {
    postgres: Restartable,
    services: Vec<Service>,
    addresses: [String; 2],
    receiver: EventReceiver,
}

impl Target {
    async fn start(receivers: &str) -> Self {
        let postgres = Restartable::start().await;
        let receiver = EventReceiver::start().await;
        for person in [Alice, Bob] {
            let url = format!("{}/{receivers}/{}", receiver.url, owner(person));
            subscribe(&postgres.login_url(), &person.claims(), &url, &[]).await;
        }
        let addresses = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
        let mut it = Self {
            postgres,
            services: Vec::new(),
            addresses,
            receiver,
        };
        for service in 0..2 {
            let started = it.serve(service).await;
            it.services.push(started);
        }
        it
    }

    async fn serve(&self, service: usize) -> Service {
        let settings = [TO_LOOPBACK, ("LISTEN", &self.addresses[service]), ("LOG", "warn")];
        Service::with(&self.postgres.login_url(), &settings).await
    }

    /// Adds rows of both tenants, and changes each twice.
    async fn write(&self, round: usize, rows: usize) {
        let superuser = self.postgres.superuser().await;
        for person in [Alice, Bob] {
            let insert = format!(
                "insert into leads (id, user_id, name, phone, status, source)
                 select '{}-{round}-' || n, '{}', 'x', '1', 'new', 'x' from generate_series(1, {rows}) n",
                owner(person),
                person.id()
            );
            batch(&superuser, &insert).await;
            for status in ["contacted", "booked"] {
                let update = format!(
                    "update leads set status = '{status}' where id like '{}-{round}-%'",
                    owner(person)
                );
                batch(&superuser, &update).await;
            }
        }
    }

    async fn until_more(&self, attempts: usize) {
        let goal = self.receiver.count() + attempts;
        until(async || self.receiver.count() >= goal).await;
    }

    async fn kill_services(&mut self, services: std::ops::Range<usize>) {
        for service in services.clone() {
            self.services[service]
                .process
                .child
                .kill()
                .await
                .expect("it runs");
        }
        if services.len() == self.services.len() {
            // Nobody sends now what they had taken: their leases may as well be over.
            let leases = "update mako.event_deliveries set leased_until = now() where leased_until > now()";
            batch(&self.postgres.superuser().await, leases).await;
        }
        for service in services {
            self.services[service] = self.serve(service).await;
        }
    }

    /// Until nothing is left to do, as long as it goes on.
    async fn settle(&self, superuser: &Client) {
        let left = async || count(superuser, "pending").await + count(superuser, "failed").await;
        let mut before = left().await;
        while before > 0 {
            until(async || {
                make_due(superuser).await;
                left().await < before
            })
            .await;
            before = left().await;
        }
    }
}

/// Which services are killed at a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Killed {
    /// Both. What they had taken is taken again at once, by the database's clock.
    Both,
    /// One and the other in turns. What it had taken is taken again when its leases are over. Receivers also hang.
    One,
}

/// `kill -9` of every process of Postgres and of services, so many times each, while so many events are sent.
pub async fn run(events: usize, kills: usize, killed: Killed, mut progress: impl FnMut(usize)) -> Outcome {
    let receivers = match killed {
        Killed::Both => "mixed",
        Killed::One => "wild",
    };
    let mut target = Target::start(receivers).await;
    let started = Instant::now();
    let rows = events.div_ceil(2 * OF_A_ROW * kills);
    for kill in 0..kills {
        target.write(kill, rows).await;
        target.until_more(BETWEEN).await;
        target.postgres.kill().await;
        target.postgres.go_on().await;
        target.until_more(BETWEEN).await;
        let services = match killed {
            Killed::Both => 0..2,
            Killed::One => kill % 2..kill % 2 + 1,
        };
        target.kill_services(services).await;
        progress(kill + 1);
    }
    let superuser = target.postgres.superuser().await;
    target.settle(&superuser).await;
    let elapsed = started.elapsed();
    let events = 2 * OF_A_ROW * rows * kills;
    let delivered = usize::try_from(count(&superuser, "delivered").await).expect("a count");
    assert_eq!(delivered, events, "every event, and nothing else");
    let arrived = target.receiver.arrived();
    Outcome {
        events,
        attempts: arrived.len(),
        repeated: judge(&superuser, &arrived).await,
        elapsed,
    }
}

/// Whether each event came through at its own tenant's receiver, and each row's in their order; how many attempts were
/// made of what had been taken.
async fn judge(superuser: &Client, arrived: &[Arrived]) -> usize {
    let captured = "select id, row_id from mako.event_deliveries order by sequence";
    let captured = superuser.query(captured, &[]).await.expect("a superuser may");
    let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut row_of: BTreeMap<String, String> = BTreeMap::new();
    for row in &captured {
        let (id, of): (String, String) = (row.get(0), row.get(1));
        rows.entry(of.clone()).or_default().push(id.clone());
        row_of.insert(id, of);
    }
    let (mut taken, mut attempts) = (BTreeSet::new(), BTreeMap::<&str, usize>::new());
    let mut repeated = 0;
    for event in arrived {
        let row = &row_of[event.id()];
        let tenant = row.split('-').next().expect("a name");
        assert!(event.path.ends_with(tenant), "{row} arrived at {}", event.path);
        // An older one may be overtaken when its receiver has failed twice on it.
        let older = rows[row].iter().take_while(|id| *id != event.id());
        let mut waits =
            older.filter(|id| !taken.contains(id.as_str()) && attempts.get(id.as_str()) < Some(&2));
        assert_eq!(waits.next(), None, "{row} out of its order");
        *attempts.entry(event.id()).or_default() += 1;
        if (200..300).contains(&event.answered) && !taken.insert(event.id()) {
            repeated += 1;
        }
    }
    assert_eq!(taken.len(), captured.len(), "every event was taken");
    repeated
}

fn owner(person: Person) -> &'static str {
    match person {
        Alice => "alice",
        Bob => "bob",
        Person::Mallory => "mallory",
    }
}
