//! Who of this process asks next about a grant.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::relay::Service;

/// One user's grant of one service: whoever holds it asks, the others wait.
type Turn = tokio::sync::Mutex<()>;

/// Who of this process asks next about a grant; nobody who waits has a connection.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<(String, Service), Weak<Turn>>>);

impl Turns {
    pub(super) fn of(&self, user: &str, service: Service) -> Arc<Turn> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (user.to_owned(), service);
        if let Some(turn) = turns.get(&key).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(key, Arc::downgrade(&turn));
        turn
    }
}
