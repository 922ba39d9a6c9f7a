//! What each provider does in its own way, as its documentation says (`providers.toml` has source and date of each).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use serde_json::{Value, json};
use tests::authorization_server::BASE_URL;
use tests::database::batch;
use tests::people::Person::Alice;
use tests::provider::Seen;
use tests::token_server::TokenServer;
use tests::{Service, TestDatabase};

use super::{authorize_url, begin, come_back, connection, state};

/// A service one of whose providers is this server.
pub(super) async fn service(database: &TestDatabase, server: &TokenServer, name: &str) -> Service {
    let settings = [
        ("PUBLIC_BASE_URL".to_owned(), BASE_URL.to_owned()),
        (format!("OAUTH_{name}_CLIENT_ID"), "the app".to_owned()),
        (format!("OAUTH_{name}_CLIENT_SECRET"), "s3cret/+".to_owned()),
        (format!("OAUTH_{name}_BASE_URL"), server.url.clone()),
        (format!("RELAY_BASE_URL_{name}"), server.url.clone()),
    ];
    let settings: Vec<_> = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    Service::with(&database.login_url(), &settings).await
}

/// Connects alice; `more` is what the provider adds to the address. The request for the first tokens.
pub(super) async fn connect(
    service: &Service,
    server: &TokenServer,
    name: &str,
    more: &str,
    granted: Value,
) -> Seen {
    server.answers(200, granted);
    let told = finish(service, name, more).await;
    assert!(
        told.ends_with("status=connected"),
        "{told}: {}",
        service.process.log()
    );
    server.seen().pop().unwrap()
}

/// Begins, and comes back with a code; what the page is told.
async fn finish(service: &Service, name: &str, more: &str) -> String {
    let begun = begin(service, Alice, name).await;
    let state = state(authorize_url(&begun));
    let back = format!("{BASE_URL}/oauth/callback?code=the-code&state={state}{more}");
    let done = come_back(service, &Url::parse(&back).unwrap(), &[]).await;
    done.header("location").to_owned()
}

/// The values of a form.
fn form(seen: &Seen) -> Value {
    let pairs = form_urlencoded::parse(seen.body.as_bytes()).into_owned();
    pairs
        .map(|(name, value)| (name, Value::from(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[tokio::test]
async fn salesforce_says_where_the_org_is_and_not_how_long_its_session_lasts() {
    let database = TestDatabase::new().await;
    let server = TokenServer::start().await;
    let service = service(&database, &server, "SALESFORCE").await;
    let granted = |token: &str, address: &str| {
        json!({"access_token": token, "refresh_token": "5Aep861", "scope": "api refresh_token",
        "instance_url": address, "issued_at": "1708058728442", "token_type": "Bearer"})
    };
    let asked = connect(
        &service,
        &server,
        "salesforce",
        "",
        granted("00D!first-session", "https://acme.my.salesforce.com"),
    )
    .await;
    assert_eq!(asked.target, "/services/oauth2/token");
    let sent = form(&asked);
    assert_eq!(
        (
            &sent["grant_type"],
            &sent["code"],
            &sent["client_id"],
            &sent["client_secret"],
            &sent["redirect_uri"]
        ),
        (
            &json!("authorization_code"),
            &json!("the-code"),
            &json!("the app"),
            &json!("s3cret/+"),
            &json!("https://api.crm.example/oauth/callback")
        )
    );
    assert!(
        sent["code_verifier"]
            .as_str()
            .is_some_and(|verifier| verifier.len() >= 43)
    );
    let made = connection(&service, Alice, "salesforce").await;
    assert_eq!(
        (&made["account"], &made["expires_at"]),
        (&json!("acme.my.salesforce.com"), &Value::Null)
    );
    server.takes(&["Bearer 00D!second-session"]);
    // No new refresh token, no scope: both stay.
    server.answers(
        200,
        json!({"access_token": "00D!second-session", "instance_url": "https://acme.my.salesforce.com"}),
    );
    let relayed = service
        .get(Alice, "/v1/relay/salesforce/services/data/v61.0")
        .await;
    assert_eq!(relayed.status, 200, "{}", relayed.text);
    let asked = form(
        server
            .seen()
            .iter()
            .rfind(|seen| seen.target.ends_with("/token"))
            .unwrap(),
    );
    assert_eq!(
        (&asked["grant_type"], &asked["refresh_token"]),
        (&json!("refresh_token"), &json!("5Aep861"))
    );
    assert_eq!(
        connection(&service, Alice, "salesforce").await["scopes"],
        json!(["api", "refresh_token"])
    );

    server.answers(
        200,
        granted("00D!x", "https://acme.my.salesforce.com.evil.example"),
    );
    assert!(
        finish(&service, "salesforce", "")
            .await
            .ends_with("error=server_error")
    );
}

#[tokio::test]
async fn salesforces_sandboxes_and_own_domains_sign_in_elsewhere() {
    let database = TestDatabase::new().await;
    let settings = [
        ("PUBLIC_BASE_URL", BASE_URL),
        ("OAUTH_SALESFORCE_CLIENT_ID", "app"),
        ("OAUTH_SALESFORCE_CLIENT_SECRET", "s"),
    ];
    let service = Service::with(&database.login_url(), &settings).await;
    for (server, host) in [
        (None, Some("login.salesforce.com")),
        (Some("test.salesforce.com"), Some("test.salesforce.com")),
        (
            Some("acme--dev.sandbox.my.salesforce.com"),
            Some("acme--dev.sandbox.my.salesforce.com"),
        ),
        (
            Some("https://acme.my.salesforce.com/"),
            Some("acme.my.salesforce.com"),
        ),
        (Some(".my.salesforce.com"), None),
        (Some("evil.example/.my.salesforce.com"), None),
        (Some("evil.example#.my.salesforce.com"), None),
        (Some("u@acme.my.salesforce.com"), None),
        (Some("acme.my.salesforce.com:8443"), None),
    ] {
        let body = json!({"return_to": super::PAGE, "server": server});
        let begun = service
            .post(Alice, "/v1/connections/salesforce/authorize", &body)
            .await;
        let url = begun.body["authorize_url"]
            .as_str()
            .and_then(|url| Url::parse(url).ok());
        assert_eq!(
            url.as_ref().and_then(Url::host_str),
            host,
            "{server:?}: {}",
            begun.text
        );
    }
}

#[tokio::test]
async fn pipedrive_wants_the_app_in_a_header_and_tells_the_companys_address() {
    let database = TestDatabase::new().await;
    let server = TokenServer::start().await;
    let service = service(&database, &server, "PIPEDRIVE").await;
    let granted = json!({"access_token": "pipedrive-access-1", "refresh_token": "r", "expires_in": 3599,
        "scope": "deals:full,contacts:full,base", "api_domain": "https://acme.pipedrive.com"});
    let asked = connect(&service, &server, "pipedrive", "", granted).await;
    let basic = asked.headers["authorization"].strip_prefix("Basic ").unwrap();
    assert_eq!(
        STANDARD.decode(basic).unwrap(),
        b"the+app:s3cret%2F%2B",
        "encoded as in a form, RFC 6749"
    );
    assert!(form(&asked).get("client_secret").is_none());
    let made = connection(&service, Alice, "pipedrive").await;
    assert_eq!(made["scopes"], json!(["deals:full", "contacts:full", "base"]));
    assert_eq!(made["account"], "acme.pipedrive.com");
    server.takes(&["Bearer pipedrive-access-1"]);
    assert_eq!(
        service
            .get(Alice, "/v1/relay/pipedrive/api/v2/deals")
            .await
            .status,
        200
    );
    // A key that is saved goes where keys go.
    let key = json!({"api_key": "a-key-of-pipedrives-own"});
    assert_eq!(
        service.put(Alice, "/v1/api-keys/pipedrive", &key).await.status,
        200
    );
    server.takes(&["a-key-of-pipedrives-own"]);
    assert_eq!(
        service
            .get(Alice, "/v1/relay/pipedrive/api/v2/deals")
            .await
            .status,
        200
    );
    let saved = connection(&service, Alice, "pipedrive").await;
    assert_eq!(
        (&saved["kind"], &saved["scopes"], &saved["expires_at"]),
        (&json!("key"), &Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn zoho_answers_errors_as_if_all_were_well_and_each_data_centre_for_itself() {
    let database = TestDatabase::new().await;
    let server = TokenServer::start().await;
    let service = service(&database, &server, "ZOHO").await;
    let begun = begin(&service, Alice, "zoho").await;
    let url = Url::parse(authorize_url(&begun)).unwrap();
    for part in [
        "access_type=offline",
        "prompt=consent",
        "scope=ZohoCRM.modules.ALL%2CZohoCRM.users.READ",
    ] {
        assert!(url.query().unwrap().contains(part), "{url}");
    }
    server.answers(200, json!({"error": "invalid_code"}));
    assert!(
        finish(&service, "zoho", "")
            .await
            .ends_with("error=invalid_grant")
    );
    let elsewhere = finish(
        &service,
        "zoho",
        "&location=xx&accounts-server=https%3A%2F%2Fevil.example",
    )
    .await;
    assert!(elsewhere.ends_with("error=server_error"), "{elsewhere}");
    assert_eq!(server.seen().len(), 1, "a server that isn't Zoho's gets no code");
    let granted = json!({"access_token": "1000.zoho-access", "refresh_token": "1000.zoho-refresh", "expires_in": 3600,
        "api_domain": "https://www.zohoapis.eu", "token_type": "Bearer"});
    connect(
        &service,
        &server,
        "zoho",
        "&location=eu&accounts-server=https%3A%2F%2Faccounts.zoho.eu",
        granted,
    )
    .await;
    assert_eq!(
        connection(&service, Alice, "zoho").await["account"],
        "www.zohoapis.eu"
    );
    server.takes(&["Zoho-oauthtoken 1000.zoho-access"]);
    assert_eq!(
        service.get(Alice, "/v1/relay/zoho/crm/v8/Leads").await.status,
        200
    );
    assert_eq!(service.delete(Alice, "/v1/connections/zoho").await.status, 204);
    let last = server.seen().pop().unwrap();
    assert_eq!(
        (last.target.as_str(), &form(&last)["token"]),
        ("/oauth/v2/token/revoke", &json!("1000.zoho-refresh"))
    );
}

#[tokio::test]
async fn mondays_older_apps_give_tokens_that_nothing_renews() {
    let database = TestDatabase::new().await;
    let server = TokenServer::start().await;
    let service = service(&database, &server, "MONDAY").await;
    let granted = json!({"access_token": "monday-access-token", "token_type": "Bearer", "scope": "me:read boards:read"});
    connect(&service, &server, "monday", "", granted).await;
    server.takes(&["monday-access-token"]);
    assert_eq!(service.get(Alice, "/v1/relay/monday/v2").await.status, 200);
    server.takes(&[]);
    assert_eq!(service.get(Alice, "/v1/relay/monday/v2").await.status, 401);
    assert_eq!(connection(&service, Alice, "monday").await["status"], "error");
    let asked = server
        .seen()
        .iter()
        .filter(|seen| seen.target.ends_with("/token"))
        .count();
    assert_eq!(asked, 1, "there is nothing to renew it with");
    // One with a time, and nothing that renews it.
    let granted = json!({"access_token": "monday-access-token", "expires_in": 300});
    connect(&service, &server, "monday", "", granted).await;
    let end = "update api_keys set expires_at = now()";
    batch(&database.superuser().await, end).await;
    assert_eq!(connection(&service, Alice, "monday").await["status"], "expired");
    assert_eq!(
        service.get(Alice, "/v1/relay/monday/v2").await.outcome(),
        (409, "MK_CONNECTION_ERROR")
    );
    assert_eq!(service.delete(Alice, "/v1/connections/monday").await.status, 204);
    let asked = server.seen().pop().unwrap();
    assert_eq!(asked.target, "/oauth_ms/oauth/revoke");
    let sent = form(&asked);
    assert_eq!(
        (&sent["token"], &sent["token_type_hint"], &sent["client_id"]),
        (
            &json!("monday-access-token"),
            &json!("access_token"),
            &json!("the app")
        )
    );
}
