//! Is one person one row, and one call one row, in whatever way a provider writes their names?

use super::*;

/// A scenario's event about somebody, on alice's number.
fn scenario(id: &str, kind: &str, data: &Value) -> Delivery {
    let event = json!({"event_id": id, "event_type": kind, "tenant_phone": ALICES_NUMBER, "data": data});
    platform(Source::Make, event.to_string())
}

#[tokio::test]
async fn a_contact_is_one_however_the_number_is_written() {
    let (_database, service) = setting().await;
    let spellings = [
        json!("+918888801042"),
        json!("918888801042"),
        json!("\u{202a}+91 88888 01042\u{202c}"),
        json!(918_888_801_042_i64),
        json!("+91-88888-01042"),
    ];
    for (n, phone) in spellings.iter().enumerate() {
        let data = json!({"first_name": "Asha", "phone": phone, "notes": n});
        accepted(&service, &scenario(&n.to_string(), "contact.updated", &data)).await;
    }
    let contacts = rows(&service, Alice, "/v1/contacts").await;
    assert_eq!(contacts.len(), 1, "{contacts:?}");
    assert_eq!(
        (&contacts[0]["phone"], &contacts[0]["notes"]),
        (&json!("+918888801042"), &json!("4")),
        "changed, and the number as it was"
    );
    // Found by the address, a contact gets the number that is new.
    for (id, phone) in [("a", "+14017122661"), ("b", "+14017122662")] {
        let data = json!({"first_name": "Ann", "email": "ann@example.com", "phone": phone});
        accepted(&service, &scenario(id, "contact.updated", &data)).await;
    }
    let found = rows(&service, Alice, "/v1/contacts?email=ann@example.com").await;
    assert_eq!((found.len(), &found[0]["phone"]), (1, &json!("+14017122662")));
}

#[tokio::test]
async fn whoever_has_no_number_is_nobody_elses_contact() {
    let (_database, service) = setting().await;
    for (n, phone) in ["ext. 12", "ask Ann", "n/a"].into_iter().enumerate() {
        let data = json!({"first_name": format!("P{n}"), "phone": phone});
        accepted(&service, &scenario(&n.to_string(), "contact.created", &data)).await;
    }
    assert_eq!(rows(&service, Alice, "/v1/contacts").await.len(), 3);
}

#[tokio::test]
async fn a_lead_is_found_by_both_spellings_of_a_mobile_number() {
    let (_database, service) = setting().await;
    for (typed, sent) in [
        ("+52 55 1234 5678", "whatsapp:+5215512345678"),
        ("+5215587654321", "+525587654321"),
        ("+5511987654321", "whatsapp:+551187654321"),
        ("+55 21 8765-4321", "+5521987654321"),
        ("+5491123456789", "+541123456789"),
    ] {
        let lead = json!({"name": typed, "phone": typed, "status": "new", "source": "x"});
        assert_eq!(service.post(Alice, "/v1/leads", &lead).await.status, 201);
        let message = sms(&format!("SM{typed}"), sent, ALICES_NUMBER, "hola");
        accepted(&service, &platform(Source::Twilio, message)).await;
    }
    let leads = rows(&service, Alice, "/v1/leads").await;
    assert_eq!(leads.len(), 5, "{leads:?}");
    assert!(leads.iter().all(|lead| lead["summary"] == "hola"), "{leads:?}");
}

#[tokio::test]
async fn an_event_finds_its_tenant_by_both_spellings_of_the_tenants_number() {
    let (database, service) = setting().await;
    let verified = |phone: &str, person: Person| {
        format!(
            "insert into user_phone_numbers (user_id, phone, verified_at) values ('{}', '{phone}', now());",
            person.id()
        )
    };
    let numbers = [("+525512345678", Alice), ("+5491123456789", Bob)];
    let numbers = numbers.map(|(phone, person)| verified(phone, person)).concat();
    batch(&database.superuser().await, &numbers).await;
    for (sid, to) in [
        ("SM1", "whatsapp:+5215512345678"),
        ("SM2", "+525512345678"),
        ("SM3", "+541123456789"),
    ] {
        accepted(
            &service,
            &platform(Source::Twilio, sms(sid, CUSTOMER, to, "hola")),
        )
        .await;
    }
    // Also what came before the number was assigned.
    accepted(
        &service,
        &platform(Source::Twilio, sms("SM4", CUSTOMER, "+551187654321", "oi")),
    )
    .await;
    let admin = database.superuser_url();
    let environment = [("ADMIN_DATABASE_URL", admin.as_str())];
    let assign = [
        "numbers",
        "assign",
        "+5511987654321",
        "--user",
        Bob.id(),
        "--backfill",
    ];
    let (code, log) = Process::start(&mut mako(&assign, &environment).await)
        .output()
        .await;
    assert_eq!(code, Some(0), "{log}");
    for person in [Alice, Bob] {
        assert_eq!(
            rows(&service, person, "/v1/webhook-events").await.len(),
            2,
            "{person:?}"
        );
    }
}

#[tokio::test]
async fn short_codes_and_named_senders_are_logged_and_make_no_lead() {
    let (_database, service) = setting().await;
    for (n, sender) in ["32665", "ACME", "whatsapp:32665"].into_iter().enumerate() {
        let message = sms(&format!("SM{n}"), sender, ALICES_NUMBER, "Your code is 1");
        accepted(&service, &platform(Source::Twilio, message)).await;
    }
    let call = report("v1", None, "32665", ALICES_NUMBER, "wants an appointment");
    accepted(&service, &platform(Source::Vapi, call.to_string())).await;
    assert!(rows(&service, Alice, "/v1/leads").await.is_empty());
    assert_eq!(rows(&service, Alice, "/v1/automation-logs").await.len(), 3);
    let calls = rows(&service, Alice, "/v1/call-logs").await;
    assert_eq!((calls.len(), &calls[0]["phone"]), (1, &json!("32665")));
}

#[tokio::test]
async fn a_call_is_one_row_if_vapi_names_it_by_its_transport_only() {
    let (_database, service) = setting().await;
    let mut ended = report("v1", None, CUSTOMER, ALICES_NUMBER, "hi");
    ended["message"]["call"]["transport"] =
        json!({"provider": "twilio", "callSid": "CA1", "accountSid": "AC1", "callToken": "s3cret"});
    accepted(&service, &platform(Source::Vapi, ended.to_string())).await;
    let completed = call("CA1", "completed", CUSTOMER, ALICES_NUMBER, 3);
    accepted(&service, &platform(Source::Twilio, completed)).await;
    assert_eq!(rows(&service, Alice, "/v1/call-logs").await.len(), 1);
    let events = rows(&service, Alice, "/v1/webhook-events?source=vapi").await;
    let path = format!("/v1/webhook-events/{}", events[0]["id"].as_str().unwrap());
    let kept = service.get(Alice, &path).await;
    assert!(!kept.text.contains("s3cret"), "{}", kept.text);
}

/// A recording that names both ends, as an app hands one on.
fn recording(sid: &str, call: &str, from: &str, to: &str) -> Delivery {
    let body = form(&[
        ("RecordingSid", sid),
        ("RecordingStatus", "completed"),
        ("RecordingUrl", "https://api.example.com/rec"),
        ("CallSid", call),
        ("AccountSid", "AC1"),
        ("From", from),
        ("To", to),
    ]);
    platform(Source::Twilio, body)
}

#[tokio::test]
async fn a_recording_that_names_the_tenants_number_is_the_tenants() {
    let (_database, service) = setting().await;
    accepted(&service, &recording("RE1", "CA1", CUSTOMER, ALICES_NUMBER)).await;
    accepted(&service, &recording("RE2", "CA2", ALICES_NUMBER, CUSTOMER)).await;
    let calls = rows(&service, Alice, "/v1/call-logs").await;
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call["recording_url"].is_string()));
}

#[tokio::test]
async fn a_recording_that_names_two_tenants_is_nobodys_until_its_call_is_known() {
    let (database, service) = setting().await;
    let bobs_number = "+15005550002";
    let verified = format!(
        "insert into user_phone_numbers (user_id, phone, verified_at) values ('{}', '{bobs_number}', now())",
        Bob.id()
    );
    batch(&database.superuser().await, &verified).await;
    accepted(&service, &recording("RE1", "CA1", ALICES_NUMBER, bobs_number)).await;
    for person in [Alice, Bob] {
        assert!(rows(&service, person, "/v1/webhook-events").await.is_empty());
    }
    // Also for an admin who gives one of the two again what its number has waited for.
    let admin = database.superuser_url();
    let environment = [("ADMIN_DATABASE_URL", admin.as_str())];
    let assign = ["numbers", "assign", bobs_number, "--user", Bob.id(), "--backfill"];
    let (code, log) = Process::start(&mut mako(&assign, &environment).await)
        .output()
        .await;
    assert_eq!(code, Some(0), "{log}");
    assert!(rows(&service, Bob, "/v1/webhook-events").await.is_empty());
    let placed = form(&[
        ("CallSid", "CA1"),
        ("CallStatus", "completed"),
        ("AccountSid", "AC1"),
        ("Direction", "outbound-api"),
        ("From", ALICES_NUMBER),
        ("To", bobs_number),
    ]);
    accepted(&service, &platform(Source::Twilio, placed)).await;
    assert_eq!(rows(&service, Alice, "/v1/webhook-events").await.len(), 2);
    // The call is known now: what comes later is alice's at once.
    accepted(&service, &recording("RE2", "CA1", ALICES_NUMBER, bobs_number)).await;
    assert_eq!(rows(&service, Alice, "/v1/webhook-events").await.len(), 3);
    for path in ["/v1/webhook-events", "/v1/call-logs"] {
        assert!(rows(&service, Bob, path).await.is_empty(), "{path}");
    }
}
