//! Names what the administrator's session can't know: what only the real login or a real request could tell.

use crate::catalog::{Catalog, Function, Policy, Relation};

/// What only the real login or a real request could tell of a relation.
pub(crate) fn beyond_this_session(catalog: &Catalog, relation: &Relation, superuser: bool) -> Vec<String> {
    let mut reasons = Vec::new();
    let played = superuser && catalog.login.is_some();
    for policy in relation.policies.iter().filter(|policy| policy.applies) {
        let texts: Vec<String> = policy
            .functions
            .iter()
            .filter_map(|oid| Some(catalog.function(*oid)?.source.clone()))
            .chain([policy.text()])
            .collect();
        let mentions = |word: &str| texts.iter().any(|text| catalog.says(text, word, 0));
        if mentions("session_user") && !played {
            reasons.push(format!("policy {:?} names session_user, which is the administrator's here: only a superuser can play the login", policy.name));
        }
        if (mentions("request.headers") || mentions("request.cookies"))
            && policy.permissive
            && !narrows(policy)
        {
            reasons.push(format!("policy {:?} reads headers or cookies: what a gateway puts there only a real request could tell", policy.name));
        }
    }
    reasons
}

/// The same of a function.
pub(crate) fn beyond_a_call(catalog: &Catalog, function: &Function, superuser: bool) -> Vec<String> {
    let source = function.source.to_lowercase();
    let mut reasons = Vec::new();
    if catalog.says(&function.source, "session_user", 0) && !(superuser && catalog.login.is_some()) {
        reasons.push(
            "it names session_user, which is the administrator's here: only a superuser can play the login"
                .to_owned(),
        );
    }
    let before = format!("select {}()", function.sql());
    // What PostgREST calls before each request was called so, with headers that an app would send.
    let is_played = catalog.before_requests.as_ref() == Some(&before);
    if function.definer
        && !is_played
        && (source.contains("request.headers") || source.contains("request.cookies"))
    {
        reasons.push(
            "it reads headers or cookies: what a gateway puts there only a real request could tell"
                .to_owned(),
        );
    }
    reasons
}

/// Whether headers are only one condition of several that all must hold, another of which asks who it is.
fn narrows(policy: &Policy) -> bool {
    let fine = |expression: &Option<String>| {
        expression.as_deref().is_none_or(|text| {
            let parts = conjuncts(text);
            !text.contains("request.")
                || parts.iter().any(|part| {
                    !part.contains("request.headers")
                        && !part.contains("request.cookies")
                        && part.contains('=')
                })
        })
    };
    fine(&policy.using_expression) && fine(&policy.check_expression)
}

/// The parts of an expression that AND joins at the top.
fn conjuncts(expression: &str) -> Vec<String> {
    let inner = expression
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or(expression);
    let (mut depth, mut quoted, mut start) = (0_i32, false, 0);
    let mut parts = Vec::new();
    for (at, c) in inner.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            'A' if !quoted && depth == 0 && inner[at..].starts_with("AND ") => {
                parts.push(inner[start..at].to_owned());
                start = at + 4;
            }
            'O' if !quoted && depth == 0 && inner[at..].starts_with("OR ") => {
                return vec![expression.to_owned()];
            }
            _ => {}
        }
    }
    parts.push(inner[start..].to_owned());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_taken_apart_at_the_top_only() {
        assert_eq!(conjuncts("((a = 1) AND (b = ' AND ') AND (c OR d))").len(), 3);
        assert_eq!(conjuncts("((a = 1) OR (b = 2))").len(), 1);
    }
}
