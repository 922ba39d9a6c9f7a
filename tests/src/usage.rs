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
        let proc = format!("/proc/{}", process.child.id().expect("it runs"));
        let read = |file: &str| std::fs::read_to_string(format!("{proc}/{file}")).expect("Linux");
        let (status, stat) = (read("status"), read("stat"));
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next())
            .expect("a process has memory");
        // Behind the name, which may hold anything: state is the third field, utime and stime are 14 and 15.
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|ticks| ticks.parse::<u64>().expect("a number"))
            .sum();
        let descriptors = std::fs::read_dir(format!("{proc}/fd")).expect("ours");
        Self {
            resident: resident.parse().expect("a number"),
            descriptors: descriptors.count() as u64,
            cpu: Duration::from_millis(ticks * 1000 / TICKS),
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

/// A second's, on every Linux there is.
const TICKS: u64 = 100;
