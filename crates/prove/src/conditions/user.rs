//! Tells which column a condition holds against the user who asks.

use crate::sql::ident;

/// Whether an expression holds a column of its own table against the user who asks: `id = auth.uid()`, either way round.
pub(crate) fn is_user(expression: &str, column: &str) -> bool {
    // Most expressions don't, and to make a regular expression takes longer than to see that.
    if !expression.contains("auth.uid()") || !expression.contains(&column.replace('"', "\"\"")) {
        return false;
    }
    let (bare, quoted) = (regex::escape(column), regex::escape(&ident(column)));
    let cast = r"\)*(?:::\w+)?\)*";
    let pattern = format!(
        r#"(?i)(?:^|[^.\w"])(?:{bare}|{quoted}){cast} = [( ]*(?:select )?auth\.uid\(\)|auth\.uid\(\)(?: as \w+)?{cast} = (?:\(*(?:{bare}\b|{quoted})|any \(\(?array\[(?:[^\]]*, )?(?:{bare}|{quoted})[,\]])"#
    );
    regex::Regex::new(&pattern).is_ok_and(|pattern| pattern.is_match(expression))
}

#[cfg(test)]
mod tests {
    use super::is_user;

    #[test]
    fn a_column_that_is_held_against_who_asks_names_the_user() {
        for policy in [
            "(id = ( SELECT auth.uid() AS uid))",
            "(auth.uid() = id)",
            "((( SELECT auth.uid() AS uid))::text = (id)::text)",
            "((a = 1) AND (id = auth.uid()))",
            "(( SELECT auth.uid() AS uid) = ANY (ARRAY[other_id, id]))",
        ] {
            assert!(is_user(policy, "id"), "{policy}");
        }
        for policy in [
            "(user_id = auth.uid())",
            "(auth.uid() = identity)",
            // Inside a subquery the server qualifies every column.
            "(EXISTS ( SELECT FROM users u WHERE (u.id = ( SELECT auth.uid() AS uid))))",
            "(EXISTS ( SELECT FROM users u WHERE (auth.uid() = u.id)))",
        ] {
            assert!(!is_user(policy, "id"), "{policy}");
        }
    }
}
