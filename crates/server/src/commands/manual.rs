//! `mako completions`, `mako man`: what the command line says of itself, for shells and for man(1).

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

use super::Failure;
use crate::cli::Cli;

/// Prints a completion script.
pub(crate) fn completions(shell: Shell) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mako", &mut script);
    out(&script)
}

/// Prints one page: the command, and then each of its subcommands.
pub(crate) fn man() -> Result<ExitCode, Failure> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone()).date("");
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    details(&command, "SH", &mut page)?;
    subcommands(&command, &mut page)?;
    out(&page)
}

fn subcommands(command: &Command, page: &mut Vec<u8>) -> std::io::Result<()> {
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let name = sub.get_bin_name().unwrap_or_else(|| sub.get_name());
        writeln!(page, ".SH {}", name.to_uppercase())?;
        let man = clap_mangen::Man::new(sub.clone());
        let mut parts = Vec::new();
        man.render_synopsis_section(&mut parts)?;
        man.render_description_section(&mut parts)?;
        if sub.get_arguments().next().is_some() {
            man.render_options_section(&mut parts)?;
        }
        // Its own headings, one level down.
        page.extend_from_slice(String::from_utf8_lossy(&parts).replace(".SH ", ".SS ").as_bytes());
        details(sub, "SS", page)?;
        subcommands(sub, page)?;
    }
    Ok(())
}

/// What stands under a command's help, line by line as it is there.
fn details(command: &Command, heading: &str, page: &mut Vec<u8>) -> std::io::Result<()> {
    let Some(text) = command.get_after_help() else {
        return Ok(());
    };
    writeln!(page, ".{heading} DETAILS\n.nf")?;
    for line in text.to_string().lines() {
        // A dot or quote in front would be a request of troff's.
        writeln!(page, "\\&{}", line.replace('\\', "\\e").replace('-', "\\-"))?;
    }
    writeln!(page, ".fi")
}

/// On stdout; a reader such as `head` that has gone is no failure.
fn out(bytes: &[u8]) -> Result<ExitCode, Failure> {
    match std::io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
