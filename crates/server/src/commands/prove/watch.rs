//! `mako prove --watch supabase/`: attacks a project again whenever one of its files is saved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use ::prove::{Project, Report, Workbench};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use super::super::{Failure, say};
use super::project::{Made, ProjectServer};
use super::{known, outputs};
use crate::cli::Prove;

/// An editor saves in several steps: rests so long when it is done.
const REST: Duration = Duration::from_millis(100);

/// A run, and what it was made of.
struct Run {
    inputs: Inputs,
    report: Report,
}

/// Every file that decides the verdict, with what it holds.
type Inputs = BTreeMap<PathBuf, Vec<u8>>;

/// Goes on until it is stopped from outside; what is wrong with the project is said, and waited to be mended.
pub(super) async fn run(
    options: &Prove,
    folder: &Path,
    workbench: &mut Workbench<ProjectServer<'_>>,
) -> Result<ExitCode, Failure> {
    let mut saves = Saves::new()?;
    let mut last: Option<Run> = None;
    loop {
        match turn(options, folder, workbench, &mut saves, last.as_ref()).await {
            Ok(None) => {}
            Ok(Some(run)) => {
                last = Some(run);
                say("watching; Ctrl-C ends");
            }
            Err(failure) => say(&format!("mako: {failure}")),
        }
        saves.next().await?;
    }
}

/// Proves once, and says how it stands beside the last time; nothing, if nothing has changed since.
async fn turn(
    options: &Prove,
    folder: &Path,
    workbench: &mut Workbench<ProjectServer<'_>>,
    saves: &mut Saves,
    last: Option<&Run>,
) -> Result<Option<Run>, Failure> {
    saves.watch(&folders(&Project::at(folder)?, options))?;
    // A file that came meanwhile isn't missed: it is told of as well, and then there is nothing new.
    let project = Project::at(folder)?;
    let inputs = inputs(&project, options)?;
    if last.is_some_and(|last| last.inputs == inputs) {
        return Ok(None);
    }
    let mut report = Made::of(&project, workbench).await?.attack(options).await?;
    known::hold_against(&mut report, options)?;
    outputs::write_files(&report, &options.format)?;
    let run = Run {
        inputs,
        report: report.clone(),
    };
    match last {
        Some(last) => {
            report.change(&last.report, "the run before");
            outputs::print_news(&report, &options.format)?;
        }
        None => outputs::print_whole(&report, &options.format)?,
    }
    Ok(Some(run))
}

fn inputs(project: &Project, options: &Prove) -> Result<Inputs, Failure> {
    let files = project.files().into_iter().chain(given(options));
    let read = |file: &Path| match std::fs::read(file) {
        Ok(text) => Ok((file.to_owned(), text)),
        Err(error) => Err(format!("{}: {error}", file.display()).into()),
    };
    files.map(read).collect()
}

/// Folders, since many editors put a new file in the old one's place.
fn folders(project: &Project, options: &Prove) -> BTreeSet<PathBuf> {
    let given = given(options).filter_map(Path::parent);
    let given = given.map(|folder| {
        if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        }
    });
    project
        .folders()
        .into_iter()
        .chain(given)
        .map(Path::to_owned)
        .collect()
}

fn given(options: &Prove) -> impl Iterator<Item = &Path> {
    [&options.model, &options.baseline]
        .into_iter()
        .flatten()
        .map(PathBuf::as_path)
}

/// What the system tells of folders.
struct Saves {
    watcher: RecommendedWatcher,
    told: mpsc::UnboundedReceiver<()>,
}

impl Saves {
    fn new() -> Result<Self, Failure> {
        let (tell, told) = mpsc::unbounded_channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // That a file was read is told, too; of an error nobody knows what was missed.
            if event.map_or(true, |event| !matches!(event.kind, EventKind::Access(_))) {
                let _ = tell.send(());
            }
        })?;
        Ok(Self { watcher, told })
    }

    /// From now on in these; a folder may have been put in another's place.
    fn watch(&mut self, folders: &BTreeSet<PathBuf>) -> Result<(), Failure> {
        for folder in folders {
            self.watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        Ok(())
    }

    /// Something was saved, and nothing more is.
    async fn next(&mut self) -> Result<(), Failure> {
        self.told
            .recv()
            .await
            .ok_or("nothing tells of changes any more")?;
        while let Ok(Some(())) = tokio::time::timeout(REST, self.told.recv()).await {}
        Ok(())
    }
}
