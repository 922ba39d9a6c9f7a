//! Divides the spool's space: nobody who can't be asked for a secret takes what others need.
//!
//! While the database is away, the secrets of tenants' own addresses can't be read, and whoever reaches such an address
//! may send anything. So an address gets a share of its own, and all addresses that were never seen share a small one.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes on the disk at most.
const MOST: u64 = 1 << 30;
/// Bytes of unverified deliveries to one address.
const ADDRESS: u64 = 16 << 20;
/// Bytes of all deliveries to addresses that aren't known.
const STRANGERS: u64 = 4 << 20;
/// The same while it isn't known which addresses there are, because the database has been away since the start.
const ANYBODY: u64 = 64 << 20;

/// Whom a delivery in the spool counts for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum QuotaHolder {
    /// Nobody: it has been verified.
    Verified,
    /// The address of an endpoint, by the beginning of its key's hash.
    Address(String),
    /// An address that nobody was seen to have, by the same.
    Stranger(String),
}

impl QuotaHolder {
    /// As a part of a file's name: the shares are counted anew from the names at every start.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Verified => "v".to_owned(),
            Self::Address(key) => format!("k{key}"),
            Self::Stranger(key) => format!("s{key}"),
        }
    }

    /// The share of a file; one that an earlier version wrote counts for nobody.
    pub(super) fn of(file: &str) -> Self {
        let last = file.split('-').nth(3).unwrap_or_default();
        let key = last.get(1..).unwrap_or_default().to_owned();
        match last.chars().next() {
            Some('k') => Self::Address(key),
            Some('s') => Self::Stranger(key),
            _ => Self::Verified,
        }
    }
}

/// The bytes that are taken, by share.
#[derive(Default)]
pub(super) struct SpoolQuota {
    taken: Mutex<EventClaim>,
}

#[derive(Default)]
struct EventClaim {
    all: u64,
    strangers: u64,
    by_share: HashMap<QuotaHolder, u64>,
}

impl SpoolQuota {
    /// Takes room for so many bytes; false if there is none for this share.
    pub(super) fn take(&self, share: &QuotaHolder, size: u64, addresses_known: bool) -> bool {
        let mut taken = lock(&self.taken);
        let own = taken.by_share.get(share).copied().unwrap_or_default() + size;
        let fits = match share {
            QuotaHolder::Verified => true,
            QuotaHolder::Address(_) => own <= ADDRESS,
            QuotaHolder::Stranger(_) => {
                let most = if addresses_known { STRANGERS } else { ANYBODY };
                own <= ADDRESS && taken.strangers + size <= most
            }
        };
        if !fits || taken.all + size > MOST {
            return false;
        }
        taken.add(share, size);
        true
    }

    /// Counts what is there already.
    pub(super) fn count(&self, share: &QuotaHolder, size: u64) {
        lock(&self.taken).add(share, size);
    }

    /// Gives room back. Another process may have taken it: what isn't counted can't be given back.
    pub(super) fn give_back(&self, share: &QuotaHolder, size: u64) {
        let mut taken = lock(&self.taken);
        taken.all = taken.all.saturating_sub(size);
        if matches!(share, QuotaHolder::Stranger(_)) {
            taken.strangers = taken.strangers.saturating_sub(size);
        }
        if let Some(own) = taken.by_share.get_mut(share) {
            *own = own.saturating_sub(size);
            if *own == 0 {
                taken.by_share.remove(share);
            }
        }
    }
}

impl EventClaim {
    fn add(&mut self, share: &QuotaHolder, size: u64) {
        self.all += size;
        if matches!(share, QuotaHolder::Stranger(_)) {
            self.strangers += size;
        }
        if *share != QuotaHolder::Verified {
            *self.by_share.entry(share.clone()).or_default() += size;
        }
    }
}

/// The addresses of tenants' endpoints, by the hashes of their keys, as the database had them last.
#[derive(Default)]
pub(crate) struct Addresses {
    known: Mutex<Option<HashSet<String>>>,
}

impl Addresses {
    /// What the database has now.
    pub(super) fn replace(&self, hashes: HashSet<String>) {
        *lock(&self.known) = Some(hashes);
    }

    /// One that was just found.
    pub(crate) fn add(&self, hash: String) {
        if let Some(known) = &mut *lock(&self.known) {
            known.insert(hash);
        }
    }

    /// Whether the database has been asked since the start.
    pub(super) fn are_known(&self) -> bool {
        lock(&self.known).is_some()
    }

    /// The share of an unverified delivery to the address whose key has this hash.
    pub(super) fn share(&self, hash: &str) -> QuotaHolder {
        let key = hash.get(..16).unwrap_or(hash).to_owned();
        match &*lock(&self.known) {
            Some(known) if known.contains(hash) => QuotaHolder::Address(key),
            _ => QuotaHolder::Stranger(key),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_fill_their_own_share_only() {
        let (quota, addresses) = (SpoolQuota::default(), Addresses::default());
        addresses.replace(HashSet::from(["0123456789abcdef0".to_owned()]));
        let own = addresses.share("0123456789abcdef0");
        assert_eq!(own, QuotaHolder::Address("0123456789abcdef".to_owned()));
        let stranger = |n: u32| addresses.share(&format!("{n:017}"));
        let taken = (0..10_000)
            .filter(|n| quota.take(&stranger(*n), 1 << 20, true))
            .count();
        assert_eq!(taken, 4);
        let taken = (0..100).filter(|_| quota.take(&own, 1 << 20, true)).count();
        assert_eq!(taken, 16, "and an address fills its own only");
        assert!(quota.take(&QuotaHolder::Address("another".to_owned()), 1 << 20, true));
        assert!(quota.take(&QuotaHolder::Verified, 1 << 20, true));
        quota.give_back(&stranger(0), 1 << 20);
        assert!(quota.take(&stranger(77), 1 << 20, true));
    }

    #[test]
    fn until_the_addresses_are_known_each_has_the_share_of_one() {
        let (quota, addresses) = (SpoolQuota::default(), Addresses::default());
        let share = addresses.share("0123456789abcdef0");
        let taken = (0..100)
            .filter(|_| quota.take(&share, 1 << 20, addresses.are_known()))
            .count();
        assert_eq!(taken, 16);
        assert!(quota.take(&addresses.share("another"), 1 << 20, addresses.are_known()));
    }

    #[test]
    fn a_share_is_found_again_in_the_name_of_its_file() {
        for share in [
            QuotaHolder::Verified,
            QuotaHolder::Address("0123456789abcdef".to_owned()),
            QuotaHolder::Stranger("0123456789abcdef".to_owned()),
        ] {
            assert_eq!(
                QuotaHolder::of(&format!("00001-000000-abc-{}", share.name())),
                share
            );
        }
        assert_eq!(QuotaHolder::of("00001-000000-abc"), QuotaHolder::Verified);
    }
}
