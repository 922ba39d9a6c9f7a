//! What a process holds and uses, as Linux counts it.

use std::time::Duration;

use crate::process::Process;

/// At one moment.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Resident memory, in kilobytes.
    pub resident: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Processor time since its start.
    pub cpu: Duration,
}

impl Usage {
    /// Of a running process.
    #[must_use]
    pub fn of(process: &Process) -> Self {
        let pid = process.child.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux");
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next())
            .expect("a process has memory");
        let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("ours");
        Self {
            resident: resident.parse().expect("a number"),
            descriptors: descriptors.count() as u64,
            cpu: cpu(pid),
        }
    }

    /// Whether memory and descriptors are at most a tenth more than they were.
    #[must_use]
    pub fn is_back_at(&self, before: &Self) -> bool {
        let near = |now: u64, before: u64| now * 10 <= before * 11;
        near(self.resident, before.resident) && near(self.descriptors, before.descriptors)
    }

    /// The share of a core that was used since another moment, in percent.
    #[must_use]
    pub fn load_since(&self, before: &Self, elapsed: Duration) -> f64 {
        100.0 * self.cpu.saturating_sub(before.cpu).as_secs_f64() / elapsed.as_secs_f64()
    }
}

/// Processor time of a running process since its start.
#[must_use]
pub fn cpu(pid: u32) -> Duration {
    Stat::of(pid).expect("it runs").own()
}

/// The same with that of its children: those that run, and those that it has waited for.
#[must_use]
pub fn cpu_with_children(pid: u32) -> Duration {
    let stat = Stat::of(pid).expect("it runs");
    let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
    let running = processes
        .filter_map(|entry| Stat::of(entry.file_name().to_str()?.parse().ok()?))
        .filter(|child| child.parent == u64::from(pid))
        .map(|child| child.own());
    stat.own() + stat.waited_for() + running.sum::<Duration>()
}

/// What `/proc/PID/stat` has of a process.
struct Stat {
    parent: u64,
    /// Of its own in user and in system mode, and the same of children that it has waited for.
    ticks: [u64; 4],
}

impl Stat {
    /// None if it has ended meanwhile.
    fn of(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // Behind the name, which may hold anything: the parent is the fourth field, the times are 14 to 17.
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<_> = fields.split_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse().ok();
        Some(Self {
            parent: number(4)?,
            ticks: [number(14)?, number(15)?, number(16)?, number(17)?],
        })
    }

    fn own(&self) -> Duration {
        Self::time(self.ticks[0] + self.ticks[1])
    }

    fn waited_for(&self) -> Duration {
        Self::time(self.ticks[2] + self.ticks[3])
    }

    fn time(ticks: u64) -> Duration {
        /// A second's, on every Linux there is.
        const TICKS: u64 = 100;
        Duration::from_millis(ticks * 1000 / TICKS)
    }
}
