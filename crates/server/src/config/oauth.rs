//! The operator's apps at providers: `OAUTH_<SERVICE>_CLIENT_ID` and what belongs to it.

use std::collections::{BTreeSet, HashMap};

use zeroize::Zeroizing;

use super::checks::{items, relay_base};
use super::settings::RawSettings;
use super::{ConfigError, Secret, refused};
use crate::oauth::OAuthClient;
use crate::relay::Service;

/// One app for each service that has a setting; id and secret go together.
pub(super) fn oauth_clients(raw: &RawSettings) -> Result<HashMap<Service, OAuthClient>, ConfigError> {
    let names: BTreeSet<&String> = raw
        .oauth_client_ids
        .keys()
        .chain(raw.oauth_client_secrets.keys())
        .chain(raw.oauth_scopes.keys())
        .chain(raw.oauth_base_urls.keys())
        .collect();
    names
        .into_iter()
        .map(|name| {
            let setting = format!("OAUTH_{}", name.to_uppercase());
            let service =
                Service::of_setting(name).filter(|service| service.authorization_server().is_some());
            let Some(service) = service else {
                return refused(format!(
                    "{setting}_…: there is no service of that name that has OAuth"
                ));
            };
            Ok((service, oauth_client(raw, name, &setting)?))
        })
        .collect()
}

fn oauth_client(raw: &RawSettings, name: &str, setting: &str) -> Result<OAuthClient, ConfigError> {
    let id = raw.oauth_client_ids.get(name).filter(|id| !id.is_empty());
    let secret = raw.oauth_client_secrets.get(name).map(Secret::expose);
    let (Some(id), Some(secret)) = (id, secret.filter(|secret| !secret.is_empty())) else {
        return refused(format!(
            "{setting}_CLIENT_ID and {setting}_CLIENT_SECRET go together: the provider shows both where the app is made"
        ));
    };
    let scopes = raw.oauth_scopes.get(name);
    let base = raw.oauth_base_urls.get(name).filter(|url| !url.is_empty());
    Ok(OAuthClient {
        id: id.clone(),
        secret: Zeroizing::new(secret.to_owned()),
        scopes: scopes.map(|scopes| items(Some(scopes)).map(str::to_owned).collect()),
        base: base
            .map(|url| relay_base(&format!("{setting}_BASE_URL"), url))
            .transpose()?,
    })
}
