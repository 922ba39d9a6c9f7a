//! What the operations work with: the store, sealed values, the relay and the receiver.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use store::rows::api_keys::SealedStore;
use store::{SealingKeys, Store};

use crate::commands::Failure;
use crate::config::WebhookSettings;
use crate::http::measurements::Measurements;
use crate::key_uses::{self, KeyUseQueue};
use crate::oauth::{OAuth, OAuthClient, Pages};
use crate::receiver::{Addresses, LiveDeliveries, Receiver, Spool, WebhookMetrics};
use crate::relay::{Relay, Service};
use crate::sender::{ReceiverUrls, Sender};

/// What the operations work with.
pub(crate) struct Services {
    pub(crate) store: Arc<Store>,
    pub(crate) sealed_store: Arc<SealedStore>,
    pub(crate) oauth: Arc<OAuth>,
    pub(crate) relay: Arc<Relay>,
    pub(crate) receiver: Arc<Receiver>,
    pub(crate) key_use_queue: KeyUseQueue,
    pub(crate) sender: Arc<Sender>,
    pub(crate) receiver_urls: ReceiverUrls,
    pub(crate) measurements: Arc<Measurements>,
}

/// How providers are called.
#[derive(Default)]
pub(crate) struct ProviderSettings {
    pub(crate) relay_bases: HashMap<Service, Url>,
    pub(crate) oauth_clients: HashMap<Service, OAuthClient>,
}

impl Services {
    pub(crate) fn new(
        store: &Arc<Store>,
        sealing: SealingKeys,
        providers: ProviderSettings,
        webhooks: WebhookSettings,
        receiver_urls: ReceiverUrls,
        pages: Pages,
        request_timeout: Duration,
    ) -> Result<Self, Failure> {
        let measurements = Arc::new(Measurements::new());
        let sealed_store = Arc::new(SealedStore::new(Arc::clone(store), sealing));
        let (key_uses, key_use_queue) = key_uses::queue(&measurements.key_uses);
        let inbound = Arc::clone(&measurements.inbound);
        let receiver = Receiver {
            store: Arc::clone(store),
            sealed_store: Arc::clone(&sealed_store),
            platform: webhooks.secrets,
            base_url: pages.base_url.clone(),
            spool: spool(webhooks.spool_dir, &inbound)?,
            addresses: Addresses::default(),
            measurements: inbound,
            live: LiveDeliveries::default(),
            request_timeout,
        };
        let sender = Sender::new(
            Arc::clone(store),
            Arc::clone(&sealed_store),
            receiver_urls,
            Arc::clone(&measurements.outbound),
        )?;
        let oauth = OAuth::new(
            Arc::clone(&sealed_store),
            providers.oauth_clients,
            pages,
            key_uses.clone(),
        )?;
        let relay = Relay::new(providers.relay_bases, measurements.relay.clone(), key_uses)?;
        Ok(Self {
            store: Arc::clone(store),
            oauth: Arc::new(oauth),
            sealed_store,
            relay: Arc::new(relay),
            receiver: Arc::new(receiver),
            key_use_queue,
            sender: Arc::new(sender),
            receiver_urls,
            measurements,
        })
    }
}

fn spool(folder: Option<PathBuf>, metrics: &WebhookMetrics) -> Result<Option<Spool>, Failure> {
    let open = |folder: PathBuf| Spool::open(&folder, metrics.spooled.clone(), metrics.put_aside.clone());
    Ok(folder.map(open).transpose()?)
}
