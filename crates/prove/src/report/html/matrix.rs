//! Each relation and function with what came of each attack; a leak leads to what is said of it.

use std::fmt::Write as _;

use super::{class, escape, sign};
use crate::report::text::cell;
use crate::report::{RelationReport, Report};
use crate::rules::Column;

pub(super) fn write(report: &Report, page: &mut String) {
    page.push_str("<table>\n<thead><tr><th scope=\"col\">relation</th>");
    for column in Column::ALL {
        let _ = write!(page, "<th scope=\"col\">{}</th>", column.name());
    }
    page.push_str("<th scope=\"col\">verdict</th></tr></thead>\n<tbody>\n");
    for relation in &report.relations {
        relation_row(report, relation, page);
    }
    for function in &report.functions {
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\"><code>{}</code><br><small class=\"soft\">function</small></th>\
             <td class=\"none\" colspan=\"{}\"></td><td class=\"{}\" data-of=\"verdict\">{} {}</td></tr>",
            escape(&function.function),
            Column::ALL.len(),
            class(function.verdict),
            sign(function.verdict),
            function.verdict.words()
        );
    }
    page.push_str("</tbody></table>\n");
}

fn relation_row(report: &Report, relation: &RelationReport, page: &mut String) {
    let _ = write!(
        page,
        "<tr><th scope=\"row\"><code>{}</code><br><small class=\"soft\">{}, {}</small></th>",
        escape(&relation.relation),
        relation.kind,
        escape(&relation.class)
    );
    for column in Column::ALL {
        let word = cell(relation, column);
        let (class, sign) = match word {
            "LEAK" => ("leak", "✗"),
            "held" => ("held", "✓"),
            "?" => ("unknown", ""),
            _ => ("none", ""),
        };
        let text = format!("{sign} {word}");
        let text = match leak(report, relation, column) {
            Some(n) => format!("<a href=\"#f{n}\">{}</a>", text.trim()),
            None => text.trim().to_owned(),
        };
        let _ = write!(
            page,
            "<td class=\"{class}\" data-of=\"{}\">{text}</td>",
            column.name()
        );
    }
    let _ = writeln!(
        page,
        "<td class=\"{}\" data-of=\"verdict\">{} {}</td></tr>",
        class(relation.verdict),
        sign(relation.verdict),
        relation.verdict.words()
    );
}

/// Which of all findings a cell of the matrix speaks of.
fn leak(report: &Report, relation: &RelationReport, column: Column) -> Option<usize> {
    report.all_findings().iter().position(|(about, finding)| {
        *about == relation.relation && finding.is_leak() && finding.rule.column == Some(column)
    })
}
