//! Finds the programs that the tests run but cargo doesn't bring, and fetches those that aren't installed.
//!
//! Debian's and Ubuntu's packages are downloaded and unpacked into the cache, which needs no root; Homebrew installs
//! where there is no apt. Where neither is, the panic says what to install.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// What brings a program.
struct Source {
    debian: &'static str,
    brew: &'static str,
    /// Where the Debian package has its programs; `*` stands for a version.
    folder: &'static str,
}

const PGBOUNCER: Source = Source {
    debian: "pgbouncer",
    brew: "pgbouncer",
    folder: "usr/sbin",
};
/// The package `postgresql-client` has no files: it depends on the one of the distribution's version.
const CLIENT: Source = Source {
    debian: "postgresql-client",
    brew: "libpq",
    folder: "usr/lib/postgresql/*/bin",
};
const HAPROXY: Source = Source {
    debian: "haproxy",
    brew: "haproxy",
    folder: "usr/sbin",
};

/// The oldest PostgreSQL that npm has of those supported: any distribution's client programs know it.
pub const OLDEST_SERVER: &str = "15.18.0-beta.17";

/// Fetching is done by one thread at a time; other processes are kept out by a lock on a file.
static FETCHING: Mutex<()> = Mutex::new(());

/// The PgBouncer of the system, else one that is fetched.
#[must_use]
pub fn pgbouncer() -> PathBuf {
    find("pgbouncer", &PGBOUNCER)
}

/// The HAProxy of the system, else one that is fetched.
#[must_use]
pub fn haproxy() -> PathBuf {
    find("haproxy", &HAPROXY)
}

/// A client program of PostgreSQL's, such as `psql` or `pg_dump`.
#[must_use]
pub fn postgres_client(name: &str) -> PathBuf {
    find(name, &CLIENT)
}

/// A Python that has the packages of `tests/requirements.txt`, in an environment of its own.
#[must_use]
pub fn python() -> PathBuf {
    let _one_at_a_time = FETCHING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    environment().unwrap_or_else(|why| panic!("Python's packages could not be fetched ({why})"))
}

fn environment() -> Result<PathBuf, String> {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements.txt");
    let wanted = fs::read_to_string(&requirements).map_err(|error| error.to_string())?;
    let (folder, _lock) = (cache().join("python"), locked()?);
    let (python, installed) = (folder.join("bin/python"), folder.join("installed"));
    if !fs::read_to_string(&installed).is_ok_and(|there| there == wanted) {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder))?;
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ];
        run(Command::new(&python).args(install).arg(&requirements))?;
        fs::write(&installed, wanted).map_err(|error| error.to_string())?;
    }
    Ok(python)
}

/// The cache's lock, which keeps other processes out.
fn locked() -> Result<fs::File, String> {
    fs::create_dir_all(cache()).map_err(|error| format!("making {}: {error}", cache().display()))?;
    let lock =
        fs::File::create(cache().join("lock")).map_err(|error| format!("the cache's lock: {error}"))?;
    lock.lock()
        .map_err(|error| format!("the cache's lock: {error}"))?;
    Ok(lock)
}

fn find(name: &str, source: &Source) -> PathBuf {
    if let Some(path) = installed(name) {
        return path;
    }
    let _one_at_a_time = FETCHING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    fetch(name, source).unwrap_or_else(|why| {
        panic!(
            "{name} is not installed and could not be fetched ({why}). \
             Install it: apt-get install {}, or brew install {}",
            source.debian, source.brew
        )
    })
}

/// Debian keeps PgBouncer and HAProxy where only root's PATH looks. `MAKO_TESTS_FETCH=1` looks nowhere.
fn installed(name: &str) -> Option<PathBuf> {
    if std::env::var_os("MAKO_TESTS_FETCH").is_some_and(|fetch| fetch == "1") {
        return None;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = [
        "/usr/sbin",
        "/opt/homebrew/bin",
        "/opt/homebrew/opt/libpq/bin",
        "/usr/local/bin",
        "/usr/local/opt/libpq/bin",
    ];
    std::env::split_paths(&path)
        .chain(places.map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

fn fetch(name: &str, source: &Source) -> Result<PathBuf, String> {
    let (folder, _lock) = (cache().join(source.debian), locked()?);
    if !folder.exists() {
        if installed_program("apt-get") {
            unpack(source, &folder)?;
        } else if installed_program("brew") {
            run(Command::new("brew").args(["install", source.brew]))?;
            return installed(name).ok_or_else(|| "brew installed it, but it isn't there".to_owned());
        } else {
            return Err("there is neither apt-get nor brew".to_owned());
        }
    }
    let program = folder.join("bin").join(name);
    if program.is_file() {
        Ok(program)
    } else {
        Err(format!(
            "{} doesn't have it; remove that folder",
            folder.display()
        ))
    }
}

/// Whether a program was fetched, and isn't the system's.
#[must_use]
pub fn is_fetched(program: &Path) -> bool {
    program.starts_with(cache())
}

/// The folder with the package's programs; of several versions the newest.
fn programs(folder: &Path, pattern: &str) -> Option<PathBuf> {
    let Some((before, after)) = pattern.split_once("/*/") else {
        return Some(folder.join(pattern));
    };
    let versions = fs::read_dir(folder.join(before)).ok()?;
    let newest = versions
        .filter_map(Result::ok)
        .map(|version| version.path())
        .max()?;
    Some(newest.join(after))
}

/// Downloads a package with the libraries that this machine may lack, and moves it into place when it is whole.
fn unpack(source: &Source, folder: &Path) -> Result<(), String> {
    let half = folder.with_extension(std::process::id().to_string());
    fs::create_dir_all(&half).map_err(|error| format!("making {}: {error}", half.display()))?;
    let done = download(&half, source.debian).and_then(|()| {
        for file in fs::read_dir(&half).map_err(|error| error.to_string())? {
            let file = file.map_err(|error| error.to_string())?.path();
            if file.extension().is_some_and(|extension| extension == "deb") {
                run(Command::new("dpkg").arg("-x").arg(&file).arg(&half))?;
                drop(fs::remove_file(file));
            }
        }
        wrap(&half, folder, source)?;
        // A server that runs as nobody must be able to read what root fetched.
        run(Command::new("chmod").args(["-R", "a+rX"]).arg(&half))?;
        fs::rename(&half, folder).map_err(|error| error.to_string())
    });
    if done.is_err() {
        drop(fs::remove_dir_all(&half));
    }
    done
}

/// Makes `bin`, with a script for each program that lets it find the libraries beside it.
fn wrap(half: &Path, folder: &Path, source: &Source) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let programs =
        programs(half, source.folder).ok_or_else(|| format!("{} has no programs", source.debian))?;
    let machine = std::env::consts::ARCH;
    let libraries = ["usr/lib", "lib"].map(|libraries| {
        folder
            .join(libraries)
            .join(format!("{machine}-linux-gnu"))
            .display()
            .to_string()
    });
    fs::create_dir_all(half.join("bin")).map_err(text)?;
    for program in fs::read_dir(&programs).map_err(text)? {
        let program = program.map_err(text)?.path();
        let (Ok(inside), Some(name)) = (program.strip_prefix(half), program.file_name()) else {
            continue;
        };
        let script = format!(
            "#!/bin/sh\nLD_LIBRARY_PATH='{}' exec '{}' \"$@\"\n",
            libraries.join(":"),
            folder.join(inside).display()
        );
        let file = half.join("bin").join(name);
        fs::write(&file, script).map_err(text)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).map_err(text)?;
    }
    Ok(())
}

fn download(folder: &Path, package: &str) -> Result<(), String> {
    let packages = needed(package)?;
    run(Command::new("apt-get")
        .args(["download", "-qq", "-o", "APT::Sandbox::User="])
        .args(packages)
        .current_dir(folder))
    .map(drop)
}

/// The package and the libraries that it depends on, also indirectly; what every Debian has is left out: it may not be
/// mixed with another version's.
fn needed(package: &str) -> Result<Vec<String>, String> {
    let listed = run(Command::new("apt-cache").args([
        "depends",
        "--recurse",
        "--important",
        "--no-suggests",
        "--no-conflicts",
        "--no-breaks",
        "--no-replaces",
        "--no-enhances",
        "--no-recommends",
        package,
    ]))
    .map_err(|why| format!("{why}; does `apt-get update` help?"))?;
    let own = |name: &str| {
        name == package
            || [
                "libevent-",
                "libc-ares",
                "libpq",
                "libldap",
                "libsasl2-2",
                "liblua5",
                "libpcre2-8",
                "libopentracing",
            ]
            .iter()
            .any(|library| name.starts_with(library))
            || (package == "postgresql-client" && is_versioned_client(name))
    };
    let mut packages: Vec<_> = listed
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter(|name| own(name) && !name.contains(':'))
        .map(str::to_owned)
        .collect();
    packages.sort();
    packages.dedup();
    if packages.is_empty() {
        return Err(format!("apt knows no {package}; does `apt-get update` help?"));
    }
    Ok(packages)
}

/// `postgresql-client-15` and the like, but not `postgresql-client-common`.
fn is_versioned_client(name: &str) -> bool {
    name.strip_prefix("postgresql-client-")
        .is_some_and(|version| version.parse::<u32>().is_ok())
}

fn installed_program(name: &str) -> bool {
    Command::new(name).arg("--version").output().is_ok()
}

/// Runs it to its end and returns what it wrote to stdout.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!(
            "{command:?}: {}",
            said.lines().last().unwrap_or_default()
        ))
    }
}

/// Root's home is closed to `nobody`, whom root's tests run servers as.
fn cache() -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let is_root = fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0);
    match std::env::var_os("XDG_CACHE_HOME") {
        _ if is_root => PathBuf::from("/var/cache/mako-tests"),
        Some(cache) => PathBuf::from(cache).join("mako-tests"),
        None => home.join(".cache/mako-tests"),
    }
}
