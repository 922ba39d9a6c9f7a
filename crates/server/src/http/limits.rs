//! Bounds what a request may bring. Counted as it arrives, so that chunked bodies are bounded too.

use http_body_util::{BodyExt as _, LengthLimitError, Limited, combinators::BoxBody};
use poem::error::ReadBodyError;
use poem::http::header;
use poem::{Body, Request};

use super::problem::Problem;
use super::server::BudgetExhausted;

/// Refuses a body that says it is too long, and bounds one that doesn't say.
pub(crate) fn bound(request: &mut Request, limit: usize) -> Result<(), Problem> {
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    if declared
        .and_then(|length| length.parse::<u64>().ok())
        .is_some_and(|length| length > limit as u64)
    {
        return Err(Problem::too_large());
    }
    let body: BoxBody<_, std::io::Error> = request.take_body().into();
    request.set_body(Body::from(
        Limited::new(body, limit).map_err(std::io::Error::other).boxed(),
    ));
    Ok(())
}

/// What a body that couldn't be read means for the client.
pub(crate) fn unreadable(error: &ReadBodyError) -> Problem {
    let ReadBodyError::Io(io) = error else {
        return Problem::unreadable();
    };
    if is_exceeded(io) {
        Problem::too_large()
    } else if caused_by::<BudgetExhausted>(io) {
        Problem::busy()
    } else {
        Problem::unreadable()
    }
}

/// Whether reading failed because the body went beyond its bound.
pub(crate) fn is_exceeded(error: &(dyn std::error::Error + 'static)) -> bool {
    caused_by::<LengthLimitError>(error)
}

fn caused_by<E: std::error::Error + 'static>(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<E>() {
            return true;
        }
        // `source` of an io::Error is that of what it wraps, not what it wraps.
        cause = match error.downcast_ref::<std::io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as _),
            None => error.source(),
        };
    }
    false
}
