//! Shows the settings: under `mako serve --help`, and on the page `docs/configuration.md`.

use super::settings::{SETTINGS, Setting};

/// What `mako serve --help` says after the flags: of each setting the first paragraph.
pub(crate) fn help() -> String {
    let names = SETTINGS.iter().map(|setting| setting.name.len());
    let width = names.max().unwrap_or_default();
    sections(|setting| {
        let name = setting.name.to_uppercase();
        let default = setting.default.map(|default| format!(" [{}]", default()));
        let brief = plain(&paragraphs(setting.help)[0]);
        format!("  {name:width$}  {brief}{}\n", default.unwrap_or_default())
    })
    .map(|(heading, lines)| format!("{heading}:\n{lines}"))
    .collect::<Vec<_>>()
    .join("\n")
}

/// What the page shows: a table for each heading.
#[cfg(test)]
pub(super) fn tables() -> String {
    sections(|setting| {
        let name = setting.name.to_uppercase();
        let default = setting.default.map(|default| format!("`{}` ", default()));
        let meaning = paragraphs(setting.help).join(". ");
        format!("| `{name}` | {}| {meaning} |\n", default.unwrap_or_default())
    })
    .map(|(heading, rows)| format!("## {heading}\n\n| setting | default | meaning |\n|---|---|---|\n{rows}"))
    .collect::<Vec<_>>()
    .join("\n")
}

/// Each heading with what is shown of the settings under it.
fn sections(show: impl Fn(&Setting) -> String) -> impl Iterator<Item = (&'static str, String)> {
    SETTINGS
        .chunk_by(|one, next| one.group == next.group)
        .map(move |group| (group[0].group, group.iter().map(&show).collect()))
}

/// The paragraphs of a doc comment, each in one line.
fn paragraphs(lines: &[&str]) -> Vec<String> {
    lines
        .split(|line| line.trim().is_empty())
        .map(|paragraph| {
            paragraph
                .iter()
                .map(|line| line.trim())
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}

/// Markdown as it is read on a terminal: without backticks, of `[text](target)` the text.
fn plain(markdown: &str) -> String {
    let mut text = String::new();
    let mut rest = markdown;
    while let Some((before, link)) = rest.split_once('[') {
        let Some((label, (_, after))) = link
            .split_once("](")
            .and_then(|(label, target)| Some((label, target.split_once(')')?)))
        else {
            break;
        };
        text += before;
        text += label;
        rest = after;
    }
    (text + rest).replace('`', "")
}
