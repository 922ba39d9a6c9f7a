//! Numbers of a type: small ones, large ones that are a row's own, and those of which checks speak.

use std::sync::LazyLock;

use regex::Regex;

use super::seed::Seed;
use crate::catalog::Column;

static NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:^|[^\w.'])(-?\d+(?:\.\d+)?)(?:[^\w.']|$)").ok());

/// The numbers of an expression.
pub(crate) fn numbers_in(expression: &str) -> Vec<String> {
    let Some(number) = NUMBER.as_ref() else {
        return Vec::new();
    };
    number
        .captures_iter(expression)
        .map(|found| found[1].to_owned())
        .collect()
}

/// Numbers in the order in which they are tried.
pub(super) fn numbers_for(column: &Column, seed: Seed<'_>, hints: &[&str]) -> Vec<String> {
    let mut numbers = usual(column, seed);
    numbers.extend(around_numbers(hints));
    numbers
}

fn usual(column: &Column, seed: Seed<'_>) -> Vec<String> {
    let n = seed.number % 4_000;
    let big = match column.base_name.as_str() {
        "int2" => 28_000 + n,
        "int4" => 1_500_000_000 + seed.nonce % 100_000 * 4_000 + n,
        "int8" => 4_000_000_000_000_000 + seed.nonce % 1_000_000_000 * 4_000 + n,
        "oid" => 4_000_000_000 + n,
        _ => n + 1,
    };
    let small = if seed.variant == 0 { n % 5 + 1 } else { n % 90 + 1 };
    let mut numbers: Vec<String> = if seed.unique {
        vec![big.to_string(), small.to_string()]
    } else {
        vec![small.to_string(), big.to_string()]
    };
    numbers.extend(
        [
            "1", "0", "10", "50", "100", "1000", "0.5", "-1", "2", "5", "18", "2024", "10000",
        ]
        .map(str::to_owned),
    );
    if matches!(column.base_name.as_str(), "int2" | "int4" | "int8" | "oid") {
        numbers.retain(|number| !number.contains('.'));
    }
    numbers
}

/// The numbers that checks speak of, and those beside them.
fn around_numbers(hints: &[&str]) -> Vec<String> {
    let numbers = hints.iter().flat_map(|hint| numbers_in(hint));
    let whole = numbers.filter_map(|n| n.split('.').next()?.parse::<i128>().ok());
    whole
        .flat_map(|n| [n, n + 1, n - 1])
        .map(|n| n.to_string())
        .collect()
}

/// Whether a number is in the type's range.
pub(super) fn fits(column: &Column, n: f64) -> bool {
    let bound = match column.base_name.as_str() {
        "int2" => 32_767.0,
        "int4" => 2_147_483_647.0,
        "numeric" => match column
            .base
            .split_once('(')
            .and_then(|(_, rest)| rest.trim_end_matches(')').split_once(','))
        {
            Some((precision, scale)) => {
                let digits = precision.parse::<i32>().unwrap_or(99) - scale.parse::<i32>().unwrap_or(0);
                10_f64.powi(digits) - 1.0
            }
            None => f64::MAX,
        },
        _ => f64::MAX,
    };
    n.abs() <= bound
}

#[cfg(test)]
mod tests {
    use super::numbers_in;

    #[test]
    fn numbers_are_found_in_expressions() {
        assert_eq!(numbers_in("((age >= 18) AND (age < 150))"), ["18", "150"]);
    }
}
