//! npm's `oidc-provider`, certified by the OpenID Foundation, as a provider that tenants connect: `tests/oauth/server.mjs`.

use std::collections::BTreeMap;
use std::path::Path;

use reqwest::{Client, Url, redirect};
use serde_json::Value;
use tokio::process::Command;

use crate::npm::package_file;
use crate::process::Process;

/// The service's address as the provider knows it: wherever it listens, the browser is brought back there.
pub const BASE_URL: &str = "https://api.crm.example";
/// The operator's app at the provider.
pub const CLIENT_ID: &str = "mako";
/// Its secret.
pub const CLIENT_SECRET: &str = "s3cret-of-the-app";

/// A running authorization server, and the API behind it.
pub struct AuthorizationServer {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    client: Client,
    _process: Process,
}

impl AuthorizationServer {
    /// With settings of its script.
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        package_file("oidc-provider/package.json").await;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("oauth/server.mjs");
        let mut node = Command::new("node");
        node.arg(script)
            .env("REDIRECT_URI", format!("{BASE_URL}/oauth/callback"))
            .envs(settings.iter().copied());
        let mut process = Process::start(&mut node);
        let url = process
            .wait_for(|log| {
                log.lines()
                    .find(|line| line.starts_with("http://"))
                    .map(str::to_owned)
            })
            .await;
        let client = Client::builder().redirect(redirect::Policy::none());
        drop(rustls::crypto::ring::default_provider().install_default());
        Self {
            url,
            client: client.build().expect("a client"),
            _process: process,
        }
    }

    /// Settings of a service whose HubSpot this is.
    #[must_use]
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("PUBLIC_BASE_URL", BASE_URL.to_owned()),
            ("OAUTH_HUBSPOT_CLIENT_ID", CLIENT_ID.to_owned()),
            ("OAUTH_HUBSPOT_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
            ("OAUTH_HUBSPOT_BASE_URL", self.url.clone()),
            ("RELAY_BASE_URL_HUBSPOT", format!("{}/api", self.url)),
        ]
    }

    /// What a browser does that is sent there: signs in, consents, and comes back to an address of the service's.
    pub async fn visit(&self, authorize_url: &str) -> Url {
        let mut url = Url::parse(authorize_url).expect("a URL");
        let mut cookies = BTreeMap::new();
        loop {
            let sent: Vec<_> = cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let request = self.client.get(url.clone()).header("cookie", sent.join("; "));
            let answer = request.send().await.expect("the provider answers");
            for cookie in answer.headers().get_all("set-cookie") {
                let cookie = cookie
                    .to_str()
                    .expect("a text")
                    .split(';')
                    .next()
                    .unwrap_or_default();
                let (name, value) = cookie.split_once('=').expect("a cookie");
                cookies.insert(name.to_owned(), value.to_owned());
            }
            let to = answer
                .headers()
                .get("location")
                .map(|to| to.to_str().expect("a text").to_owned());
            let Some(to) = to else {
                panic!("{url}: {}", answer.text().await.unwrap_or_default());
            };
            url = url.join(&to).expect("a URL");
            if url.as_str().starts_with(BASE_URL) {
                return url;
            }
        }
    }

    /// What it has done so far: `granted`, `refreshed`, `refused`, `revoked`, `held`, and every token that it made.
    pub async fn seen(&self) -> Value {
        self.told("seen").await
    }

    /// Makes tokens from now on, but keeps the answers.
    pub async fn hold(&self) {
        self.told("hold").await;
    }

    /// Sends the answers that it kept.
    pub async fn release(&self) {
        self.told("release").await;
    }

    async fn told(&self, what: &str) -> Value {
        let answer = self.client.get(format!("{}/{what}", self.url)).send().await;
        let text = answer
            .expect("the provider answers")
            .text()
            .await
            .expect("a text");
        serde_json::from_str(&text).expect("JSON")
    }
}
