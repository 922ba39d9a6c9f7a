//! Do we agree with the official libraries?
//!
//! The scripts in `tests/node` sign with the packages that `tests/package.json` pins.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};
use webhooks::{Auth, Delivery, Source, VerificationError, sign, verify};

use crate::support::{NOW, at, auth, now, secret, twilio};

/// Where npm put the packages; installed if CI or a developer hasn't done so.
fn node_modules() -> &'static Path {
    static MODULES: OnceLock<PathBuf> = OnceLock::new();
    MODULES.get_or_init(|| {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests");
        let modules = tests.join("node_modules");
        if !modules.join("twilio/package.json").exists()
            || !modules.join("standardwebhooks/package.json").exists()
        {
            let mut npm = Command::new("npm");
            npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
            let done = npm.current_dir(&tests).output().expect("npm is installed");
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "npm ci: {said}");
        }
        modules.canonicalize().unwrap()
    })
}

/// The JSON lines that a script prints.
fn node(script: &str, arguments: &[&str]) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/node")
        .join(script);
    let mut node = Command::new("node");
    node.arg(script).arg(node_modules()).args(arguments);
    let done = node.output().expect("node is installed");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    let lines = String::from_utf8(done.stdout).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn text<'a>(line: &'a Value, name: &str) -> &'a str {
    line[name].as_str().unwrap()
}

fn request(line: &Value) -> Delivery {
    let kind = if line["json"] == true {
        "application/json"
    } else {
        "application/x-www-form-urlencoded"
    };
    let headers = [
        ("x-twilio-signature", text(line, "signature")),
        ("content-type", kind),
    ];
    Delivery::new(
        Source::Twilio,
        "POST",
        text(line, "url"),
        headers,
        text(line, "body"),
    )
}

#[test]
fn ten_thousand_requests_signed_by_the_twilio_sdk_verify_and_none_with_a_changed_byte() {
    let lines = node("twilio.js", &["10000", "20261125"]);
    assert_eq!(lines.len(), 10_000);
    for line in &lines {
        let (right, wrong) = (&line[0], &line[1]);
        let verdict = twilio(request(right), text(right, "token"));
        assert!(verdict.is_ok(), "{:?}: {right}", verdict.err());
        let verdict = twilio(request(wrong), text(wrong, "token"));
        assert!(verdict.is_err(), "{wrong}");
    }
}

#[test]
fn we_sign_twilios_requests_as_its_sdk_does() {
    for line in node("twilio.js", &["500", "7"]) {
        let right = &line[0];
        let token = secret(text(right, "token"));
        let signed = sign(request(right), &Auth::Twilio, &token, "", now()).unwrap();
        assert!(verify(signed, &Auth::Twilio, &[token], now()).is_ok(), "{right}");
    }
}

#[test]
fn what_the_standard_webhooks_library_signs_verifies_and_we_sign_alike() {
    let auth = auth(Source::Vapi, &json!({"type": "standard_webhooks"}));
    for line in node("standardwebhooks.js", &["1000", &NOW.to_string()]) {
        let (id, timestamp, signature) = (
            text(&line, "id"),
            text(&line, "timestamp"),
            text(&line, "signature"),
        );
        let headers = [
            ("webhook-id", id),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", signature),
        ];
        let delivery = Delivery::new(Source::Vapi, "POST", "https://h/", headers, text(&line, "body"));
        let key = secret(text(&line, "secret"));
        let verdict = verify(delivery.clone(), &auth, std::slice::from_ref(&key), now());
        assert!(verdict.is_ok(), "{:?}: {line}", verdict.err());

        let ours = sign(delivery.clone(), &auth, &key, id, at(timestamp.parse().unwrap())).unwrap();
        let ours = ours
            .headers()
            .find(|(name, _)| *name == "webhook-signature")
            .unwrap()
            .1
            .to_owned();
        assert_eq!(ours, signature);

        for (name, value) in [
            ("webhook-id", "msg_other"),
            ("webhook-timestamp", &NOW.wrapping_add(1000).to_string()),
        ] {
            let changed = delivery.clone().with_header(name, value);
            let verdict = verify(changed, &auth, std::slice::from_ref(&key), now());
            assert!(matches!(verdict, Err(VerificationError::Wrong { .. })), "{name}");
        }
    }
}
