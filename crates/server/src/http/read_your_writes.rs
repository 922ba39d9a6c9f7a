//! Lets callers read what they have written, though a replica answers: a write says where in the log it is, and who brings
//! that back is answered by a database that has it.

use std::time::Duration;

use poem::http::{HeaderMap, HeaderName, HeaderValue, header};
use poem::{Request, Response, Result};
use store::read_your_writes::{Lsn, Reads, scope};

/// The header of an answer to a write, and of a read that is to see it.
pub(super) const X_MAKO_LSN: HeaderName = HeaderName::from_static("x-mako-lsn");
/// The same for pages whose token is in a cookie.
const COOKIE: &str = "mako_lsn";
/// How much longer than a replica's answers may be old the cookie lasts: the replica is looked at now and then.
const MARGIN: Duration = Duration::from_secs(5);

/// What is done about it where there is a replica.
pub(crate) struct ReadYourWrites {
    /// The cookie that carries the token, if one may.
    auth_cookie: Option<String>,
    /// What the position's cookie says besides.
    attributes: String,
}

impl ReadYourWrites {
    /// `base_url` is where browsers find this service.
    pub(crate) fn new(auth_cookie: Option<String>, base_url: Option<&str>, max_lag: Duration) -> Self {
        // Where the token's cookie may come from another site's page, this one has to.
        let is_https = base_url.is_some_and(|url| url.starts_with("https:"));
        let site = if is_https { "None; Secure" } else { "Lax" };
        let age = (max_lag + MARGIN).as_secs();
        Self {
            auth_cookie,
            attributes: format!("Path=/; Max-Age={age}; HttpOnly; SameSite={site}"),
        }
    }

    /// Answers a request, which may read from the replica if it is a GET.
    pub(super) async fn around<F: Future<Output = Result<Response>>>(
        &self,
        request: Request,
        answer: impl FnOnce(Request) -> F,
    ) -> Result<Response> {
        let has_cookie = self
            .auth_cookie
            .as_deref()
            .is_some_and(|name| cookie(request.headers(), name).is_some());
        let reads = reads(&request, has_cookie);
        // Boxed: it is moved into the scope.
        let (mut answer, written) = scope(reads, Box::pin(answer(request))).await;
        if let (Ok(response), Some(lsn)) = (&mut answer, written) {
            let cookie = has_cookie.then_some(self.attributes.as_str());
            tell(response.headers_mut(), lsn, cookie);
        }
        answer
    }
}

/// Where a request may read. A position that can't be read is one that no replica has.
fn reads(request: &Request, has_cookie: bool) -> Reads {
    if request.method() != poem::http::Method::GET {
        return Reads::Primary;
    }
    let brought = request.headers().get(X_MAKO_LSN).map(HeaderValue::to_str);
    let lsn = match brought {
        Some(text) => text.ok().and_then(|text| text.parse().ok()),
        None => match cookie(request.headers(), COOKIE).filter(|_| has_cookie) {
            Some(text) => text.parse().ok(),
            None => Some(Lsn::from(0)),
        },
    };
    lsn.map_or(Reads::Primary, Reads::ReplicaAfter)
}

/// A cookie's value as it was sent; poem parses them further in.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let sent = headers.get_all(header::COOKIE).iter();
    let mut pairs = sent
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(found, value)| (found == name).then_some(value))
}

fn tell(headers: &mut HeaderMap, lsn: Lsn, cookie: Option<&str>) {
    if let Ok(value) = HeaderValue::from_str(&lsn.to_string()) {
        headers.insert(X_MAKO_LSN, value);
    }
    if let Some(attributes) = cookie
        && let Ok(value) = HeaderValue::from_str(&format!("{COOKIE}={lsn}; {attributes}"))
    {
        headers.append(header::SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use poem::http::Method;

    use super::*;

    fn asked(method: Method, headers: &[(&str, &str)]) -> Reads {
        let mut request = Request::builder().method(method);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reads(&request.finish(), true)
    }

    fn after(lsn: u64) -> Reads {
        Reads::ReplicaAfter(Lsn::from(lsn))
    }

    #[test]
    fn only_a_get_reads_from_a_replica_and_only_from_one_that_has_what_it_brings() {
        assert_eq!(asked(Method::GET, &[]), after(0));
        assert_eq!(asked(Method::GET, &[("x-mako-lsn", "1/A")]), after(0x1_0000_000A));
        assert_eq!(asked(Method::POST, &[("x-mako-lsn", "1/A")]), Reads::Primary);
        for broken in ["", "1", "1/", "x/y", "1/A/B", "-1/A"] {
            assert_eq!(
                asked(Method::GET, &[("x-mako-lsn", broken)]),
                Reads::Primary,
                "{broken}"
            );
        }
    }

    #[test]
    fn a_page_with_cookies_brings_it_in_one_and_a_header_goes_before_it() {
        let cookie = ("cookie", "session=x; mako_lsn=0/7");
        assert_eq!(asked(Method::GET, &[cookie]), after(7));
        assert_eq!(asked(Method::GET, &[cookie, ("x-mako-lsn", "0/9")]), after(9));
        assert_eq!(asked(Method::GET, &[("cookie", "mako_lsn=x")]), Reads::Primary);
    }

    #[test]
    fn the_cookie_goes_wherever_the_tokens_may() {
        let cookie = |base| ReadYourWrites::new(None, base, Duration::from_secs(5)).attributes;
        assert_eq!(cookie(None), "Path=/; Max-Age=10; HttpOnly; SameSite=Lax");
        let https = cookie(Some("https://api.example.com"));
        assert!(https.ends_with("SameSite=None; Secure"), "{https}");
    }
}
