//! A child process on loopback that ends with its test, and whose log is kept.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};

/// Longer than anything takes on a busy machine, shorter than a hung test is bearable.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A running program; killed when dropped.
pub struct Process {
    /// The child itself.
    pub child: Child,
    log: Arc<Mutex<String>>,
}

impl Process {
    /// Starts a program with its output captured.
    pub fn start(command: &mut Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} can't be started: {error}"));
        let log = Arc::new(Mutex::new(String::new()));
        tokio::spawn(keep(child.stdout.take().expect("piped"), Arc::clone(&log)));
        tokio::spawn(keep(child.stderr.take().expect("piped"), Arc::clone(&log)));
        Self { child, log }
    }

    /// Everything that it wrote so far, to stdout and stderr.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until `find` finds something in the log; panics if the process ends before.
    pub async fn wait_for<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> T {
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(found) = find(&self.log()) {
                    return found;
                }
                if let Ok(Some(status)) = self.child.try_wait() {
                    tokio::time::sleep(Duration::from_millis(50)).await; // The pipes may hold more.
                    return find(&self.log())
                        .unwrap_or_else(|| panic!("ended with {status}:\n{}", self.log()));
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        found
            .await
            .unwrap_or_else(|_| panic!("waited in vain; log:\n{}", self.log()))
    }

    /// Waits for the end; the exit code and the whole log.
    pub async fn output(mut self) -> (Option<i32>, String) {
        let status = tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .expect("it ends")
            .expect("it was started");
        tokio::time::sleep(Duration::from_millis(50)).await; // The pipes may hold more.
        (status.code(), self.log())
    }

    /// Sends a signal, for example `TERM`.
    pub async fn signal(&self, name: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .await
            .expect("kill is there");
        assert!(sent.success());
    }
}

/// Waits until something is so.
pub async fn until(is_so: impl AsyncFn() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    waited.await.expect("it happens in time");
}

async fn keep(stream: impl AsyncRead + Unpin, log: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push_str(&line);
        log.push('\n');
    }
}

/// A port that was free a moment ago.
#[must_use]
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("it is bound").port()
}
