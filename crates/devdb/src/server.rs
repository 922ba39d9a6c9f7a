//! Runs the server and stops it: as a process group of its own, ended by whoever holds [`Postgres`].

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fmt, thread};

use rustix::process::{Pid, kill_process};

use crate::leftover::{STOP, TICK};
use crate::place::Place;
use crate::search::Programs;
use crate::{Cancel, Error};

/// Starting takes 50 ms, recovery after a crash longer.
const START: Duration = Duration::from_mins(1);
/// A port that was free a moment ago may be taken now.
const ATTEMPTS: usize = 5;

/// A running server. Dropping it stops it, also when a panic unwinds.
pub struct Postgres {
    child: Child,
    port: u16,
    password: String,
    version: String,
    // Dropped last: it removes an ephemeral folder and lets go of the lock.
    _place: Place,
}

impl fmt::Debug for Postgres {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("version", &self.version)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Postgres {
    pub(crate) fn start(
        place: Place,
        programs: &Programs,
        password: String,
        settings: &[(String, String)],
        cancel: &Cancel,
    ) -> Result<Self, Error> {
        let mut refused = String::new();
        for _ in 0..ATTEMPTS {
            let port = free_port()?;
            let mut child = spawn(&place, programs, port, settings)?;
            match wait_until_ready(&mut child, &place, cancel) {
                Ok(()) => {
                    return Ok(Self {
                        child,
                        port,
                        password,
                        version: programs.version.clone(),
                        _place: place,
                    });
                }
                Err(log) => refused = log,
            }
            end(&mut child);
            cancel.check()?;
            if !refused.contains("in use") {
                break;
            }
        }
        Err(Error::Failed {
            program: "postgres",
            log: refused,
        })
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's version, for example `17.10`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The process of the server, the parent of all its others.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// The superuser's URL of a database. Holds the password.
    #[must_use]
    pub fn superuser_url(&self, database: &str) -> String {
        format!(
            "postgres://postgres:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }

    /// Stops the server; within 3 s nothing of it is left.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn free_port() -> Result<u16, Error> {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    Ok(bound.map_err(Error::io("looking for a free port"))?.port())
}

fn spawn(
    place: &Place,
    programs: &Programs,
    port: u16,
    settings: &[(String, String)],
) -> Result<Child, Error> {
    let log = File::create(place.log()).map_err(Error::io("making the server's log"))?;
    let also = log.try_clone().map_err(Error::io("sharing the server's log"))?;
    let mut command = Command::new(programs.bin.join("postgres"));
    command
        .arg("-D")
        .arg(place.data())
        .args([
            "-p",
            &port.to_string(),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
        ])
        .current_dir(place.folder())
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(also)
        // Ctrl-C on the terminal is for us; we then stop the server when its last user is done.
        .process_group(0);
    if place.ephemeral {
        // What nobody keeps needn't survive a crash.
        command.args([
            "-c",
            "fsync=off",
            "-c",
            "synchronous_commit=off",
            "-c",
            "full_page_writes=off",
        ]);
    }
    for (name, value) in settings {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    place.user.run(&mut command);
    command.spawn().map_err(Error::io("starting postgres"))
}

/// Line 8 of postmaster.pid says `ready` when connections are taken, `standby` when they may only read. The error is the end of the log.
fn wait_until_ready(child: &mut Child, place: &Place, cancel: &Cancel) -> Result<(), String> {
    let started = Instant::now();
    let pid = child.id().to_string();
    while started.elapsed() < START && cancel.check().is_ok() {
        let state = fs::read_to_string(place.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = state.lines();
        if lines.next() == Some(pid.as_str())
            && matches!(lines.nth(6).map(str::trim), Some("ready" | "standby"))
        {
            return Ok(());
        }
        if !matches!(child.try_wait(), Ok(None)) {
            break;
        }
        thread::sleep(TICK);
    }
    let log = fs::read_to_string(place.log()).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    Err(lines[lines.len().saturating_sub(10)..].join("\n"))
}

/// Ends a child of ours, sterner and sterner.
fn end(child: &mut Child) {
    for (signal, patience) in STOP {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        let _ = kill_process(Pid::from_child(child), signal); // It may have ended by itself.
        let asked = Instant::now();
        while asked.elapsed() < patience && matches!(child.try_wait(), Ok(None)) {
            thread::sleep(TICK);
        }
    }
}
