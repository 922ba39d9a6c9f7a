//! Finds the user who runs the server: Postgres refuses root, so root hands it to somebody unprivileged.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::Error;

/// The OS user that the server runs as; nothing to do unless we are root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OsUser(Option<(u32, u32)>);

impl OsUser {
    /// Ourselves, or for root `postgres`, else `nobody`: the server wants a user with a passwd entry.
    pub(crate) fn for_postgres() -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self(None));
        }
        let found = ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| Some((id("-u", name)?, id("-g", name)?)));
        found.map(|ids| Self(Some(ids))).ok_or(Error::NoUser)
    }

    pub(crate) fn is_another(self) -> bool {
        self.0.is_some()
    }

    /// The user id that files of the server have.
    pub(crate) fn uid(self) -> u32 {
        self.0
            .map_or_else(|| rustix::process::geteuid().as_raw(), |(uid, _)| uid)
    }

    /// Lets a program run as this user. Setting the id also drops root's groups.
    pub(crate) fn run(self, command: &mut Command) {
        if let Some((uid, gid)) = self.0 {
            command.uid(uid).gid(gid);
        }
    }

    /// Gives a file or folder to this user.
    pub(crate) fn own(self, path: &Path) -> Result<(), Error> {
        match self.0 {
            Some((uid, gid)) => chown(path, Some(uid), Some(gid))
                .map_err(Error::io(format!("giving {} away", path.display()))),
            None => Ok(()),
        }
    }
}

/// A number of a user's, as POSIX' `id` tells it; there is no portable file to read it from.
fn id(flag: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([flag, name]).output().ok()?;
    std::str::from_utf8(&output.stdout).ok()?.trim().parse().ok()
}
