//! Can keys be used and never seen? Saved, listed, checked and revealed to back ends; not to dumps, logs or others.

use reqwest::Method;
use serde_json::{Value, json};
use tests::dump::{dump, dumpable};
use tests::people::Person::{self, Alice, Bob, Mallory};
use tests::postgrest::Postgrest;
use tests::service::Answer;
use tests::{Service, TestDatabase};

/// A key without eight characters in a row that could be anything else.
const KEY: &str = "sk-live-Zq7vXw2KpLr9TnBd4HsJ";

async fn service() -> (TestDatabase, Service) {
    let database = TestDatabase::new().await;
    let service = Service::on(&database).await;
    (database, service)
}

async fn save(service: &Service, person: Person, name: &str, key: &str) -> Answer {
    let saved = service
        .put(person, &format!("/v1/api-keys/{name}"), &json!({"api_key": key}))
        .await;
    assert_eq!(saved.status, 200, "{}", saved.text);
    saved
}

async fn reveal(service: &Service, person: Person, name: &str) -> Answer {
    Answer::of(service.request_for(person, Method::POST, &format!("/v1/api-keys/{name}/reveal"))).await
}

async fn verify(service: &Service, person: Person, name: &str, key: &str) -> Answer {
    service
        .post(
            person,
            &format!("/v1/api-keys/{name}/verify"),
            &json!({"api_key": key}),
        )
        .await
}

/// Eight characters in a row of the key that a text holds.
fn piece_in(text: &str) -> Option<String> {
    let pieces = KEY
        .as_bytes()
        .windows(8)
        .map(|piece| String::from_utf8_lossy(piece));
    pieces
        .into_iter()
        .find(|piece| text.contains(&**piece))
        .map(Into::into)
}

#[tokio::test]
async fn no_piece_of_a_key_is_in_a_dump_a_log_or_an_answer() {
    let (pg_dump, database) = dumpable().await;
    let service = Service::on(&database).await;
    let mut answers = vec![
        save(&service, Alice, "vapi", KEY).await,
        service.get(Alice, "/v1/api-keys").await,
        verify(&service, Alice, "vapi", KEY).await,
        verify(&service, Alice, "vapi", "another").await,
        // Refusals, each in its own way.
        service
            .put(Alice, "/v1/api-keys/stripe", &json!({"api_key": KEY}))
            .await,
        service
            .put(
                Alice,
                "/v1/api-keys/vapi",
                &json!({"api_key": format!("{KEY}\n{KEY}")}),
            )
            .await,
        service
            .put(Alice, "/v1/api-keys/vapi", &json!({"api_key": [KEY]}))
            .await,
        service
            .put(Alice, "/v1/api-keys/vapi", &json!({"api_key": KEY, KEY: KEY}))
            .await,
        service.put(Alice, "/v1/api-keys/vapi", &json!(KEY)).await,
        service.post(Alice, "/v1/api-keys/vapi/reveal", &json!({})).await,
    ];
    let malformed = service
        .request_as(Alice, Method::PUT, "/v1/api-keys/vapi")
        .body(format!("{{\"api_key\": \"{KEY}"));
    answers.push(Answer::of(malformed).await);
    for answer in &answers {
        assert_eq!(piece_in(&answer.text), None, "{}", answer.text);
        assert_eq!(piece_in(&format!("{:?}", answer.headers)), None);
    }
    assert_eq!(
        reveal(&service, Alice, "vapi").await.body,
        json!({"api_key": KEY})
    );

    let dump = dump(pg_dump, &database).await;
    assert!(dump.contains("COPY public.api_keys"), "the dump has the table");
    assert_eq!(piece_in(&dump), None);
    assert!(service.process.log().contains("saveApiKey"));
    assert_eq!(piece_in(&service.process.log()), None);

    let row = database
        .superuser()
        .await
        .query_one("select encrypted_key, key_hash, hint from api_keys", &[])
        .await
        .unwrap();
    let (sealed, hint): (String, String) = (row.get(0), row.get(2));
    assert!(
        sealed.len() > 60
            && sealed
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
    );
    assert_eq!(hint, "4HsJ");
}

#[tokio::test]
async fn a_saved_key_is_listed_by_its_last_four_characters_and_used_again_after_reconnecting() {
    let (_database, service) = service().await;
    assert_eq!(service.get(Alice, "/v1/api-keys").await.body, json!({"data": []}));
    let saved = save(&service, Alice, "vapi", &format!("  {KEY}\n")).await;
    assert_eq!(saved.body["hint"], "4HsJ", "white space is cut");
    assert_eq!(saved.body["last_used_at"], Value::Null);
    save(&service, Alice, "HubSpot", "short-key").await;
    let list = service.get(Alice, "/v1/api-keys").await.body;
    let names: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["service_name"])
        .collect();
    assert_eq!(names, ["hubspot", "vapi"]);
    assert_eq!(list["data"][0]["hint"], Value::Null, "a short key gives no hint");
    assert_eq!(list["data"][1], saved.body);

    assert_eq!(service.delete(Alice, "/v1/api-keys/vapi").await.status, 204);
    assert_eq!(
        service.delete(Alice, "/v1/api-keys/vapi").await.status,
        204,
        "twice is as good as once"
    );
    assert_eq!(
        service.get(Alice, "/v1/api-keys").await.body["data"][1]["is_active"],
        false
    );
    assert_eq!(
        reveal(&service, Alice, "vapi").await.outcome(),
        (409, "MK_NOT_CONNECTED")
    );
    assert_eq!(
        save(&service, Alice, "vapi", "another-key-of-some-length")
            .await
            .body["is_active"],
        true
    );
    assert_eq!(
        reveal(&service, Alice, "vapi").await.body["api_key"],
        "another-key-of-some-length"
    );
    let used = service.get(Alice, "/v1/api-keys").await.body["data"][1]["last_used_at"].clone();
    assert!(used.is_string(), "use moves it");

    assert_eq!(
        service.delete(Alice, "/v1/api-keys/vapi?purge=true").await.status,
        204
    );
    assert_eq!(
        service.delete(Alice, "/v1/api-keys/vapi").await.outcome(),
        (404, "MK404")
    );
    assert_eq!(
        service.get(Alice, "/v1/api-keys").await.body["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn another_tenants_key_is_not_there() {
    let (database, service) = service().await;
    save(&service, Alice, "vapi", KEY).await;
    save(&service, Bob, "twilio", "bobs-own-key-of-some-length").await;
    for answer in [
        reveal(&service, Bob, "vapi").await,
        verify(&service, Bob, "vapi", KEY).await,
        service.delete(Bob, "/v1/api-keys/vapi").await,
        service.delete(Bob, "/v1/api-keys/vapi?purge=true").await,
    ] {
        assert_eq!(answer.outcome(), (404, "MK404"));
    }
    let list = service.get(Bob, "/v1/api-keys").await.body;
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    // Saving one's own replaces nobody else's.
    save(&service, Bob, "vapi", "bobs-vapi-key-of-some-length").await;
    assert_eq!(reveal(&service, Alice, "vapi").await.body["api_key"], KEY);
    let rows: i64 = database
        .superuser()
        .await
        .query_one("select count(*) from api_keys", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(rows, 3);
}

#[tokio::test]
async fn only_a_back_end_that_names_a_user_is_told_a_key() {
    let (_database, service) = service().await;
    save(&service, Alice, "vapi", KEY).await;
    let path = "/v1/api-keys/vapi/reveal";
    assert_eq!(
        service.post(Alice, path, &json!({})).await.outcome(),
        (403, "MK403")
    );
    // A user who names somebody else is still only that user.
    let named = service
        .request_as(Mallory, Method::POST, path)
        .header("x-mako-user", Alice.id());
    assert_eq!(Answer::of(named).await.outcome(), (403, "MK403"));
    let nameless = service
        .request(Method::POST, path)
        .bearer_auth(tests::people::service_token());
    assert_eq!(Answer::of(nameless).await.outcome(), (403, "MK403"));
    assert_eq!(
        Answer::of(service.request(Method::POST, path)).await.outcome(),
        (401, "PGRST302")
    );
    assert_eq!(reveal(&service, Mallory, "vapi").await.outcome(), (404, "MK404"));
    assert_eq!(reveal(&service, Alice, "vapi").await.body["api_key"], KEY);
}

#[tokio::test]
async fn what_cannot_be_a_key_is_refused_and_the_saved_one_stays() {
    let (_database, service) = service().await;
    save(&service, Alice, "vapi", KEY).await;
    let refusals = [
        json!({"api_key": ""}),
        json!({"api_key": " \t\n "}),
        json!({"api_key": "a\u{0}b"}),
        json!({"api_key": "a\nb"}),
        json!({"api_key": "a\u{7f}b"}),
        json!({"api_key": "k".repeat(8 * 1024 + 1)}),
        json!({"api_key": 5}),
        json!({"api_key": null}),
        json!({}),
        json!([]),
    ];
    for body in refusals {
        let refused = service.put(Alice, "/v1/api-keys/vapi", &body).await;
        assert_eq!(refused.outcome(), (422, "MK422"), "{}", refused.text);
    }
    save(&service, Alice, "make", &"k".repeat(8 * 1024)).await;
    assert_eq!(
        reveal(&service, Alice, "make").await.body["api_key"],
        "k".repeat(8 * 1024)
    );
    assert_eq!(reveal(&service, Alice, "vapi").await.body["api_key"], KEY);
    let unknown = service
        .put(Alice, "/v1/api-keys/stripe", &json!({"api_key": KEY}))
        .await;
    assert_eq!(unknown.outcome(), (422, "MK422"));
    let details = unknown.body["details"].as_str().unwrap();
    for name in [
        "vapi",
        "twilio",
        "make",
        "hubspot",
        "salesforce",
        "pipedrive",
        "zoho",
        "monday",
    ] {
        assert!(details.contains(name), "{details}");
    }
}

#[tokio::test]
async fn a_key_that_was_moved_or_changed_never_opens() {
    let (database, service) = service().await;
    save(&service, Alice, "vapi", KEY).await;
    save(&service, Alice, "twilio", "another-key-of-some-length").await;
    save(&service, Bob, "vapi", "bobs-own-key-of-some-length").await;
    let client = database.superuser().await;
    let sealed = "select encrypted_key from api_keys where user_id = $1 and service_name = $2";
    let of = async |person: Person, name: &str| -> String {
        client
            .query_one(sealed, &[&person.id(), &name])
            .await
            .unwrap()
            .get(0)
    };
    let (alices_vapi, bobs_vapi) = (of(Alice, "vapi").await, of(Bob, "vapi").await);
    let mut values = vec![
        of(Alice, "twilio").await,
        bobs_vapi,
        alices_vapi[..40].to_owned(),
        "AAAA:BBBB:CCCC".to_owned(),
        "not base64 at all".to_owned(),
        String::new(),
    ];
    // Every seventh character replaced by another; `seal`'s own tests do it to every byte.
    values.extend((0..alices_vapi.len()).step_by(7).map(|at| {
        let mut changed = alices_vapi.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(changed).unwrap()
    }));
    let set = "update api_keys set encrypted_key = $3 where user_id = $1 and service_name = $2";
    let mut answers = Vec::new();
    for value in &values {
        client.execute(set, &[&Alice.id(), &"vapi", value]).await.unwrap();
        let mut answer = reveal(&service, Alice, "vapi").await;
        assert_eq!(answer.outcome(), (409, "MK_KEY_UNREADABLE"), "{value}");
        answer.body["request_id"] = Value::Null;
        answers.push(answer.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "always the same error");
    client
        .execute(set, &[&Alice.id(), &"vapi", &alices_vapi])
        .await
        .unwrap();
    assert_eq!(
        reveal(&service, Alice, "vapi").await.body["api_key"],
        KEY,
        "what is put back opens again"
    );
}

#[tokio::test]
async fn a_stolen_table_allows_no_guessing() {
    let (database, service) = service().await;
    save(&service, Alice, "vapi", "guessable").await;
    save(&service, Bob, "vapi", "guessable").await;
    let rows = database
        .superuser()
        .await
        .query("select key_hash, encrypted_key from api_keys", &[])
        .await
        .unwrap();
    // SHA-256 of the text `guessable`, as the CRM would have kept it.
    let bare = "766c4916d0e07b3798accadc3d3ccaa0a2c2e5bd6b2f26523b14ff68a15bb459";
    let hashes: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(hashes.iter().all(|hash| !hash.contains(bare)), "no bare hash");
    assert_ne!(
        hashes[0], hashes[1],
        "not even that two users have the same key shows"
    );
    assert_ne!(rows[0].get::<_, String>(1), rows[1].get::<_, String>(1));
    assert_eq!(
        verify(&service, Alice, "vapi", " guessable ").await.body,
        json!({"matches": true})
    );
    assert_eq!(
        verify(&service, Alice, "vapi", "guessable2").await.body,
        json!({"matches": false})
    );
    assert_eq!(
        verify(&service, Alice, "make", "guessable").await.outcome(),
        (404, "MK404")
    );
}

#[tokio::test]
async fn postgrest_shows_the_owner_everything_but_the_sealed_key() {
    let (database, service) = service().await;
    save(&service, Alice, "vapi", KEY).await;
    let postgrest = Postgrest::on(&database).await;
    let listed = postgrest
        .get(Alice, "/api_keys?select=service_name,is_active,hint")
        .await;
    assert_eq!(
        listed.body,
        json!([{"service_name": "vapi", "is_active": true, "hint": "4HsJ"}])
    );
    for columns in ["encrypted_key", "*", "key_hash", "sealed_by"] {
        let refused = postgrest.get(Alice, &format!("/api_keys?select={columns}")).await;
        assert_eq!(refused.outcome(), (403, "42501"), "{columns}: {}", refused.text);
    }
    for request in [
        postgrest
            .request(Alice, Method::PATCH, "/api_keys")
            .json(&json!({"encrypted_key": "x"})),
        postgrest
            .request(Alice, Method::POST, "/api_keys")
            .json(&json!({"service_name": "make", "encrypted_key": "x"})),
    ] {
        assert_eq!(Answer::of(request).await.outcome(), (403, "42501"));
    }
    assert_eq!(
        postgrest.get(Bob, "/api_keys?select=service_name").await.body,
        json!([])
    );
}
