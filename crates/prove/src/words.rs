//! What policies and functions say of tokens and requests, from which forged ones are made.

use std::collections::BTreeMap;

use crate::catalog::Catalog;
use crate::conditions::Contents;
use crate::script::Setting;
use crate::session::Session;

/// Words that policies and functions mention, from which forged claims and headers are made.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) claims: Vec<String>,
    /// Claims that are compared with a word: `'role' = 'admin'`.
    pub(crate) compared: Vec<(String, String)>,
    pub(crate) headers: Vec<String>,
    /// Paths and methods of requests that something asks for.
    pub(crate) requests: Vec<Setting>,
    /// What PostgREST calls before each request, as SQL.
    pub(crate) before: Option<String>,
    /// Claims that meet a policy together, and that users give themselves.
    pub(crate) together: Vec<BTreeMap<String, String>>,
    /// Something reads metadata, or can't be looked into: what users write there themselves may matter.
    pub(crate) metadata: bool,
    /// Something asks for a second factor, which any user can add.
    pub(crate) second_factor: bool,
    /// Other logins than the one by which clients come, where something asks for it.
    pub(crate) logins: Vec<String>,
}

/// What forged claims, headers and logins are made from.
pub(crate) fn words(
    session: &Session<'_>,
    catalog: &Catalog,
    mentions: &[String],
    contents: &Contents,
) -> Words {
    let mut words = words_of(mentions);
    words.metadata |= catalog.has_opaque_policies();
    let free = contents.claims().iter().filter(|claims| claims.are_free());
    words.together = free.map(|claims| claims.values.clone()).collect();
    words.before.clone_from(&catalog.before_requests);
    words.requests = requests(mentions);
    let asks_for_login = |text: &String| text.to_lowercase().contains("session_user");
    if session.admin.superuser && mentions.iter().any(asks_for_login) {
        words.logins.clone_from(&catalog.other_logins);
    }
    words
}

/// Paths and methods that those texts ask a request for.
fn requests(mentions: &[String]) -> Vec<Setting> {
    const METHODS: [&str; 6] = ["HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"];
    const MOST: usize = 4;
    let mut requests: Vec<Setting> = Vec::new();
    for text in mentions {
        let words = crate::constants::words_in(text);
        let asks = |setting: &str| words.iter().any(|word| word == setting);
        if asks("request.path") {
            let paths = words.iter().filter(|word| word.starts_with('/'));
            requests.extend(paths.map(|path| ("request.path", path.replace('%', "mako"))));
        }
        if asks("request.method") {
            let methods = words.iter().filter(|word| METHODS.contains(&word.as_str()));
            requests.extend(methods.map(|method| ("request.method", method.clone())));
        }
    }
    requests.sort();
    requests.dedup();
    requests.truncate(MOST);
    requests
}

/// Names of claims and headers that those texts read.
fn words_of(mentions: &[String]) -> Words {
    let mut words = Words::default();
    let (Ok(claim), Ok(compared)) = (
        regex::Regex::new(r"->>?\s*'([A-Za-z_][\w-]*)'"),
        regex::Regex::new(r"->>\s*'([A-Za-z_][\w-]*)'(?:::text)?\)*\s*=\s*'([^']*)'"),
    ) else {
        return words;
    };
    for text in mentions {
        let names = claim.captures_iter(text).map(|found| found[1].to_owned());
        let names: Vec<String> = names
            .filter(|name| name != "user_metadata" && name != "app_metadata")
            .collect();
        if text.contains("request.headers") {
            words.headers.extend(names.clone());
        }
        words.claims.extend(names);
        words.compared.extend(
            compared
                .captures_iter(text)
                .map(|found| (found[1].to_owned(), found[2].to_owned())),
        );
    }
    words.metadata = mentions.iter().any(|text| text.contains("metadata"));
    words.second_factor = mentions
        .iter()
        .any(|text| crate::constants::words_in(text).contains(&"aal2".to_owned()));
    for list in [&mut words.claims, &mut words.headers] {
        list.sort();
        list.dedup();
    }
    words
}
