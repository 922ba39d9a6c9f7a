//! In which forms the report is written, and where to.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ::prove::Report;

use super::super::{Failure, print};

/// A form of the report, for stdout or a file.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    render: Render,
    is_text: bool,
    file: Option<PathBuf>,
}

type Render = fn(&Report) -> String;

/// Every form by its name.
const FORMATS: &[(&str, Render)] = &[
    ("text", Report::to_text),
    ("json", Report::to_json),
    ("sarif", Report::to_sarif),
    ("html", Report::to_html),
    ("junit", Report::to_junit),
    ("github", Report::to_github),
    ("markdown", Report::to_markdown),
];

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, file) = match text.split_once('=') {
            Some((name, file)) => (name, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let Some((_, render)) = FORMATS.iter().find(|(known, _)| *known == name) else {
            let names: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).collect();
            return Err(format!("possible formats: {}", names.join(", ")));
        };
        Ok(Self {
            render: *render,
            is_text: name == "text",
            file,
        })
    }
}

/// Writes the report in each form; on stdout there is always one.
pub(super) fn write(report: &Report, outputs: &[Output]) -> Result<(), Failure> {
    write_files(report, outputs)?;
    print_whole(report, outputs)
}

/// In those forms that a file is for.
pub(super) fn write_files(report: &Report, outputs: &[Output]) -> Result<(), Failure> {
    for output in outputs {
        if let Some(file) = &output.file {
            let text = (output.render)(report);
            replace(file, &text).map_err(|error| format!("{}: {error}", file.display()))?;
        }
    }
    Ok(())
}

/// In the other forms, or else as text.
pub(super) fn print_whole(report: &Report, outputs: &[Output]) -> Result<(), Failure> {
    print_as(report, outputs, Report::to_text)
}

/// As text only what is new.
pub(super) fn print_news(report: &Report, outputs: &[Output]) -> Result<(), Failure> {
    print_as(report, outputs, Report::to_news)
}

fn print_as(report: &Report, outputs: &[Output], to_text: Render) -> Result<(), Failure> {
    let mut printed = outputs.iter().filter(|output| output.file.is_none()).peekable();
    if printed.peek().is_none() {
        print(to_text(report).trim_end())?;
    }
    for output in printed {
        let render = if output.is_text { to_text } else { output.render };
        print(render(report).trim_end())?;
    }
    Ok(())
}

/// Whoever reads the file meanwhile reads the old or the new, whole.
pub(super) fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    if file.exists() && !file.is_file() {
        return std::fs::write(file, text); // A pipe or a terminal.
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut new = tempfile::Builder::new()
        .permissions(permissions(file))
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    new.write_all(text.as_bytes())?;
    new.persist(file)?;
    Ok(())
}

/// Those of the file that is there, or what any new file has.
fn permissions(file: &Path) -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).map_or_else(
        |_| std::fs::Permissions::from_mode(0o666),
        |metadata| metadata.permissions(),
    )
}
