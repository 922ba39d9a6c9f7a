//! Names of relations, as a model writes them.

/// Whether a name of the model means this relation: `public.leads`, `"Odd Schema"."Leads"`, or plainly `public.Odd Name`.
pub(crate) fn is_name(key: &str, schema: &str, name: &str) -> bool {
    key == format!("{schema}.{name}") || split_name(key).is_some_and(|(s, n)| s == schema && n == name)
}

/// Schema and name, quoted or not.
pub(crate) fn split_name(key: &str) -> Option<(String, String)> {
    let (schema, rest) = part(key)?;
    let (name, end) = part(rest.strip_prefix('.')?)?;
    end.is_empty().then_some((schema, name))
}

fn part(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut name = String::new();
        let mut chars = quoted.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c != '"' {
                name.push(c);
            } else if chars.next_if(|(_, next)| *next == '"').is_some() {
                name.push('"');
            } else {
                return Some((name, &quoted[at + 1..]));
            }
        }
        return None;
    }
    let end = text.find('.').unwrap_or(text.len());
    (end > 0).then(|| (text[..end].to_owned(), &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn names_may_be_quoted() {
        assert!(is_name("public.leads", "public", "leads"));
        assert!(is_name("\"Odd \"\"x\".\"Le.ads\"", "Odd \"x", "Le.ads"));
        assert!(is_name("public.Odd Name", "public", "Odd Name"));
        assert!(!is_name("leads", "public", "leads"));
    }
}
