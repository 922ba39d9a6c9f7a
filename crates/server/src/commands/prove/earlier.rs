//! A project as it is at a commit of git.

use std::path::Path;
use std::process::{Command, Stdio};

use ::prove::Project;
use tempfile::TempDir;

use super::super::Failure;

/// The project's files at a commit, in a folder that goes with this.
pub(super) struct Earlier {
    pub(super) project: Project,
    _folder: TempDir,
}

impl Earlier {
    /// Takes them out of git's history; neither its index nor its work tree is touched.
    pub(super) fn at(reference: &str, project: &Project) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        // What begins with a dash would be an option.
        let commit = format!("{reference}^{{commit}}");
        let verified = git(project.folder())
            .args(["rev-parse", "--verify", "--end-of-options", &commit])
            .output()?;
        if !verified.status.success() {
            return Err(refused(reference, &verified.stderr));
        }
        let commit = String::from_utf8_lossy(&verified.stdout).trim().to_owned();
        unpack(project.folder(), &commit, folder.path()).map_err(|why| refused(reference, why.as_bytes()))?;
        Ok(Self {
            project: Project::at(folder.path())
                .map_err(|error| format!("--changed-since {reference}: {error}"))?,
            _folder: folder,
        })
    }
}

fn refused(reference: &str, why: &[u8]) -> Failure {
    format!(
        "--changed-since {reference}: {}",
        String::from_utf8_lossy(why).trim()
    )
    .into()
}

fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder);
    git
}

/// `git archive | tar`
fn unpack(folder: &Path, commit: &str, to: &Path) -> Result<(), String> {
    let says = |error: std::io::Error| error.to_string();
    let mut archive = git(folder)
        .args(["archive", "--format=tar", commit, "."])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(says)?;
    let packed = archive.stdout.take().map_or_else(Stdio::null, Stdio::from);
    let unpacked = Command::new("tar")
        .arg("-x")
        .arg("-C")
        .arg(to)
        .stdin(packed)
        .output()
        .map_err(says)?;
    let archived = archive.wait_with_output().map_err(says)?;
    for done in [archived, unpacked] {
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into_owned());
        }
    }
    Ok(())
}
