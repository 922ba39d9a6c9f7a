//! Ends a server that outlived whoever started it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// Fast shutdown takes 20 ms; then sterner signals follow, 3 s in all: `mako dev` has 5 s for everything.
pub(crate) const STOP: [(Signal, Duration); 3] = [
    (Signal::INT, Duration::from_secs(2)),
    (Signal::QUIT, Duration::from_millis(500)),
    (Signal::KILL, Duration::from_millis(500)),
];
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// Ends a server whose owner was killed. Whoever calls this holds the lock of the data, so it is nobody else's.
pub(crate) fn end_leftover(data: &Path) {
    let Some(pid) = postmaster_of(data) else { return };
    for (signal, patience) in STOP {
        let asked = Instant::now();
        if kill_process(pid, signal).is_err() {
            return;
        }
        while asked.elapsed() < patience {
            if test_kill_process(pid).is_err() {
                return;
            }
            thread::sleep(TICK);
        }
    }
}

/// The process in postmaster.pid, if it really is the server of this folder: numbers are used again.
fn postmaster_of(data: &Path) -> Option<Pid> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid: i32 = text.lines().next()?.trim().parse().ok()?;
    let command = if let Ok(command) = fs::read(format!("/proc/{pid}/cmdline")) {
        String::from_utf8_lossy(&command).replace('\0', " ")
    } else {
        let ps = Command::new("ps")
            .args(["-o", "command=", "-p", &pid.to_string()])
            .output()
            .ok()?;
        String::from_utf8_lossy(&ps.stdout).into_owned()
    };
    command.contains(data.to_str()?).then(|| Pid::from_raw(pid))?
}
