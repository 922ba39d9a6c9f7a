//! Does another implementation agree, both ways? Node's crypto, by `tests/data/node_seal.mjs`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use seal::legacy::LegacyKey;
use seal::{KeyRing, Slot};
use serde_json::{Value, json};

use crate::support::{ALICE, KEY, any_parts, master, random_key, ring, secret, slot};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/node_seal.mjs");
const COMMITTED: &str = include_str!("../data/vectors.json");

/// Fails without Node: a check that is passed over checks nothing.
fn node(arguments: &[&str], input: &str) -> String {
    let mut node = Command::new("node")
        .arg(SCRIPT)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs `node` on the PATH");
    let mut stdin = node.stdin.take().expect("piped");
    stdin.write_all(input.as_bytes()).expect("written");
    drop(stdin);
    let output = node.wait_with_output().expect("ended");
    assert!(output.status.success(), "node failed: see its message above");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn answers(jobs: &[Value]) -> Vec<Value> {
    let out = node(&[], &Value::from(jobs).to_string());
    let answers: Vec<Value> = serde_json::from_str(&out).expect("a list");
    assert_eq!(answers.len(), jobs.len());
    answers
}

fn str(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn slot_in(value: &Value) -> Slot<'_> {
    Slot {
        table: str(&value["table"]),
        column: str(&value["column"]),
        user: str(&value["user"]),
        row: str(&value["row"]),
    }
}

fn slot_json(slot: &Slot<'_>) -> Value {
    json!({"table": slot.table, "column": slot.column, "user": slot.user, "row": slot.row})
}

fn ring_of(case: &Value) -> KeyRing {
    ring(&master(str(&case["master"])), &[])
}

fn list(vectors: &Value, name: &str) -> Vec<Value> {
    let list = vectors[name].as_array().expect("a list").clone();
    assert!(!list.is_empty());
    list
}

#[test]
fn node_computes_the_committed_answers_again() {
    assert_eq!(node(&["vectors"], ""), COMMITTED);
}

#[test]
fn the_committed_answers_are_ours() {
    let vectors: Value = serde_json::from_str(COMMITTED).unwrap();
    for key in list(&vectors, "masters") {
        assert_eq!(master(str(&key["master"])).id().to_string(), str(&key["id"]));
    }
    for case in list(&vectors, "sealed") {
        let (ring, slot) = (ring_of(&case), slot_in(&case["slot"]));
        let opened = ring.open(&slot, str(&case["sealed"])).unwrap();
        assert_eq!(opened.expose(), str(&case["secret"]));
        assert_eq!(seal::key_id(str(&case["sealed"])), Some(ring.current()));
        assert_eq!(ring.fingerprint(&slot, &opened), str(&case["fingerprint"]));
    }
    let legacy = list(&vectors, "legacy");
    let key = LegacyKey::derive(str(&legacy[0]["encryption_key"]));
    for case in legacy {
        assert_eq!(
            key.open(str(&case["value"])).unwrap().expose(),
            str(&case["secret"])
        );
    }
}

/// Slots and secrets of every kind, each with a key of its own.
fn cases() -> Vec<Value> {
    let mut runner = TestRunner::deterministic();
    let mut any = |secret: String| {
        let parts = proptest::strategy::Strategy::new_tree(&any_parts(), &mut runner).expect("parts");
        json!({"master": *random_key().to_hex(), "slot": slot_json(&slot(&parts.current())), "secret": secret})
    };
    let mut cases: Vec<_> = (0..=48).map(|length| any("k".repeat(length))).collect();
    cases.extend([KEY, "clé 🔑", "\0\u{7f}\r\n"].map(|text| any(text.to_owned())));
    cases.push(any("8 KB of it ".repeat(8192 / 11)));
    cases
}

fn with(case: &Value, more: &Value) -> Value {
    let mut job = case.as_object().expect("an object").clone();
    job.extend(more.as_object().expect("an object").clone());
    Value::from(job)
}

#[test]
fn node_opens_what_we_seal() {
    let cases = cases();
    let jobs: Vec<_> = cases
        .iter()
        .map(|case| {
            let sealed = ring_of(case).seal(&slot_in(&case["slot"]), &secret(str(&case["secret"])));
            with(case, &json!({"do": "open", "sealed": sealed.unwrap()}))
        })
        .collect();
    for (answer, case) in answers(&jobs).iter().zip(&cases) {
        assert_eq!(answer, &case["secret"], "{}", case["slot"]);
    }
}

#[test]
fn node_opens_nothing_for_another_slot() {
    let ours = ring(&random_key(), &[]);
    let key = random_key();
    let sealed = ring(&key, &[]).seal(&ALICE, &secret(KEY)).unwrap();
    let job = |master: &str, slot: &Slot<'_>| json!({"do": "open", "master": master, "slot": slot_json(slot), "sealed": sealed});
    let other = Slot {
        row: "twilio",
        ..ALICE
    };
    let answers = answers(&[job(&key.to_hex(), &ALICE), job(&key.to_hex(), &other)]);
    assert_eq!(answers, [json!(KEY), Value::Null]);
    assert!(ours.open(&ALICE, &sealed).is_err());
}

#[test]
fn we_open_what_node_seals() {
    let cases = cases();
    let jobs: Vec<_> = cases
        .iter()
        .map(|case| with(case, &json!({"do": "seal"})))
        .collect();
    for (answer, case) in answers(&jobs).iter().zip(&cases) {
        let opened = ring_of(case).open(&slot_in(&case["slot"]), str(answer)).unwrap();
        assert_eq!(opened.expose(), str(&case["secret"]));
    }
}

#[test]
fn key_ids_and_fingerprints_are_nodes() {
    let cases = cases();
    let jobs = |what: &str| {
        let jobs: Vec<_> = cases
            .iter()
            .map(|case| with(case, &json!({"do": what})))
            .collect();
        answers(&jobs)
    };
    for (answer, case) in jobs("fingerprint").iter().zip(&cases) {
        let text = secret(str(&case["secret"]));
        assert_eq!(
            ring_of(case).fingerprint(&slot_in(&case["slot"]), &text),
            str(answer)
        );
        assert_eq!(
            ring_of(case).matches(&slot_in(&case["slot"]), &text, str(answer)),
            Some(true)
        );
    }
    for (answer, case) in jobs("keyId").iter().zip(&cases) {
        assert_eq!(ring_of(case).current().to_string(), str(answer));
    }
}

#[test]
fn we_open_what_the_crm_sealed() {
    let encryption_key = random_key().to_hex();
    let secrets: Vec<_> = cases().iter().map(|case| case["secret"].clone()).collect();
    let jobs: Vec<_> = secrets
        .iter()
        .map(|secret| json!({"do": "legacySeal", "encryption_key": *encryption_key, "secret": secret}))
        .collect();
    let key = LegacyKey::derive(&encryption_key);
    for (answer, secret) in answers(&jobs).iter().zip(&secrets) {
        assert!(seal::legacy::is_legacy(str(answer)));
        assert_eq!(seal::key_id(str(answer)), None);
        assert_eq!(key.open(str(answer)).unwrap().expose(), str(secret));
    }
}
