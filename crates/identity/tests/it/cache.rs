//! When is the key endpoint asked, and what happens to those who wait?

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use identity::jwks::{Cache, Fetch, FetchFailed, KeysUnavailable};
use identity::{AuthError, Authenticator, Principal, Rejected, mint};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::support::{Ec, NOW, SECRET, alice, at, jwks, secret, supabase, verifier};

/// An endpoint that answers as told, once for each permit, and counts.
#[derive(Clone)]
struct Endpoint(Arc<Inner>);

struct Inner {
    answers: Mutex<VecDeque<Result<Vec<u8>, FetchFailed>>>,
    asked: AtomicUsize,
    open: Semaphore,
}

impl Endpoint {
    fn new() -> Self {
        let open = Semaphore::new(Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner {
            answers: Mutex::default(),
            asked: AtomicUsize::new(0),
            open,
        }))
    }

    fn answering(keys: &[Value]) -> Self {
        let endpoint = Self::new();
        endpoint.will_answer(Ok(jwks(keys)));
        endpoint
    }

    /// Queues an answer; when the queue is empty, every attempt fails.
    fn will_answer(&self, answer: Result<Vec<u8>, FetchFailed>) {
        self.0.answers.lock().expect("not poisoned").push_back(answer);
    }

    /// From now on attempts hang until released.
    fn hold(&self) {
        self.0.open.forget_permits(Semaphore::MAX_PERMITS);
    }

    fn release(&self) {
        self.0.open.add_permits(1);
    }

    fn asked(&self) -> usize {
        self.0.asked.load(Ordering::Relaxed)
    }
}

impl Fetch for Endpoint {
    async fn fetch(&self) -> Result<Vec<u8>, FetchFailed> {
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        self.0.open.acquire().await.expect("not closed").forget();
        self.0
            .answers
            .lock()
            .expect("not poisoned")
            .pop_front()
            .unwrap_or(Err(FetchFailed))
    }
}

type Guard = Arc<Authenticator<Endpoint>>;

fn guard(endpoint: &Endpoint) -> Guard {
    Arc::new(Authenticator::new(
        verifier(supabase()),
        Some(Cache::new(endpoint.clone())),
    ))
}

/// Whether `token` makes its bearer alice, so many seconds after the start.
async fn heard(guard: &Guard, token: &str, second: u64) -> Result<(), AuthError> {
    match guard.authenticate(token, at(NOW + second)).await? {
        Principal::User(claims) => assert_eq!(claims.user_id(), "alice"),
        Principal::Service(_) => panic!("alice is no service"),
    }
    Ok(())
}

const UNREADY: Result<(), AuthError> = Err(AuthError::KeysUnavailable(KeysUnavailable));
const UNKNOWN: Result<(), AuthError> = Err(AuthError::Rejected(Rejected::UnknownKey));

/// Lets every spawned task run until it waits.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

fn spawn(guard: &Guard, token: &str, second: u64) -> tokio::task::JoinHandle<Result<(), AuthError>> {
    let (guard, token) = (Arc::clone(guard), token.to_owned());
    tokio::spawn(async move { heard(&guard, &token, second).await })
}

fn long_lived() -> Value {
    crate::support::but(alice(), serde_json::json!({"exp": NOW + 1_000_000}))
}

#[tokio::test]
async fn keys_are_fetched_once_in_ten_minutes() {
    let ec = Ec::generate("ec");
    let endpoint = Endpoint::answering(&[ec.jwk()]);
    endpoint.will_answer(Ok(jwks(&[ec.jwk()])));
    let (guard, token) = (guard(&endpoint), ec.token(&long_lived()));
    for second in [0, 1, 300, 600] {
        assert_eq!(heard(&guard, &token, second).await, Ok(()));
        assert_eq!(endpoint.asked(), 1);
    }
    assert_eq!(heard(&guard, &token, 601).await, Ok(()));
    assert_eq!(endpoint.asked(), 2);
}

#[tokio::test]
async fn a_revoked_key_is_gone_after_ten_minutes() {
    let (old, new) = (Ec::generate("old"), Ec::generate("new"));
    let endpoint = Endpoint::answering(&[old.jwk()]);
    endpoint.will_answer(Ok(jwks(&[new.jwk()])));
    let (guard, token) = (guard(&endpoint), old.token(&long_lived()));
    assert_eq!(heard(&guard, &token, 0).await, Ok(()));
    assert_eq!(heard(&guard, &token, 601).await, UNKNOWN);
}

#[tokio::test]
async fn a_new_key_is_found_at_once() {
    let (old, new) = (Ec::generate("old"), Ec::generate("new"));
    let endpoint = Endpoint::answering(&[old.jwk()]);
    endpoint.will_answer(Ok(jwks(&[old.jwk(), new.jwk()])));
    let guard = guard(&endpoint);
    assert_eq!(heard(&guard, &old.token(&alice()), 0).await, Ok(()));
    assert_eq!(heard(&guard, &new.token(&alice()), 1).await, Ok(()));
    assert_eq!(endpoint.asked(), 2);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_asks_once_in_thirty_seconds() {
    let (known, unknown) = (Ec::generate("known"), Ec::generate("unknown"));
    let endpoint = Endpoint::answering(&[known.jwk()]);
    for _ in 0..10 {
        endpoint.will_answer(Ok(jwks(&[known.jwk()])));
    }
    let guard = guard(&endpoint);
    assert_eq!(heard(&guard, &known.token(&alice()), 0).await, Ok(()));
    for second in [0, 0, 1, 2, 15, 29, 30] {
        assert_eq!(heard(&guard, &unknown.token(&alice()), second).await, UNKNOWN);
        assert_eq!(endpoint.asked(), 2);
    }
    assert_eq!(heard(&guard, &unknown.token(&alice()), 31).await, UNKNOWN);
    assert_eq!(endpoint.asked(), 3);
    assert_eq!(heard(&guard, &known.token(&alice()), 32).await, Ok(()));
}

#[tokio::test]
async fn concurrent_tokens_with_a_new_key_share_one_fetch() {
    let (old, new) = (Ec::generate("old"), Ec::generate("new"));
    let endpoint = Endpoint::answering(&[old.jwk()]);
    endpoint.will_answer(Ok(jwks(&[new.jwk()])));
    let guard = guard(&endpoint);
    assert_eq!(heard(&guard, &old.token(&alice()), 0).await, Ok(()));
    endpoint.hold();
    let waiting: Vec<_> = (0..20).map(|_| spawn(&guard, &new.token(&alice()), 1)).collect();
    settle().await;
    endpoint.release();
    for task in waiting {
        assert_eq!(task.await.unwrap(), Ok(()));
    }
    assert_eq!(endpoint.asked(), 2);
}

#[tokio::test]
async fn the_first_requests_share_one_fetch() {
    let ec = Ec::generate("ec");
    let endpoint = Endpoint::answering(&[ec.jwk()]);
    endpoint.hold();
    let guard = guard(&endpoint);
    // Their clocks differ by a little, as clocks do.
    let waiting: Vec<_> = (0..20)
        .map(|nth| spawn(&guard, &ec.token(&alice()), nth % 2))
        .collect();
    settle().await;
    endpoint.release();
    for task in waiting {
        assert_eq!(task.await.unwrap(), Ok(()));
    }
    assert_eq!(endpoint.asked(), 1);
}

#[tokio::test]
async fn others_go_on_with_the_last_good_keys_while_one_asks() {
    let ec = Ec::generate("ec");
    let endpoint = Endpoint::answering(&[ec.jwk()]);
    endpoint.will_answer(Ok(jwks(&[ec.jwk()])));
    let (guard, token) = (guard(&endpoint), ec.token(&long_lived()));
    assert_eq!(heard(&guard, &token, 0).await, Ok(()));
    endpoint.hold();
    let asking = spawn(&guard, &token, 700);
    settle().await;
    assert_eq!(endpoint.asked(), 2);
    for _ in 0..10 {
        assert_eq!(heard(&guard, &token, 700).await, Ok(()));
    }
    assert_eq!(endpoint.asked(), 2);
    endpoint.release();
    assert_eq!(asking.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_failing_endpoint_leaves_the_last_good_keys_and_is_asked_again() {
    let ec = Ec::generate("ec");
    let endpoint = Endpoint::answering(&[ec.jwk()]);
    let (guard, token) = (guard(&endpoint), ec.token(&long_lived()));
    assert_eq!(heard(&guard, &token, 0).await, Ok(()));
    for (second, asked) in [(601, 2), (602, 2), (606, 2), (607, 3), (90_000, 4)] {
        assert_eq!(heard(&guard, &token, second).await, Ok(()));
        assert_eq!(endpoint.asked(), asked, "at {second}");
        assert!(guard.key_cache().unwrap().is_failing());
    }
    endpoint.will_answer(Ok(jwks(&[ec.jwk()])));
    assert_eq!(heard(&guard, &token, 90_006).await, Ok(()));
    assert!(!guard.key_cache().unwrap().is_failing());
    assert_eq!(heard(&guard, &token, 90_600).await, Ok(()));
    assert_eq!(endpoint.asked(), 5);
}

#[tokio::test]
async fn garbage_is_a_failure() {
    let ec = Ec::generate("ec");
    let endpoint = Endpoint::answering(&[ec.jwk()]);
    for garbage in ["<html>", "{}", "", r#"{"error":"rate limited"}"#] {
        endpoint.will_answer(Ok(garbage.into()));
    }
    let (guard, token) = (guard(&endpoint), ec.token(&long_lived()));
    for second in [0, 601, 611, 621, 631] {
        assert_eq!(heard(&guard, &token, second).await, Ok(()));
    }
    assert_eq!(endpoint.asked(), 5);
}

#[tokio::test]
async fn an_empty_key_set_is_an_answer() {
    let ec = Ec::generate("ec");
    let endpoint = Endpoint::answering(&[]);
    endpoint.will_answer(Ok(jwks(&[])));
    assert_eq!(heard(&guard(&endpoint), &ec.token(&alice()), 0).await, UNKNOWN);
}

#[tokio::test]
async fn without_a_first_answer_it_is_nobodys_fault_and_recovers() {
    let ec = Ec::generate("ec");
    let endpoint = Endpoint::new();
    let (guard, token) = (guard(&endpoint), ec.token(&alice()));
    for second in [0, 1, 5] {
        assert_eq!(heard(&guard, &token, second).await, UNREADY);
        assert_eq!(endpoint.asked(), 1, "it is not hammered");
    }
    endpoint.will_answer(Ok(b"garbage".to_vec()));
    assert_eq!(heard(&guard, &token, 6).await, UNREADY);
    endpoint.will_answer(Ok(jwks(&[ec.jwk()])));
    assert_eq!(heard(&guard, &token, 12).await, Ok(()));
    assert_eq!(endpoint.asked(), 3);
}

#[tokio::test]
async fn a_failure_to_find_an_unknown_key_keeps_the_known_ones() {
    let (known, new) = (Ec::generate("known"), Ec::generate("new"));
    let endpoint = Endpoint::answering(&[known.jwk()]);
    let guard = guard(&endpoint);
    assert_eq!(heard(&guard, &known.token(&alice()), 0).await, Ok(()));
    assert_eq!(heard(&guard, &new.token(&alice()), 1).await, UNKNOWN);
    assert_eq!(heard(&guard, &known.token(&alice()), 2).await, Ok(()));
    endpoint.will_answer(Ok(jwks(&[known.jwk(), new.jwk()])));
    assert_eq!(heard(&guard, &new.token(&alice()), 32).await, Ok(()));
}

#[tokio::test]
async fn a_request_that_is_dropped_while_asking_blocks_nobody() {
    let ec = Ec::generate("ec");
    let endpoint = Endpoint::answering(&[ec.jwk()]);
    endpoint.hold();
    let (guard, token) = (guard(&endpoint), ec.token(&alice()));
    let (dropped, waiting) = (spawn(&guard, &token, 0), spawn(&guard, &token, 0));
    settle().await;
    dropped.abort();
    settle().await;
    assert_eq!(endpoint.asked(), 2, "the next in line asks");
    endpoint.release();
    assert_eq!(waiting.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_request_that_is_dropped_while_refreshing_does_not_make_each_of_the_others_hang() {
    let ec = Ec::generate("ec");
    let endpoint = Endpoint::answering(&[ec.jwk()]);
    let (guard, token) = (guard(&endpoint), ec.token(&long_lived()));
    assert_eq!(heard(&guard, &token, 0).await, Ok(()));
    endpoint.hold();
    let dropped = spawn(&guard, &token, 700);
    settle().await;
    dropped.abort();
    settle().await;
    assert_eq!(heard(&guard, &token, 701).await, Ok(()));
    assert_eq!(endpoint.asked(), 2);
}

#[tokio::test]
async fn tokens_that_need_no_published_key_never_wait_for_one() {
    let endpoint = Endpoint::new();
    endpoint.hold();
    let guard = guard(&endpoint);
    assert_eq!(heard(&guard, &mint(&secret(SECRET), &alice()), 0).await, Ok(()));
    for (token, reason) in [
        ("", Rejected::Empty),
        ("a.b.c", Rejected::Undecodable),
        ("sb_secret_x", Rejected::ApiKey),
        ("eyJhbGciOiJub25lIn0.e30.", Rejected::Algorithm),
    ] {
        assert_eq!(heard(&guard, token, 0).await, Err(reason.into()));
    }
    assert_eq!(endpoint.asked(), 0);
}

#[tokio::test]
async fn without_an_endpoint_only_the_secret_counts() {
    let guard: Guard = Arc::new(Authenticator::new(verifier(supabase()), None));
    assert_eq!(heard(&guard, &mint(&secret(SECRET), &alice()), 0).await, Ok(()));
    assert_eq!(
        heard(&guard, &Ec::generate("ec").token(&alice()), 0).await,
        UNKNOWN
    );
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_keep_old_keys() {
    let ec = Ec::generate("ec");
    let endpoint = Endpoint::answering(&[ec.jwk()]);
    endpoint.will_answer(Ok(jwks(&[ec.jwk()])));
    let cache = Cache::new(endpoint.clone());
    assert!(cache.keys(at(NOW)).await.is_ok());
    assert!(cache.keys(at(NOW) - Duration::from_mins(1)).await.is_ok());
    assert_eq!(endpoint.asked(), 1);
    assert!(cache.keys(at(NOW) - Duration::from_hours(1)).await.is_ok());
    assert_eq!(endpoint.asked(), 2);
}

/// A handler on a multi-threaded runtime must be able to await it.
#[test]
fn authenticating_is_send() {
    fn is_send<T: Send>(_: T) {}
    let endpoint = Endpoint::new();
    let guard = guard(&endpoint);
    is_send(guard.authenticate("", at(NOW)));
}
