//! Makes a cluster where there is none, with a password that nobody has seen.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::place::{Place, random_hex};
use crate::search::Programs;
use crate::{Error, Progress};

/// One that knows letters beyond ASCII, so that a search ignores the case of all of them.
const LOCALE: &str = if cfg!(target_os = "macos") {
    "--locale=en_US.UTF-8"
} else {
    "--locale=C.UTF-8"
};

/// The superuser's password of the cluster, which is made if it isn't there.
pub(crate) fn ensure(
    place: &Place,
    programs: &Programs,
    progress: &mut dyn FnMut(Progress),
) -> Result<String, Error> {
    match (place.major_version(), fs::read_to_string(place.password())) {
        (Some(cluster), _) if cluster != programs.major => Err(Error::OtherVersion {
            folder: place.data(),
            cluster,
            found: programs.major,
        }),
        (Some(_), Ok(password)) => Ok(password),
        // A half-made cluster has nothing in it yet: the password is written last.
        _ => {
            progress(Progress::Initialising(place.folder().to_owned()));
            drop(fs::remove_dir_all(place.data()));
            make(place, programs)
        }
    }
}

fn make(place: &Place, programs: &Programs) -> Result<String, Error> {
    let password = random_hex()?;
    // By a file: a command line can be read by everybody.
    let given = place.folder().join("password-for-initdb");
    drop(fs::remove_file(&given));
    write_private(&given, &password)?;
    place.user.own(&given)?;
    let mut initdb = Command::new(programs.bin.join("initdb"));
    initdb
        .arg("--pgdata")
        .arg(place.data())
        .arg("--pwfile")
        .arg(&given)
        .args([
            "--username=postgres",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            LOCALE,
        ])
        .current_dir(place.folder())
        .stdin(Stdio::null());
    if place.ephemeral {
        initdb.arg("--no-sync");
    }
    place.user.run(&mut initdb);
    let output = initdb.output().map_err(Error::io("running initdb"));
    drop(fs::remove_file(&given));
    let output = output?;
    if !output.status.success() {
        drop(fs::remove_dir_all(place.data()));
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Error::Failed {
            program: "initdb",
            log,
        });
    }
    drop(fs::remove_file(place.password()));
    write_private(&place.password(), &password)?;
    Ok(password)
}

/// Readable by its owner alone from the moment it exists.
fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(Error::io(format!("writing {}", path.display())))
}
