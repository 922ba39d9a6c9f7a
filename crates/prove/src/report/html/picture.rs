//! One lane for each thing that an attacker does: it ends at the wall, or goes through to another tenant's rows.

use std::fmt::Write as _;

use crate::report::text::cell;
use crate::report::{RelationReport, Report};
use crate::rules::Column;

const LANE: usize = 34;
const TOP: usize = 44;

pub(super) fn draw(report: &Report, page: &mut String) {
    let height = TOP + LANE * Column::ALL.len();
    let said: Vec<String> = Column::ALL
        .into_iter()
        .map(|column| said(report, column))
        .collect();
    let _ = writeln!(
        page,
        "<svg viewBox=\"0 0 640 {height}\" role=\"img\" aria-labelledby=\"lanes\"><title id=\"lanes\">What Bob, of one tenant, can do to rows of Alice's, of another. {}.</title>\n\
         <text x=\"8\" y=\"24\">Bob</text><text x=\"420\" y=\"24\">Alice's rows</text>\n\
         <rect class=\"wall\" x=\"318\" y=\"{}\" width=\"10\" height=\"{}\"/>",
        said.join("; "),
        TOP - 8,
        height - TOP
    );
    for (n, (column, said)) in Column::ALL.into_iter().zip(&said).enumerate() {
        let y = TOP + LANE * n + LANE / 2 - 8;
        let _ = write!(page, "<text x=\"8\" y=\"{}\">{}</text>", y + 5, column.name());
        let _ = if reached(report, column) > 0 {
            write!(
                page,
                "<rect class=\"hole\" x=\"317\" y=\"{}\" width=\"12\" height=\"16\"/><path class=\"through\" d=\"M90 {y}H398\"/>\
                 <path class=\"tip\" d=\"M396 {}l16 9l-16 9z\"/>",
                y - 8,
                y - 9
            )
        } else {
            write!(
                page,
                "<path class=\"lane\" d=\"M90 {y}H306\"/><path class=\"stop\" d=\"M308 {}v16\"/>",
                y - 8
            )
        };
        let result = said.split_once(": ").map_or(said.as_str(), |(_, result)| result);
        let _ = writeln!(page, "<text x=\"420\" y=\"{}\">{result}</text>", y + 5);
    }
    page.push_str("</svg>\n");
}

/// What came of an attack, in words.
fn said(report: &Report, column: Column) -> String {
    let name = column.name();
    let tried = count(report, column, |word| word != "-");
    match (reached(report, column), tried) {
        (0, 0) => format!("{name}: nothing to try"),
        (0, _) if count(report, column, |word| word == "?") > 0 => format!("{name}: not all was tested"),
        (0, tried) => format!("{name}: held by all {tried}"),
        (1, _) => format!("{name}: LEAK in 1 relation"),
        (reached, _) => format!("{name}: LEAK in {reached} relations"),
    }
}

fn reached(report: &Report, column: Column) -> usize {
    count(report, column, |word| word == "LEAK")
}

fn count(report: &Report, column: Column, is_it: impl Fn(&str) -> bool) -> usize {
    let is_it = |relation: &&RelationReport| is_it(cell(relation, column));
    report.relations.iter().filter(is_it).count()
}
