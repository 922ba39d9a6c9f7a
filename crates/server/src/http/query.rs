//! Query parameters: which an operation takes, from the document. What it doesn't take is refused, since leaving it
//! out would answer another question than was asked (`order=`, `select=`), and so is one that is given twice.

use std::collections::BTreeSet;

use poem::http::{Method, Uri};
use reqwest::Url;
use serde_json::Value;

use super::guard::PathPattern;
use super::problem::Problem;

/// The query parameters of each operation.
pub(crate) struct QueryParameters(Vec<Operation>);

struct Operation {
    method: String,
    path: PathPattern,
    names: BTreeSet<String>,
}

const BESIDE: &str = "For ordering, embedding, columns and other filters ask PostgREST beside this service: same token, same policies";

impl QueryParameters {
    /// Reads the operations of an OpenAPI document, but for those that pass all parameters on.
    pub(crate) fn of(document: &Value) -> Self {
        let paths = document["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, methods)| {
            let methods = methods.as_object().into_iter().flatten();
            methods.map(move |(method, operation)| Operation {
                method: method.to_uppercase(),
                path: PathPattern::new(path),
                names: query_names(operation),
            })
        });
        Self(operations.filter(|operation| !operation.path.is_open()).collect())
    }

    /// Refuses parameters that the operation doesn't take, or takes once.
    pub(crate) fn check(&self, method: &Method, uri: &Uri) -> Result<(), Problem> {
        let Some(query) = uri.query().filter(|query| !query.is_empty()) else {
            return Ok(());
        };
        let segments: Vec<&str> = uri.path().split('/').collect();
        let asked =
            |operation: &&Operation| operation.method == method.as_str() && operation.path.fits(&segments);
        let operation = self.0.iter().find(asked);
        operation.map_or(Ok(()), |operation| operation.check(query))
    }
}

impl Operation {
    fn check(&self, query: &str) -> Result<(), Problem> {
        let mut seen = BTreeSet::new();
        let (mut refused, mut unknown) = (BTreeSet::new(), false);
        for name in names(query) {
            if !self.names.contains(&name) {
                unknown = true;
                refused.insert(self.not_taken(&name));
            } else if !seen.insert(name.clone()) {
                refused.insert(format!("{name}: may be given once only"));
            }
        }
        if refused.is_empty() {
            return Ok(());
        }
        let problem = Problem::invalid(refused.into_iter().collect::<Vec<_>>().join("; "));
        Err(if unknown { problem.hint(BESIDE) } else { problem })
    }

    fn not_taken(&self, name: &str) -> String {
        // A made-up name may hold anything; only a plain one is repeated.
        let is_plain = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let name = if is_plain && !name.is_empty() {
            name
        } else {
            "a parameter with an unusual name"
        };
        if self.names.is_empty() {
            return format!("{name}: is not a parameter of this operation, which takes none");
        }
        let taken: Vec<&str> = self.names.iter().map(String::as_str).collect();
        format!(
            "{name}: is not a parameter of this operation, which takes {}",
            taken.join(", ")
        )
    }
}

fn query_names(operation: &Value) -> BTreeSet<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters
        .filter(|parameter| parameter["in"] == "query")
        .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned))
        .collect()
}

/// The names as they are meant: `%6Crder` is `order`.
fn names(query: &str) -> Vec<String> {
    // Only `Url` reads queries here; the address before it is of no account.
    let mut url = Url::parse("http://localhost").unwrap_or_else(|_| unreachable!("a constant"));
    url.set_query(Some(query));
    url.query_pairs().map(|(name, _)| name.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(method: &str, target: &'static str) -> Option<Problem> {
        let limit = json!([{"name": "limit", "in": "query"}, {"name": "id", "in": "path"}]);
        let parameters = QueryParameters::of(&json!({"paths": {
            "/v1/leads": {"get": {"parameters": limit}, "post": {}},
            "/v1/relay/{service}/{path}": {"get": {}},
        }}));
        let method = method.parse().expect("a method");
        parameters.check(&method, &Uri::from_static(target)).err()
    }

    fn details(method: &str, target: &'static str) -> String {
        refusal(method, target)
            .and_then(|problem| problem.details)
            .unwrap_or_default()
    }

    #[test]
    fn what_an_operation_takes_passes_and_what_is_passed_on_is_not_looked_at() {
        for (method, target) in [
            ("GET", "/v1/leads"),
            ("GET", "/v1/leads?"),
            ("GET", "/v1/leads?limit=1&"),
            ("GET", "/v1/leads?%6Cimit=1"),
            ("GET", "/v1/relay/vapi/call?a=1&a=2"),
            ("GET", "/nowhere?a=1"),
        ] {
            assert_eq!(details(method, target), "", "{target}");
        }
    }

    #[test]
    fn another_name_and_a_second_value_are_refused_without_an_echo() {
        let of_get = "is not a parameter of this operation, which takes limit";
        assert_eq!(
            details("GET", "/v1/leads?order=name.asc"),
            format!("order: {of_get}")
        );
        assert_eq!(
            details("GET", "/v1/leads?%3Cscript%3E=1"),
            format!("a parameter with an unusual name: {of_get}")
        );
        assert_eq!(
            details("GET", "/v1/leads?limit=1&limit=2"),
            "limit: may be given once only"
        );
        assert_eq!(
            details("POST", "/v1/leads?limit=1"),
            "limit: is not a parameter of this operation, which takes none"
        );
        assert_eq!(
            refusal("GET", "/v1/leads?select=*").and_then(|p| p.hint),
            Some(BESIDE)
        );
    }
}
