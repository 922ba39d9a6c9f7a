//! Do connections that users make at their provider come about for the right user, once, and stay?

mod authorize;
mod quirks;
mod renewal;

use reqwest::{Client, Method, Url, redirect};
use serde_json::{Value, json};
use tests::authorization_server::{AuthorizationServer, BASE_URL};
use tests::people::Person;
use tests::service::Answer;
use tests::{Service, TestDatabase};

/// A page of the service's own.
const PAGE: &str = "https://api.crm.example/settings?tab=apps";

/// A service whose HubSpot is this authorization server.
async fn service(database: &TestDatabase, server: &AuthorizationServer) -> Service {
    let settings = server.settings();
    let settings: Vec<_> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    Service::with(&database.login_url(), &settings).await
}

/// Begins an authorisation; the whole answer.
async fn begin(service: &Service, person: Person, name: &str) -> Answer {
    let path = format!("/v1/connections/{name}/authorize");
    let begun = service.post(person, &path, &json!({"return_to": PAGE})).await;
    assert_eq!(begun.status, 200, "{}", begun.text);
    begun
}

fn authorize_url(begun: &Answer) -> &str {
    begun.body["authorize_url"].as_str().unwrap()
}

/// Brings something back to the service, as it was given by the provider; where it is sent on to.
async fn come_back(service: &Service, to: &Url, headers: &[(&str, &str)]) -> Answer {
    let client = Client::builder()
        .redirect(redirect::Policy::none())
        .build()
        .unwrap();
    let here = to.as_str().replace(BASE_URL, &service.url);
    let mut request = client.request(Method::GET, here);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request).await
}

/// Connects HubSpot as a script does that isn't a browser.
async fn connect(service: &Service, server: &AuthorizationServer, person: Person) {
    let begun = begin(service, person, "hubspot").await;
    let back = server.visit(authorize_url(&begun)).await;
    let done = come_back(service, &back, &[]).await;
    assert_eq!(
        (done.status, done.header("location")),
        (303, format!("{PAGE}&service=hubspot&status=connected").as_str()),
        "{}",
        service.process.log()
    );
}

async fn connection(service: &Service, person: Person, name: &str) -> Value {
    let list = service.get(person, "/v1/connections").await;
    assert_eq!(list.status, 200, "{}", list.text);
    let all = list.body["data"].as_array().cloned().unwrap_or_default();
    all.into_iter()
        .find(|it| it["service"] == name)
        .unwrap_or_default()
}

/// The state in an address, as it stands there.
fn state(url: &str) -> String {
    let url = Url::parse(url).unwrap();
    let state = url
        .query()
        .unwrap()
        .split('&')
        .find_map(|pair| pair.strip_prefix("state="));
    state.unwrap().to_owned()
}
