//! Places the data, and locks the place for as long as the server runs.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};

use crate::os_user::OsUser;
use crate::{Data, Error, leftover};

/// The folder of a cluster: `data`, the server's `log`, and for kept ones the `password`.
#[derive(Debug)]
pub(crate) struct Place {
    folder: PathBuf,
    pub(crate) user: OsUser,
    pub(crate) ephemeral: bool,
    /// Released when the process ends, however it ends.
    lock: File,
    lock_file: PathBuf,
}

const EPHEMERAL: &str = "mako-pg-";

impl Place {
    /// Takes the folder for this process, and ends a server that a killed one left behind in it.
    pub(crate) fn take(data: &Data, user: OsUser) -> Result<Self, Error> {
        let place = match data {
            Data::Ephemeral => Self::ephemeral(user)?,
            Data::Kept(project) => Self::kept(project, user)?,
        };
        user.own(&place.folder)?;
        leftover::end_leftover(&place.data());
        Ok(place)
    }

    fn kept(project: &Path, user: OsUser) -> Result<Self, Error> {
        fs::create_dir_all(project).map_err(Error::io(format!("making {}", project.display())))?;
        let project = project
            .canonicalize()
            .map_err(Error::io(format!("finding {}", project.display())))?;
        let lock_file = project.join("lock");
        let lock = try_lock(&lock_file)?.ok_or_else(|| Error::InUse(project.clone()))?;
        // Below a folder that only root may enter, another user can't keep data.
        let folder = if user.is_another() {
            shared_folder()?.join(name_of(&project))
        } else {
            project.join("postgres")
        };
        make_private(&folder)?;
        if user.is_another() {
            let pointer = project.join("postgres-is-at");
            fs::write(&pointer, folder.display().to_string())
                .map_err(Error::io("noting where the data is"))?;
        }
        Ok(Self {
            folder,
            user,
            ephemeral: false,
            lock,
            lock_file,
        })
    }

    fn ephemeral(user: OsUser) -> Result<Self, Error> {
        let base = if user.is_another() {
            PathBuf::from("/var/tmp")
        } else {
            std::env::temp_dir()
        };
        sweep(&base, user);
        let folder = base.join(format!("{EPHEMERAL}{}", &random_hex()?[..16]));
        // The lock comes before the folder, so that nobody sweeps it in between.
        let lock_file = folder.with_extension("lock");
        let lock = try_lock(&lock_file)?.ok_or_else(|| Error::InUse(folder.clone()))?;
        make_private(&folder)?;
        Ok(Self {
            folder,
            user,
            ephemeral: true,
            lock,
            lock_file,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    pub(crate) fn password(&self) -> PathBuf {
        self.folder.join("password")
    }

    /// The major version that made the cluster; None if there is none yet.
    pub(crate) fn major_version(&self) -> Option<u32> {
        fs::read_to_string(self.data().join("PG_VERSION"))
            .ok()?
            .trim()
            .parse()
            .ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.ephemeral {
            drop(fs::remove_dir_all(&self.folder));
            drop(fs::remove_file(&self.lock_file));
        }
        drop(self.lock.unlock());
    }
}

/// None: somebody else holds it.
fn try_lock(path: &Path) -> Result<Option<File>, Error> {
    let what = || format!("locking {}", path.display());
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(Error::io(what()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::io(what())(error)),
    }
}

fn make_private(folder: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(Error::io(format!("making {}", folder.display())))
}

/// Where root keeps what the unprivileged user must reach.
pub(crate) fn shared_folder() -> Result<PathBuf, Error> {
    let folder = ["/var/lib/mako", "/var/tmp/mako"]
        .map(PathBuf::from)
        .into_iter()
        .find(|folder| {
            DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(folder)
                .is_ok()
        });
    folder.ok_or_else(|| Error::io("making /var/lib/mako")(std::io::ErrorKind::PermissionDenied.into()))
}

/// Projects in different folders have different data.
fn name_of(project: &Path) -> String {
    hex(&digest(&SHA256, project.as_os_str().as_encoded_bytes()).as_ref()[..8])
}

/// Removes what killed processes left behind: folders of ours whose lock nobody holds.
fn sweep(base: &Path, user: OsUser) {
    let folders = fs::read_dir(base)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    for folder in folders.filter(|path| path.extension().is_none() && is_ephemeral(path)) {
        let ours =
            fs::symlink_metadata(&folder).is_ok_and(|found| found.is_dir() && found.uid() == user.uid());
        let lock_file = folder.with_extension("lock");
        if !ours || !lock_file.exists() {
            continue;
        }
        if let Ok(Some(_held)) = try_lock(&lock_file) {
            leftover::end_leftover(&folder.join("data"));
            drop(fs::remove_dir_all(&folder));
            drop(fs::remove_file(&lock_file));
        }
    }
}

fn is_ephemeral(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with(EPHEMERAL))
}

/// 32 random bytes.
pub(crate) fn random_hex() -> Result<String, Error> {
    let mut bytes = [0_u8; 32];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .map_err(|_| Error::Random)?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}
