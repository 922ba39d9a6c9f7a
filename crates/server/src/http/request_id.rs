//! The id of the request that is being answered, for whoever answers it.

tokio::task_local! {
    static REQUEST_ID: String;
}

/// Answers a request under its id.
pub(super) fn scope<F: Future>(id: String, answering: F) -> impl Future<Output = F::Output> {
    REQUEST_ID.scope(id, answering)
}

/// The id of the request that is being answered; empty outside of one.
pub(crate) fn current() -> String {
    REQUEST_ID.try_with(Clone::clone).unwrap_or_default()
}
