//! Whose requests come, and where their rows lie.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use rand::Rng;
use rand_distr::{Distribution as _, Zipf};

/// Tenants of unequal size: the one of rank k has a share of 1/k^exponent, of the rows and of the requests.
#[derive(Clone, Copy, Debug)]
pub struct Tenants {
    /// How many there are.
    pub count: u32,
    /// 0 is all alike; 1 is what sizes of firms and cities are like.
    pub exponent: f64,
}

/// How unequally the tenants' rows lie on the workers.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// The largest tenant's share of everything.
    pub largest_tenant: f64,
    /// The fullest worker's share of everything.
    pub fullest_worker: f64,
}

impl Tenants {
    /// The shard of each request to come.
    pub(super) fn shards(self, shards: u32) -> impl Fn(&mut dyn Rng) -> u32 {
        let zipf =
            Zipf::new(f64::from(self.count), self.exponent).expect("a number of tenants and an exponent");
        move |random| shard_of(zipf.sample(random), shards)
    }

    /// How the rows lie on `workers` by `shards`, each shard on the next worker.
    #[must_use]
    pub fn spread(self, shards: u32, workers: u32) -> Spread {
        let mut on_worker = vec![0.0; workers as usize];
        let mut all = 0.0;
        for rank in 1..=self.count {
            let size = f64::from(rank).powf(-self.exponent);
            on_worker[(shard_of(f64::from(rank), shards) % workers) as usize] += size;
            all += size;
        }
        Spread {
            largest_tenant: 1.0 / all,
            fullest_worker: on_worker.into_iter().fold(0.0, f64::max) / all,
        }
    }
}

/// Citus takes a hash too: another one, as evenly spread.
fn shard_of(rank: f64, shards: u32) -> u32 {
    let mut hasher = DefaultHasher::new();
    rank.to_bits().hash(&mut hasher);
    u32::try_from(hasher.finish() % u64::from(shards)).expect("less than the shards")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_tenants_fill_workers_equally() {
        let spread = Tenants {
            count: 100_000,
            exponent: 0.0,
        }
        .spread(128, 4);
        assert!((spread.fullest_worker - 0.25).abs() < 0.02, "{spread:?}");
    }

    #[test]
    fn the_largest_tenants_share_is_what_zipfs_law_says() {
        let spread = Tenants {
            count: 1_000_000,
            exponent: 1.0,
        }
        .spread(128, 64);
        // The harmonic number of n is ln n and Euler's constant.
        let harmonic = 1e6_f64.ln() + 0.577_215_66;
        assert!(
            (spread.largest_tenant * harmonic - 1.0).abs() < 1e-6,
            "{spread:?}"
        );
        assert!(spread.fullest_worker > spread.largest_tenant);
    }
}
