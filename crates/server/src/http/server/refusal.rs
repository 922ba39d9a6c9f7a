//! Turns what hyper answers by itself (400, 431: a head that can't be read) into a problem that clients can read.

use crate::http::problem::Problem;

/// Whether these bytes begin an answer to a head that hyper couldn't read. The application's own carry an id.
pub(super) fn is_hypers(head: &[u8]) -> bool {
    head.starts_with(b"HTTP/1.1 4")
        && !head
            .windows(NAME.len())
            .any(|window| window.eq_ignore_ascii_case(NAME))
}

const NAME: &[u8] = b"x-request-id:";

/// The same answer with a body, an id, and the end of the connection.
pub(super) fn problem(head: &[u8]) -> Vec<u8> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let id = uuid::Uuid::new_v4().to_string();
    let body = Problem::unreadable_head(status.unwrap_or(400)).text(&id);
    format!(
        "{line}\r\ncontent-type: application/problem+json\r\nx-request-id: {id}\r\n\
         x-content-type-options: nosniff\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_without_an_id_is_hypers() {
        assert!(is_hypers(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n"
        ));
        assert!(!is_hypers(b"HTTP/1.1 404 Not Found\r\nX-Request-Id: 1\r\n\r\n"));
        assert!(!is_hypers(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    }

    #[test]
    fn a_refusal_is_a_problem_with_its_status_and_an_id() {
        let answer = problem(b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n");
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        assert!(
            head.starts_with("HTTP/1.1 431 ") && head.contains("connection: close"),
            "{head}"
        );
        let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        assert_eq!((&body["status"], &body["code"]), (&431.into(), &"MK431".into()));
        let id = body["request_id"].as_str().unwrap_or("none");
        assert!(head.contains(&format!("x-request-id: {id}")), "{head}");
    }
}
