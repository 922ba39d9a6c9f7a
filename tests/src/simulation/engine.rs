//! Plays requests through queues, by a clock that jumps from one event to the next.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use rand_distr::{Distribution as _, Exp1};

/// Something of which only so many can be had at a time.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    /// What it is called in a prediction.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) places: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A machine's processors.
    Processors,
    /// Connections. They are all taken, too, where the processors behind them are what is short.
    Pool,
}

/// One thing that a request does. Places are taken in the order in which they are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Waits for a place, and keeps it.
    Take(usize),
    /// Works for a time of that mean, exponentially distributed: some requests are dear, most are cheap.
    Work(Duration),
    /// Passes a time that is always the same.
    Pass(Duration),
    /// Gives a place back.
    Give(usize),
}

/// How requests come.
#[derive(Clone, Copy, Debug)]
pub enum Load {
    /// So many clients, each asking again as soon as it is answered.
    Closed(u32),
    /// So many a second, whatever becomes of those before.
    Open(f64),
}

/// What is to be expected.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// Answers a second.
    pub throughput: f64,
    /// Half of the requests are answered within this time.
    pub median: Duration,
    /// All but one of a hundred are.
    pub p99: Duration,
    /// How much of each machine's processors was in use, from 0 to 1, the fullest first.
    pub processors: Vec<(String, f64)>,
    /// How much of each pool of connections was.
    pub pools: Vec<(String, f64)>,
}

impl Prediction {
    /// What there must be more of: processors, or, where none are busy, the pool that requests wait for.
    #[must_use]
    pub fn full(&self) -> Option<&str> {
        let full = |used: &[(String, f64)]| used.first().is_some_and(|(_, share)| *share > 0.95);
        let fullest = if full(&self.processors) {
            &self.processors
        } else if full(&self.pools) {
            &self.pools
        } else {
            return None;
        };
        fullest.first().map(|(name, _)| name.as_str())
    }
}

/// Plays so many requests; the first fifth, which finds everything empty, isn't counted.
pub(super) fn play(
    resources: &[Resource],
    load: Load,
    requests: u32,
    steps_of: impl FnMut(&mut SmallRng) -> Vec<Step>,
) -> Prediction {
    let requests = requests as usize;
    let mut play = Play {
        now: Time(0),
        events: BinaryHeap::new(),
        queues: resources.iter().map(Queue::new).collect(),
        running: Vec::new(),
        free: Vec::new(),
        scheduled: 0,
        // The same every time: two predictions differ by what was put in alone.
        random: SmallRng::seed_from_u64(1),
        steps_of,
        load,
        taken: Vec::with_capacity(requests),
        uncounted: requests / 5,
        counted_from: Time(0),
    };
    play.run(requests);
    play.prediction(resources)
}

/// Nanoseconds since the beginning.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Time(u64);

impl Time {
    fn after(self, duration: Duration) -> Self {
        Self(self.0 + u64::try_from(duration.as_nanos()).expect("centuries are not simulated"))
    }

    fn since(self, before: Self) -> Duration {
        Duration::from_nanos(self.0 - before.0)
    }
}

struct Queue {
    places: u32,
    free: u32,
    waiting: VecDeque<usize>,
    /// Places in use, multiplied by the seconds for which they were, until `changed`.
    used: f64,
    changed: Time,
}

impl Queue {
    fn new(resource: &Resource) -> Self {
        Self {
            places: resource.places,
            free: resource.places,
            waiting: VecDeque::new(),
            used: 0.0,
            changed: Time(0),
        }
    }

    /// Before the number of free places changes, and at the end.
    fn account(&mut self, now: Time) {
        self.used += f64::from(self.places - self.free) * now.since(self.changed).as_secs_f64();
        self.changed = now;
    }
}

/// A request on its way.
struct Running {
    steps: Vec<Step>,
    next: usize,
    arrived: Time,
}

#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Event {
    /// A request of an open load comes.
    Arrives,
    /// A request goes on with its next step.
    GoesOn(usize),
}

struct Play<F> {
    now: Time,
    events: BinaryHeap<Reverse<(Time, u64, Event)>>,
    /// How many events there have been: of those at one moment the one that was scheduled first comes first.
    scheduled: u64,
    queues: Vec<Queue>,
    running: Vec<Running>,
    /// Places of `running` whose request is through.
    free: Vec<usize>,
    random: SmallRng,
    steps_of: F,
    load: Load,
    taken: Vec<Duration>,
    uncounted: usize,
    counted_from: Time,
}

impl<F: FnMut(&mut SmallRng) -> Vec<Step>> Play<F> {
    fn run(&mut self, requests: usize) {
        match self.load {
            Load::Closed(clients) => (0..clients).for_each(|_| self.arrive()),
            Load::Open(_) => self.schedule(Duration::ZERO, Event::Arrives),
        }
        while self.taken.len() < requests {
            let Reverse((now, _, event)) = self.events.pop().expect("requests come until there are enough");
            self.now = now;
            match event {
                Event::GoesOn(request) => self.go_on(request),
                Event::Arrives => self.arrive(),
            }
        }
    }

    fn arrive(&mut self) {
        let request = Running {
            steps: (self.steps_of)(&mut self.random),
            next: 0,
            arrived: self.now,
        };
        let at = if let Some(at) = self.free.pop() {
            self.running[at] = request;
            at
        } else {
            self.running.push(request);
            self.running.len() - 1
        };
        self.schedule(Duration::ZERO, Event::GoesOn(at));
        if let Load::Open(rate) = self.load {
            let gap = Duration::from_secs_f64(1.0 / rate);
            let gap = self.about(gap);
            self.schedule(gap, Event::Arrives);
        }
    }

    /// Until the request waits for something, or is through.
    fn go_on(&mut self, request: usize) {
        loop {
            let running = &mut self.running[request];
            let Some(step) = running.steps.get(running.next).copied() else {
                return self.finish(request);
            };
            running.next += 1;
            match step {
                Step::Take(resource) => {
                    let queue = &mut self.queues[resource];
                    if queue.free == 0 {
                        return queue.waiting.push_back(request);
                    }
                    queue.account(self.now);
                    queue.free -= 1;
                }
                Step::Give(resource) => self.give(resource),
                Step::Pass(time) => return self.schedule(time, Event::GoesOn(request)),
                Step::Work(mean) => {
                    let time = self.about(mean);
                    return self.schedule(time, Event::GoesOn(request));
                }
            }
        }
    }

    /// A place that somebody waits for changes hands.
    fn give(&mut self, resource: usize) {
        let queue = &mut self.queues[resource];
        if let Some(next) = queue.waiting.pop_front() {
            self.schedule(Duration::ZERO, Event::GoesOn(next));
        } else {
            queue.account(self.now);
            queue.free += 1;
        }
    }

    fn finish(&mut self, request: usize) {
        self.taken.push(self.now.since(self.running[request].arrived));
        self.free.push(request);
        if self.taken.len() == self.uncounted {
            self.counted_from = self.now;
            for queue in &mut self.queues {
                queue.account(self.now);
                queue.used = 0.0;
            }
        }
        if matches!(self.load, Load::Closed(_)) {
            self.arrive();
        }
    }

    fn schedule(&mut self, after: Duration, event: Event) {
        self.scheduled += 1;
        let at = self.now.after(after);
        self.events.push(Reverse((at, self.scheduled, event)));
    }

    fn about(&mut self, mean: Duration) -> Duration {
        let times: f64 = Exp1.sample(&mut self.random);
        mean.mul_f64(times)
    }

    fn prediction(mut self, resources: &[Resource]) -> Prediction {
        let elapsed = self.now.since(self.counted_from).as_secs_f64();
        let mut counted = self.taken.split_off(self.uncounted);
        counted.sort_unstable();
        let answered = u32::try_from(counted.len()).expect("as many as were asked for");
        let mut used = |wanted: Kind| {
            let mut used = Vec::new();
            for (resource, queue) in resources.iter().zip(&mut self.queues) {
                queue.account(self.now);
                let share = queue.used / elapsed / f64::from(queue.places);
                if resource.kind == wanted {
                    used.push((resource.name.clone(), share));
                }
            }
            used.sort_by(|(_, one), (_, other)| other.total_cmp(one));
            used
        };
        Prediction {
            throughput: f64::from(answered) / elapsed,
            median: counted[counted.len() / 2],
            p99: counted[counted.len() * 99 / 100],
            processors: used(Kind::Processors),
            pools: used(Kind::Pool),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn servers(places: u32) -> Resource {
        Resource {
            name: "servers".to_owned(),
            kind: Kind::Processors,
            places,
        }
    }

    fn one_visit() -> Vec<Step> {
        vec![Step::Take(0), Step::Work(MILLISECOND), Step::Give(0)]
    }

    /// Whether it is so within a fiftieth.
    fn is(measured: f64, theory: f64) -> bool {
        (measured / theory - 1.0).abs() < 0.02
    }

    #[test]
    fn one_server_at_half_its_load_takes_as_long_as_queueing_theory_says() {
        let predicted = play(&[servers(1)], Load::Open(500.0), 400_000, |_| one_visit());
        // M/M/1: the time in the system is exponential, its rate 1000 − 500 a second.
        assert!(
            is(predicted.median.as_secs_f64(), 2_f64.ln() / 500.0),
            "{predicted:?}"
        );
        assert!(
            is(predicted.p99.as_secs_f64(), 100_f64.ln() / 500.0),
            "{predicted:?}"
        );
        assert!(is(predicted.processors[0].1, 0.5), "{predicted:?}");
    }

    #[test]
    fn two_servers_share_a_queue() {
        let predicted = play(&[servers(2)], Load::Closed(8), 200_000, |_| one_visit());
        assert!(is(predicted.throughput, 2_000.0), "{predicted:?}");
        assert!(is(predicted.processors[0].1, 1.0), "{predicted:?}");
    }

    #[test]
    fn clients_that_think_are_answered_as_often_as_mean_value_analysis_says() {
        // Four clients, two stations of 1 ms in a row: throughput is n / (n + stations − 1) of one station's.
        let two = [servers(1), servers(1)];
        let steps = || {
            [
                one_visit(),
                vec![Step::Take(1), Step::Work(MILLISECOND), Step::Give(1)],
            ]
            .concat()
        };
        let predicted = play(&two, Load::Closed(4), 400_000, |_| steps());
        assert!(is(predicted.throughput, 1_000.0 * 4.0 / 5.0), "{predicted:?}");
    }

    #[test]
    fn a_pool_that_is_too_small_is_what_is_full_first() {
        let resources = [
            servers(8),
            Resource {
                name: "pool".to_owned(),
                kind: Kind::Pool,
                places: 2,
            },
        ];
        let predicted = play(&resources, Load::Closed(16), 100_000, |_| {
            [
                vec![Step::Take(1)],
                one_visit(),
                vec![Step::Pass(MILLISECOND), Step::Give(1)],
            ]
            .concat()
        });
        assert_eq!(predicted.full(), Some("pool"));
        assert!(is(predicted.throughput, 1_000.0), "{predicted:?}");
    }
}
