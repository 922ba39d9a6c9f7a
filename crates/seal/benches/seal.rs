//! What do slot keys and the text format cost beside bare AES-GCM?

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use seal::{KeyRing, MasterKey, SecretText, Slot};

const TEXT: &str = "sk-live-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST";
const SLOT: Slot<'_> = Slot {
    table: "api_keys",
    column: "encrypted_key",
    user: "6d1f7a52-94c4-4d53-9f5e-2b1a5f0c7e11",
    row: "hubspot",
};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    ours(&mut criterion);
    bare_ring(&mut criterion);
    criterion.final_summary();
}

fn ours(criterion: &mut Criterion) {
    let ring = KeyRing::new(MasterKey::generate().expect("randomness"), Vec::new()).expect("one key");
    let secret = SecretText::new(TEXT.to_owned());
    let sealed = ring.seal(&SLOT, &secret).expect("sealed");
    let fingerprint = ring.fingerprint(&SLOT, &secret);

    let mut group = criterion.benchmark_group("64 bytes");
    group.throughput(Throughput::Bytes(64));
    group.bench_function("seal", |b| {
        b.iter(|| ring.seal(black_box(&SLOT), black_box(&secret)));
    });
    group.bench_function("open", |b| {
        b.iter(|| ring.open(black_box(&SLOT), black_box(&sealed)));
    });
    group.bench_function("matches", |b| {
        b.iter(|| ring.matches(black_box(&SLOT), black_box(&secret), black_box(&fingerprint)));
    });
    group.finish();
}

/// One key made beforehand, a random nonce, no associated data, no text: the least that sealing can cost.
fn bare_ring(criterion: &mut Criterion) {
    let random = SystemRandom::new();
    let mut key = [0; 32];
    random.fill(&mut key).expect("randomness");
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).expect("32 bytes"));
    let seal = || {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce).expect("randomness");
        let mut bytes = black_box(TEXT).as_bytes().to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes)
            .expect("sealed");
        (nonce, bytes)
    };
    let (nonce, sealed) = seal();
    let open = || {
        let mut bytes = black_box(&sealed).clone();
        let opened = key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes);
        assert_eq!(opened.expect("opened").len(), TEXT.len());
        bytes
    };

    let mut group = criterion.benchmark_group("64 bytes, bare ring");
    group.throughput(Throughput::Bytes(64));
    group.bench_function("seal", |b| b.iter(seal));
    group.bench_function("open", |b| b.iter(open));
    group.finish();
}
