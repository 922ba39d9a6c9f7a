//! What does an event make, as the user whose it is?

use super::*;

#[tokio::test]
async fn a_message_makes_a_lead_and_a_line_in_the_automation_log() {
    let (_database, service) = setting().await;
    accepted(
        &service,
        &platform(
            Source::Twilio,
            sms("SM1", CUSTOMER, ALICES_NUMBER, "Do you have time on Monday?"),
        ),
    )
    .await;
    let leads = rows(&service, Alice, "/v1/leads").await;
    assert_eq!(leads.len(), 1);
    assert_eq!(leads[0]["name"], "SMS Lead 2661");
    assert_eq!(
        (&leads[0]["phone"], &leads[0]["status"], &leads[0]["source"]),
        (&json!(CUSTOMER), &json!("new"), &json!("SMS"))
    );
    assert_eq!(
        (&leads[0]["summary"], &leads[0]["sentiment"]),
        (&json!("Do you have time on Monday?"), &json!("😐"))
    );
    // The same sender again: the same lead, its summary replaced.
    accepted(
        &service,
        &platform(Source::Twilio, sms("SM2", CUSTOMER, ALICES_NUMBER, "Or Tuesday?")),
    )
    .await;
    let leads = rows(&service, Alice, "/v1/leads").await;
    assert_eq!((leads.len(), &leads[0]["summary"]), (1, &json!("Or Tuesday?")));
    let logs = rows(&service, Alice, "/v1/automation-logs").await;
    assert_eq!(logs.len(), 2);
    let details: Value = serde_json::from_str(logs[1]["details"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&logs[1]["action_type"], &logs[1]["status"]),
        (&json!("sms"), &json!("completed"))
    );
    assert_eq!(details["leadId"], leads[0]["id"]);
    assert_eq!(
        (&details["from"], &details["to"], &details["direction"]),
        (&json!(CUSTOMER), &json!(ALICES_NUMBER), &json!("inbound"))
    );
    // A lead that somebody typed in is found whatever it looks like; withheld and STOP make none.
    service
        .post(
            Alice,
            "/v1/leads",
            &json!({"name": "Typed", "phone": "+1 401 712-2662 (home)", "status": "new", "source": "x"}),
        )
        .await;
    for (sid, from, body) in [
        ("SM3", "anonymous", "who am I"),
        ("SM4", "+266696687", "who am I"),
    ] {
        accepted(
            &service,
            &platform(Source::Twilio, sms(sid, from, ALICES_NUMBER, body)),
        )
        .await;
    }
    let stop = form(&[
        ("MessageSid", "SM5"),
        ("SmsStatus", "received"),
        ("From", "+14017122669"),
        ("To", ALICES_NUMBER),
        ("Body", "STOP"),
        ("OptOutType", "STOP"),
    ]);
    accepted(&service, &platform(Source::Twilio, stop)).await;
    assert_eq!(rows(&service, Alice, "/v1/leads").await.len(), 2);
    assert_eq!(rows(&service, Alice, "/v1/automation-logs").await.len(), 5);
    assert!(rows(&service, Bob, "/v1/leads").await.is_empty());
}

#[tokio::test]
async fn a_call_is_one_row_though_twilio_and_vapi_both_report_it_in_any_order() {
    let (_database, service) = setting().await;
    let recording = form(&[
        ("RecordingSid", "RE1"),
        ("CallSid", "CA1"),
        ("RecordingStatus", "completed"),
        ("RecordingUrl", "https://api.twilio.com/rec/RE1"),
        ("RecordingDuration", "40"),
        ("AccountSid", "AC1"),
    ]);
    let summary = "The caller, my name is Ann Lee, wants an appointment next week";
    let deliveries = [
        platform(
            Source::Twilio,
            call("CA1", "completed", CUSTOMER, ALICES_NUMBER, 3),
        ),
        platform(Source::Twilio, call("CA1", "ringing", CUSTOMER, ALICES_NUMBER, 1)),
        platform(
            Source::Vapi,
            report("vapi-1", Some("CA1"), CUSTOMER, ALICES_NUMBER, summary).to_string(),
        ),
        platform(
            Source::Twilio,
            call("CA1", "in-progress", CUSTOMER, ALICES_NUMBER, 2),
        ),
        platform(Source::Twilio, recording),
    ];
    for delivery in &deliveries {
        accepted(&service, delivery).await;
    }
    let calls = rows(&service, Alice, "/v1/call-logs").await;
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(
        (&calls[0]["phone"], &calls[0]["summary"]),
        (&json!(CUSTOMER), &json!(summary))
    );
    assert_eq!(
        (&calls[0]["sentiment"], &calls[0]["duration"]),
        (&json!("neutral"), &json!(61))
    );
    assert_eq!(calls[0]["recording_url"], "https://api.twilio.com/rec/RE1");
    let logs = rows(&service, Alice, "/v1/automation-logs").await;
    assert_eq!(logs.len(), 1);
    assert_eq!(
        (&logs[0]["action_type"], &logs[0]["status"]),
        (&json!("call"), &json!("completed")),
        "never back to ringing"
    );
    let leads = rows(&service, Alice, "/v1/leads").await;
    assert_eq!(
        (&leads[0]["name"], &leads[0]["source"], &leads[0]["status"]),
        (&json!("Ann Lee"), &json!("Voice"), &json!("new"))
    );
    // Another interested call of the same person: contacted.
    accepted(
        &service,
        &platform(
            Source::Vapi,
            report("vapi-2", None, CUSTOMER, ALICES_NUMBER, "needs a quote").to_string(),
        ),
    )
    .await;
    let leads = rows(&service, Alice, "/v1/leads").await;
    assert_eq!(
        (leads.len(), &leads[0]["status"], &leads[0]["ai_summary"]),
        (1, &json!("contacted"), &json!("needs a quote"))
    );
    assert_eq!(rows(&service, Alice, "/v1/call-logs").await.len(), 2);
    let statuses: Vec<_> = rows(&service, Alice, "/v1/webhook-events")
        .await
        .iter()
        .map(|event| event["status"].clone())
        .collect();
    assert!(
        statuses.iter().all(|status| status == "processed"),
        "{statuses:?}"
    );
}

#[tokio::test]
async fn a_messages_fate_never_moves_backwards() {
    let (_database, service) = setting().await;
    let fate = |status: &str| {
        platform(
            Source::Twilio,
            form(&[
                ("MessageSid", "SM9"),
                ("MessageStatus", status),
                ("SmsStatus", status),
                ("From", ALICES_NUMBER),
                ("To", CUSTOMER),
            ]),
        )
    };
    for status in ["delivered", "queued", "sent", "delivered"] {
        accepted(&service, &fate(status)).await;
    }
    let logs = rows(&service, Alice, "/v1/automation-logs").await;
    assert_eq!(logs.len(), 1);
    let details: Value = serde_json::from_str(logs[0]["details"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&logs[0]["status"], &details["messageStatus"]),
        (&json!("completed"), &json!("delivered"))
    );
}

#[tokio::test]
async fn a_scenario_makes_and_changes_leads_contacts_and_log_lines() {
    let (_database, service) = setting().await;
    let event = |id: &str, kind: &str, data: Value| {
        platform(
            Source::Make,
            json!({"event_id": id, "event_type": kind, "tenant_phone": ALICES_NUMBER, "data": data})
                .to_string(),
        )
    };
    accepted(
        &service,
        &event(
            "1",
            "lead.created",
            json!({"name": "Ann", "phone": "+1 401 712 2661", "summary": "first"}),
        ),
    )
    .await;
    accepted(
        &service,
        &event(
            "2",
            "lead.updated",
            json!({"phone": CUSTOMER, "status": "booked"}),
        ),
    )
    .await;
    let leads = rows(&service, Alice, "/v1/leads").await;
    assert_eq!(
        (leads.len(), &leads[0]["status"], &leads[0]["summary"]),
        (1, &json!("booked"), &json!("first"))
    );
    accepted(
        &service,
        &event(
            "3",
            "contact.created",
            json!({"first_name": "Ann", "email": "Ann@example.com"}),
        ),
    )
    .await;
    accepted(
        &service,
        &event(
            "4",
            "contact.updated",
            json!({"email": "ann@EXAMPLE.com", "company": "Acme"}),
        ),
    )
    .await;
    let contacts = rows(&service, Alice, "/v1/contacts").await;
    assert_eq!((contacts.len(), &contacts[0]["company"]), (1, &json!("Acme")));
    accepted(&service, &event("5", "invoice.sent", json!({"total": 5}))).await;
    let logs = rows(&service, Alice, "/v1/automation-logs").await;
    assert_eq!((logs.len(), &logs[0]["action_type"]), (1, &json!("invoice.sent")));
    // What a row can't do without fails, says why, and stops no scenario.
    let heard = accepted(
        &service,
        &event("6", "lead.created", json!({"name": "No number"})),
    )
    .await;
    assert_eq!(heard.status, 200);
    let failed = rows(&service, Alice, "/v1/webhook-events?status=failed").await;
    assert_eq!(failed[0]["error_message"], "a lead needs data.phone");
}

#[tokio::test]
async fn an_effect_that_fails_is_kept_with_its_reason_and_can_be_replayed() {
    let (database, service) = setting().await;
    let client = database.superuser().await;
    batch(
        &client,
        "alter table leads add constraint no_texts check (source <> 'SMS')",
    )
    .await;
    for sid in ["SM1", "SM2"] {
        let from = format!("+1401712266{}", &sid[2..]);
        accepted(
            &service,
            &platform(Source::Twilio, sms(sid, &from, ALICES_NUMBER, "hi")),
        )
        .await;
    }
    let failed = rows(&service, Alice, "/v1/webhook-events?status=failed").await;
    assert_eq!(failed.len(), 2);
    assert_eq!(
        (&failed[0]["attempts"], &failed[0]["processed_at"]),
        (&json!(1), &Value::Null)
    );
    let reason = failed[0]["error_message"].as_str().unwrap();
    assert!(
        reason.contains("23514") && reason.contains("no_texts"),
        "{reason}"
    );
    assert!(
        !reason.contains("2661") && !reason.contains("hi"),
        "no value: {reason}"
    );
    assert!(
        rows(&service, Alice, "/v1/automation-logs").await.is_empty(),
        "all of it or nothing"
    );

    let path = format!("/v1/webhook-events/{}/replay", failed[0]["id"].as_str().unwrap());
    let again = service.post(Alice, &path, &json!({})).await;
    assert_eq!(
        (again.status, &again.body["status"], &again.body["attempts"]),
        (200, &json!("failed"), &json!(2))
    );
    batch(&client, "alter table leads drop constraint no_texts").await;
    let again = service.post(Alice, &path, &json!({})).await;
    assert_eq!(
        (&again.body["status"], &again.body["error_message"]),
        (&json!("processed"), &Value::Null)
    );
    assert!(
        again.body["payload"]["Body"] == "hi",
        "what was delivered is there"
    );
    assert_eq!(
        service.post(Bob, &path, &json!({})).await.outcome(),
        (404, "MK404")
    );
    let once_more = service.post(Alice, &path, &json!({})).await;
    assert_eq!(
        (once_more.status, &once_more.body),
        (200, &again.body),
        "what is done stays done"
    );
    assert_eq!(rows(&service, Alice, "/v1/leads").await.len(), 1);

    // The other one by an admin, through the login.
    let (login, admin) = (database.login_url(), database.superuser_url());
    let environment = [("ADMIN_DATABASE_URL", admin.as_str()), ("DATABASE_URL", &login)];
    let arguments = ["events", "replay", "--status", "failed", "--since", "1h"];
    let (code, log) = Process::start(&mut mako(&arguments, &environment).await)
        .output()
        .await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("1 events were processed, 0 of them failed"), "{log}");
    assert_eq!(rows(&service, Alice, "/v1/leads").await.len(), 2);
    let (code, list) =
        Process::start(&mut mako(&["events", "list", "--source", "twilio"], &environment).await)
            .output()
            .await;
    assert_eq!((code, list.matches("processed").count()), (Some(0), 2), "{list}");
}

#[tokio::test]
async fn a_softphones_call_is_not_whose_number_it_dials() {
    let (_database, service) = setting().await;
    for status in ["ringing", "completed"] {
        let body = form(&[
            ("CallSid", "CA77"),
            ("AccountSid", "AC1"),
            ("Direction", "inbound"),
            ("From", "client:agent_7"),
            ("To", ALICES_NUMBER),
            ("CallStatus", status),
            ("SequenceNumber", status),
        ]);
        assert!(post(&service, &platform(Source::Twilio, body)).await.status < 300);
    }
    let recording = form(&[
        ("CallSid", "CA77"),
        ("AccountSid", "AC1"),
        ("RecordingSid", "RE77"),
        ("RecordingStatus", "completed"),
        ("RecordingUrl", "https://api.example.com/RE77"),
    ]);
    assert!(post(&service, &platform(Source::Twilio, recording)).await.status < 300);
    for path in ["/v1/call-logs", "/v1/automation-logs", "/v1/webhook-events"] {
        assert_eq!(rows(&service, Alice, path).await, Vec::<Value>::new(), "{path}");
    }
}

#[tokio::test]
async fn a_status_that_names_no_number_joins_its_message() {
    let (_database, service) = setting().await;
    let sent = form(&[
        ("MessageSid", "SM9"),
        ("AccountSid", "AC1"),
        ("From", ALICES_NUMBER),
        ("To", CUSTOMER),
        ("MessageStatus", "sent"),
    ]);
    let failed = form(&[
        ("MessageSid", "SM9"),
        ("AccountSid", "AC1"),
        ("MessageStatus", "undelivered"),
        ("ErrorCode", "30003"),
    ]);
    for body in [sent, failed] {
        assert_eq!(post(&service, &platform(Source::Twilio, body)).await.status, 204);
    }
    let logs = rows(&service, Alice, "/v1/automation-logs").await;
    assert_eq!((logs.len(), &logs[0]["status"]), (1, &"failed".into()));
}

#[tokio::test]
async fn an_event_with_a_value_that_cannot_be_read_fails_by_name_and_changes_nothing() {
    let (_database, service) = setting().await;
    let body = json!({"event_id": "d1", "event_type": "contact.created", "tenant_phone": ALICES_NUMBER,
        "data": {"first_name": "Ann", "email": "ann@example.com", "appointment_date": "next Monday"}});
    assert_eq!(
        post(&service, &platform(Source::Make, body.to_string()))
            .await
            .status,
        200
    );
    let events = rows(&service, Alice, "/v1/webhook-events").await;
    assert_eq!(events[0]["status"], "failed");
    let reason = events[0]["error_message"].as_str().unwrap();
    assert!(
        reason.contains("data.appointment_date") && !reason.contains("Monday"),
        "{reason}"
    );
    assert_eq!(rows(&service, Alice, "/v1/contacts").await, Vec::<Value>::new());
}
