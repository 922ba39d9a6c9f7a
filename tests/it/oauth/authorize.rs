//! Who begins an authorisation finishes it, once, with the browser that began; nobody else's account is connected.

use reqwest::Url;
use serde_json::json;
use tests::authorization_server::{AuthorizationServer, BASE_URL};
use tests::people::Person::{self, Alice, Bob};
use tests::service::Answer;
use tests::{Service, TestDatabase};

use super::{PAGE, authorize_url, begin, come_back, connect, connection, service, state};

const BROWSER: (&str, &str) = (
    "user-agent",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
);

#[tokio::test]
async fn a_granted_access_is_its_users_connection_and_works_at_the_relay() {
    let (database, server) = (TestDatabase::new().await, AuthorizationServer::start(&[]).await);
    let service = service(&database, &server).await;
    connect(&service, &server, Alice).await;
    let made = connection(&service, Alice, "hubspot").await;
    assert_eq!(
        (&made["status"], &made["kind"], &made["last_error"]),
        (&json!("connected"), &json!("oauth"), &json!(null)),
        "{made}"
    );
    assert!(made["expires_at"].is_string(), "{made}");
    assert_eq!(
        made["scopes"],
        json!(["oauth", "crm.objects.contacts.read", "crm.objects.contacts.write"])
    );
    let relayed = service.get(Alice, "/v1/relay/hubspot/contacts").await;
    assert_eq!(relayed.status, 200, "{}", relayed.text);
    assert_eq!(connection(&service, Bob, "hubspot").await["status"], "none");
    assert_eq!(
        service.get(Bob, "/v1/relay/hubspot/contacts").await.outcome(),
        (409, "MK_NOT_CONNECTED")
    );
    let keys = service.get(Alice, "/v1/api-keys").await;
    assert_eq!(keys.body["data"][0]["hint"], json!(null), "{}", keys.text);
}

#[tokio::test]
async fn the_address_has_what_the_provider_needs_and_nothing_of_the_secret() {
    let (database, server) = (TestDatabase::new().await, AuthorizationServer::start(&[]).await);
    let service = service(&database, &server).await;
    let begun = begin(&service, Alice, "hubspot").await;
    let url = Url::parse(authorize_url(&begun)).unwrap();
    let pairs: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(url.path(), "/oauth/authorize");
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "mako"),
        ("redirect_uri", "https://api.crm.example/oauth/callback"),
        ("code_challenge_method", "S256"),
        (
            "scope",
            "oauth crm.objects.contacts.read crm.objects.contacts.write",
        ),
    ] {
        assert_eq!(pairs[name], value);
    }
    assert!(
        !url.as_str().contains("s3cret") && !url.as_str().contains(Alice.id()),
        "{url}"
    );
    let cookie = begun.header("set-cookie");
    for part in [
        "__Host-mako-oauth-hubspot=",
        "Path=/;",
        "Secure",
        "HttpOnly",
        "SameSite=Lax",
        "Max-Age=600",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
}

#[tokio::test]
async fn a_browser_connects_what_it_began_and_not_what_another_began() {
    let (database, server) = (TestDatabase::new().await, AuthorizationServer::start(&[]).await);
    let service = service(&database, &server).await;
    // Bob's link, followed by somebody who has an account at the provider: bob would have the use of it.
    let bobs = begin(&service, Bob, "hubspot").await;
    let back = server.visit(authorize_url(&bobs)).await;
    let own = begin(&service, Alice, "hubspot").await;
    let own_cookie = own.header("set-cookie").split(';').next().unwrap().to_owned();
    for headers in [
        vec![BROWSER],
        vec![("sec-fetch-mode", "navigate")],
        vec![BROWSER, ("cookie", own_cookie.as_str())],
    ] {
        let bobs = begin(&service, Bob, "hubspot").await;
        let back = server.visit(authorize_url(&bobs)).await;
        let handed = come_back(&service, &back, &headers).await;
        let completion = completion(&handed);
        // It is used up: the link is no good any more, whoever follows it.
        let again = come_back(&service, &back, &[]).await;
        assert!(again.header("location").ends_with("error=authorization_expired"));
        // Whoever followed it is somebody else.
        assert_eq!(
            complete(&service, Alice, "hubspot", &completion).await,
            (400, "MK_STATE".to_owned())
        );
    }
    let replaced = come_back(&service, &back, &[]).await;
    assert!(
        replaced
            .header("location")
            .ends_with("error=authorization_expired")
    );
    assert_eq!(connection(&service, Bob, "hubspot").await["status"], "none");
    assert_eq!(server.seen().await["granted"], 0, "no code was exchanged");

    let back = server.visit(authorize_url(&own)).await;
    let cookies = format!("theme=dark; {own_cookie}");
    let done = come_back(&service, &back, &[BROWSER, ("cookie", &cookies)]).await;
    assert!(
        done.header("location").ends_with("status=connected"),
        "{}",
        service.process.log()
    );
    assert!(
        done.header("set-cookie").contains("Max-Age=0"),
        "the cookie is forgotten"
    );
    assert_eq!(
        (done.header("cache-control"), done.header("referrer-policy")),
        ("no-store", "no-referrer")
    );
    assert_eq!(
        connection(&service, Alice, "hubspot").await["status"],
        "connected"
    );
}

/// What a page is handed to finish by.
fn completion(handed: &Answer) -> String {
    let to = handed.header("location");
    let (query, completion) = to.split_once("#completion=").expect(to);
    assert_eq!(
        (handed.status, query),
        (303, format!("{PAGE}&service=hubspot&status=pending").as_str())
    );
    completion.to_owned()
}

/// The outcome of bringing that.
async fn complete(service: &Service, person: Person, name: &str, completion: &str) -> (u16, String) {
    let path = format!("/v1/connections/{name}/complete");
    let answer = service
        .post(person, &path, &json!({"completion": completion}))
        .await;
    let (status, code) = answer.outcome();
    (status, code.to_owned())
}

#[tokio::test]
async fn a_page_of_another_site_finishes_what_its_user_began_once_and_soon() {
    let (database, server) = (TestDatabase::new().await, AuthorizationServer::start(&[]).await);
    let service = service(&database, &server).await;
    let handed = async || {
        let begun = begin(&service, Alice, "hubspot").await;
        let back = server.visit(authorize_url(&begun)).await;
        completion(&come_back(&service, &back, &[BROWSER]).await)
    };
    let refused = (400, "MK_STATE".to_owned());
    let first = handed().await;
    let log = service.process.log();
    assert!(
        !first.contains(Alice.id()) && !log.contains(&first),
        "sealed, and not logged"
    );
    for (person, name, text) in [
        (Bob, "hubspot", first.as_str()),
        (Alice, "zoho", &first),
        (Alice, "hubspot", &first[..first.len() - 1]),
        (Alice, "hubspot", "x"),
    ] {
        assert_eq!(complete(&service, person, name, text).await, refused, "{name}");
    }
    assert_eq!(
        complete(&service, Alice, "hubspot", &first).await,
        (204, String::new())
    );
    assert_eq!(
        connection(&service, Alice, "hubspot").await["status"],
        "connected"
    );
    let relayed = service.get(Alice, "/v1/relay/hubspot/contacts").await;
    assert_eq!(relayed.status, 200, "{}", relayed.text);
    assert_eq!(
        complete(&service, Alice, "hubspot", &first).await,
        refused,
        "once"
    );

    let replaced = handed().await;
    begin(&service, Alice, "hubspot").await;
    assert_eq!(complete(&service, Alice, "hubspot", &replaced).await, refused);

    let late = handed().await;
    let superuser = database.superuser().await;
    let left = "select expires_at - now() <= interval '1 minute' from mako.oauth_states";
    assert!(superuser.query_one(left, &[]).await.unwrap().get::<_, bool>(0));
    superuser
        .execute("update mako.oauth_states set expires_at = now()", &[])
        .await
        .unwrap();
    assert_eq!(complete(&service, Alice, "hubspot", &late).await, refused);
}

#[tokio::test]
async fn a_code_that_the_provider_refuses_is_said_to_the_page_that_brings_it() {
    let (database, server) = (TestDatabase::new().await, AuthorizationServer::start(&[]).await);
    let service = service(&database, &server).await;
    let begun = begin(&service, Alice, "hubspot").await;
    let mut back = server.visit(authorize_url(&begun)).await;
    let query = format!("code=made-up&state={}", state(back.as_str()));
    back.set_query(Some(&query));
    let made_up = completion(&come_back(&service, &back, &[BROWSER]).await);
    assert_eq!(
        complete(&service, Alice, "hubspot", &made_up).await,
        (502, "MK502".to_owned())
    );
    assert_eq!(connection(&service, Alice, "hubspot").await["status"], "none");

    // What its user declined needs nobody's proof.
    let begun = begin(&service, Alice, "hubspot").await;
    let declined = format!(
        "{BASE_URL}/oauth/callback?error=access_denied&state={}",
        state(authorize_url(&begun))
    );
    let told = come_back(&service, &Url::parse(&declined).unwrap(), &[BROWSER]).await;
    assert!(
        told.header("location")
            .ends_with("status=error&error=access_denied")
    );
}

#[tokio::test]
async fn an_authorisation_is_good_once_for_ten_minutes_and_only_as_it_was_made() {
    let (database, server) = (TestDatabase::new().await, AuthorizationServer::start(&[]).await);
    let service = service(&database, &server).await;
    let begun = begin(&service, Alice, "hubspot").await;
    let back = server.visit(authorize_url(&begun)).await;
    let last = "error=authorization_expired";

    let made = state(back.as_str());
    for (what, state) in [
        ("nothing", String::new()),
        ("cut", made[..made.len() - 1].to_owned()),
    ] {
        let mut forged = back.clone();
        forged.set_query(Some(&format!("code=x&state={state}")));
        let refused = come_back(&service, &forged, &[]).await;
        assert_eq!(refused.outcome(), (400, "MK_STATE"), "{what}");
    }
    let superuser = database.superuser().await;
    let age = "update mako.oauth_states set expires_at = now() where user_id = $1";
    superuser.execute(age, &[&Alice.id()]).await.unwrap();
    assert!(
        come_back(&service, &back, &[])
            .await
            .header("location")
            .ends_with(last)
    );

    let begun = begin(&service, Alice, "hubspot").await;
    let declined = Url::parse(&format!(
        "{}/oauth/callback?error=access_denied&error_description=sk-secret&state={}",
        tests::authorization_server::BASE_URL,
        state(authorize_url(&begun))
    ))
    .unwrap();
    let told = come_back(&service, &declined, &[]).await;
    assert_eq!(
        told.header("location"),
        format!("{PAGE}&service=hubspot&status=error&error=access_denied")
    );
    assert!(
        come_back(&service, &declined, &[])
            .await
            .header("location")
            .ends_with(last)
    );

    connect(&service, &server, Alice).await;
    let rows: i64 = superuser
        .query_one("select count(*) from mako.oauth_states", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn browsers_go_back_to_pages_of_this_service_and_allowed_origins_only() {
    let (database, server) = (TestDatabase::new().await, AuthorizationServer::start(&[]).await);
    let mut settings = server.settings();
    settings.push(("CORS_ALLOWED_ORIGINS", "https://crm.example".to_owned()));
    let settings: Vec<_> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let service = tests::Service::with(&database.login_url(), &settings).await;
    let path = "/v1/connections/hubspot/authorize";
    for (return_to, status) in [
        ("https://crm.example/apps", 200),
        ("https://api.crm.example/", 200),
        ("https://crm.example.evil.example/", 422),
        ("https://evil.example/https://crm.example", 422),
        ("http://crm.example/", 422),
        ("https://crm.example:8443/", 422),
        ("https://user@crm.example/", 422),
        ("https://crm.example\\@evil.example/", 422),
        ("javascript:alert(1)", 422),
        ("//crm.example/", 422),
    ] {
        let begun = service.post(Alice, path, &json!({"return_to": return_to})).await;
        assert_eq!(begun.status, status, "{return_to}: {}", begun.text);
    }
    for (body, detail) in [
        (json!({}), "return_to"),
        (
            json!({"return_to": "https://crm.example/", "server": "evil.example"}),
            "server",
        ),
    ] {
        let refused = service.post(Alice, path, &body).await;
        assert_eq!(refused.outcome(), (422, "MK422"));
        assert!(
            refused.body["details"].as_str().unwrap().contains(detail),
            "{}",
            refused.text
        );
    }
    let body = json!({"return_to": "https://crm.example/"});
    for name in ["zoho", "vapi"] {
        let path = format!("/v1/connections/{name}/authorize");
        assert_eq!(
            service.post(Alice, &path, &body).await.outcome(),
            (409, "MK_NO_OAUTH_APP"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn disconnecting_revokes_at_the_provider_and_leaves_nothing() {
    let (database, server) = (TestDatabase::new().await, AuthorizationServer::start(&[]).await);
    let service = service(&database, &server).await;
    for path in ["/v1/connections/hubspot", "/v1/api-keys/hubspot?purge=true"] {
        let before = server.seen().await["revoked"].as_u64();
        connect(&service, &server, Alice).await;
        assert_eq!(service.delete(Alice, path).await.status, 204);
        assert_eq!(
            server.seen().await["revoked"].as_u64(),
            before.map(|revoked| revoked + 1)
        );
        assert_eq!(connection(&service, Alice, "hubspot").await["status"], "none");
    }
    let rows = database
        .superuser()
        .await
        .query("select from api_keys", &[])
        .await
        .unwrap();
    assert!(rows.is_empty());
}

/// Every row of every table, as text.
async fn dump(database: &TestDatabase) -> String {
    let superuser = database.superuser().await;
    let tables =
        "select format('select coalesce(json_agg(t)::text, %L) from %I.%I t', '', schemaname, tablename)
      from pg_tables where schemaname in ('public', 'mako')";
    let mut dump = String::new();
    for table in superuser.query(tables, &[]).await.unwrap() {
        let rows = superuser.query_one(table.get::<_, &str>(0), &[]).await.unwrap();
        dump += rows.get(0);
    }
    dump
}

#[tokio::test]
async fn no_piece_of_a_token_is_in_the_database_the_log_or_an_answer() {
    let database = TestDatabase::new().await;
    let server = AuthorizationServer::start(&[("ACCESS_SECONDS", "1")]).await;
    let service = service(&database, &server).await;
    connect(&service, &server, Alice).await;
    let mut answers = String::new();
    for path in [
        "/v1/relay/hubspot/x",
        "/v1/connections",
        "/v1/api-keys",
        "/v1/key-uses",
    ] {
        answers += &service.get(Alice, path).await.text;
    }
    let seen = server.seen().await;
    let tokens: Vec<_> = seen["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    assert!(tokens.len() >= 3, "{seen}");
    let dump = dump(&database).await;
    assert!(dump.contains("hubspot"), "{dump}");
    for token in tokens {
        for piece in [&token[..12], &token[token.len() - 12..]] {
            for (where_, text) in [
                ("log", &service.process.log()),
                ("answers", &answers),
                ("dump", &dump),
            ] {
                assert!(!text.contains(piece), "{where_}");
            }
        }
    }
}
