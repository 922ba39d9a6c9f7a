//! Where the fuzzer comes in: whatever arrives, nothing panics, and what is made of it keeps its promises.
//!
//! `fuzz/fuzz_targets/deliveries.rs` includes this file.

use chrono::DateTime;
use webhooks::{
    Answer, Auth, Delivery, Event, Freshness, PhoneNumber, Secret, Source, Verified, Zone, leads, parse,
    redact, verify,
};

/// The first byte chooses source and method, the rest is a body, or an address and a body behind a NUL.
pub(crate) fn deliver(input: &[u8]) {
    let (&choice, rest) = input.split_first().unwrap_or((&0, b""));
    let source = Source::ALL[usize::from(choice) % 3];
    let method = if choice & 4 == 0 { "POST" } else { "GET" };
    let (address, body) = if choice & 8 == 0 {
        ("https://hooks.example.com/webhooks/x/y".into(), rest)
    } else {
        let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
        let body = rest.get(end + 1..).unwrap_or_default();
        (String::from_utf8_lossy(&rest[..end]).into_owned(), body)
    };
    let kind = ["application/json", "application/x-www-form-urlencoded"][usize::from(choice >> 4 & 1)];
    let headers = [
        ("content-type", kind),
        ("x-twilio-signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("x-vapi-secret", "wrong"),
        ("x-make-apikey", "wrong"),
    ];
    let delivery = Delivery::new(source, method, &address, headers, body);

    let key = Secret::new("a-secret-of-this-test".into()).ok();
    let keys: Vec<Secret> = key.into_iter().collect();
    let now = DateTime::from_timestamp(1_795_342_272, 0).unwrap_or_default();
    assert!(verify(delivery.clone(), &Auth::default_of(source), &keys, now).is_err());
    if let Ok(configuration) = serde_json::from_slice(body) {
        let _ = Auth::from_json(source, &configuration);
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "behind a signature there is more to reach"
    )]
    let proof = Verified::assert_verified(delivery);
    for recorded in redact(&proof, Zone::default())
        .into_iter()
        .flat_map(|records| records.each)
    {
        let payload = recorded.get().payload().to_string();
        assert!(payload.len() <= 256 * 1024);
        assert!(!payload.replace(r"\\", "").contains(r"\u0000"));
        check(&parse(&recorded));
    }
}

fn check(event: &Event) {
    assert!(!event.dedupe_key.is_empty() && event.dedupe_key.chars().count() <= 200);
    assert!(event.event_type.chars().count() <= 100);
    for number in event.tenant_numbers().chain(event.customer_number()) {
        let text = number.as_str();
        assert!(PhoneNumber::parse(text).as_ref() == Some(number));
        assert!(
            matches!(text.len(), 3..=16) && text.trim_start_matches('+').bytes().all(|b| b.is_ascii_digit())
        );
    }
    let _ = Answer::to(event, Freshness::First).body();
    if let webhooks::Kind::CallReport(report) = &event.kind {
        let summary = report.summary.as_deref().unwrap_or_default();
        let _ = leads::shows_interest(summary);
        assert!(leads::name_in(summary).is_none_or(|name| !name.is_empty() && name.chars().count() <= 100));
        assert!(report.duration.is_none_or(|seconds| seconds >= 0));
    }
}
