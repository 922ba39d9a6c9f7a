//! Tells whether the service is well: health, readiness and measurements; none of them needs or shows a tenant.

use std::sync::Arc;

use poem_openapi::payload::PlainText;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use serde::Serialize;
use store::rows::api_keys::SealedStore;
use store::{Fallback, Preparation, Readiness, Store};

use super::answer::JsonResponse;
use super::groups::Tag;
use super::measurements::Measurements;
use super::problem::Problem;
use super::schema::Nullable;
use super::server::Draining;
use crate::proof::ProofState;
use crate::receiver::Spool;

/// The routes of this module.
#[derive(Clone)]
pub(crate) struct Operations {
    pub(crate) store: Arc<Store>,
    pub(crate) sealed_store: Arc<SealedStore>,
    pub(crate) measurements: Arc<Measurements>,
    pub(crate) draining: Draining,
    pub(crate) proof: ProofState,
    pub(crate) spool: Option<Spool>,
}

/// The process answers.
#[derive(Object, Serialize)]
struct Health {
    /// Always `ok`: a process that isn't doesn't answer.
    status: String,
}

/// The service can do its work.
#[derive(Object, Serialize)]
struct Ready {
    /// Always `ready`; otherwise the answer is 503.
    status: String,
    /// The newest migration of the database.
    schema_version: i32,
    /// What has become of the setting `PREPARED_STATEMENTS`.
    prepared_statements: PreparedStatements,
    /// `serving` if the replica of `DATABASE_URL_READ` is read from, else why it isn't; null without one. The service is
    /// ready either way: the primary stands in.
    replica: Nullable<String>,
}

/// Whether statements are prepared under names.
#[derive(Enum, Serialize)]
#[oai(rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
enum PreparedStatements {
    /// They are.
    On,
    /// They are not, as `PREPARED_STATEMENTS` says.
    Off,
    /// They are not though `PREPARED_STATEMENTS` asks for it: a pooler in front of the database keeps none.
    Lost,
}

impl From<Preparation> for PreparedStatements {
    fn from(preparation: Preparation) -> Self {
        match preparation {
            Preparation::On => Self::On,
            Preparation::Off => Self::Off,
            Preparation::Lost => Self::Lost,
        }
    }
}

/// The text format that Prometheus asks for first.
#[derive(ApiResponse)]
enum OpenMetrics {
    /// Every measurement.
    #[oai(
        status = 200,
        content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    )]
    Measured(PlainText<String>),
}

#[OpenApi(tag = "Tag::Operations")]
#[expect(clippy::unused_async, reason = "poem-openapi takes async operations only")]
impl Operations {
    /// Is the process alive?
    #[oai(path = "/health", method = "get", operation_id = "getHealth")]
    async fn health(&self) -> Result<JsonResponse<Health>, Problem> {
        Ok(JsonResponse(Health {
            status: "ok".to_owned(),
        }))
    }

    /// Can the service reach its database, and is the schema the one it knows?
    #[oai(path = "/ready", method = "get", operation_id = "getReady")]
    async fn ready(&self) -> Result<JsonResponse<Ready>, Problem> {
        if self.draining.is_on() {
            return Err(Problem::unavailable(
                "MK503",
                "The service is about to stop; what is under way is still answered",
            ));
        }
        let expected = store::admin::schema_version();
        match self.store.readiness().await {
            Ok(found) => {
                let schema_version = found
                    .schema_version
                    .filter(|version| *version >= expected)
                    .ok_or_else(Problem::not_migrated)?;
                self.takes_writes(found)?;
                self.is_what_was_proven()?;
                self.can_open_everything().await?;
                Ok(JsonResponse(Ready {
                    status: "ready".to_owned(),
                    schema_version,
                    prepared_statements: found.preparation.into(),
                    replica: Nullable(self.replica().map(str::to_owned)),
                }))
            }
            // Without USAGE on the schema it was never migrated, either.
            Err(error) if error.sqlstate() == Some("42501") => Err(Problem::not_migrated()),
            Err(error) => Err(error.into()),
        }
    }

    /// Measurements, as Prometheus reads them.
    #[oai(path = "/metrics", method = "get", operation_id = "getMetrics")]
    async fn metrics(&self) -> Result<OpenMetrics, Problem> {
        let (open, used) = self.store.connections();
        self.measurements.database_connections(open, used);
        if let Some(replica) = self.store.replica_status() {
            self.measurements.replica.take(&replica);
        }
        self.measurements
            .proof_drifted
            .set(i64::from(self.proof.has_drifted()));
        self.measurements
            .encode()
            .map(|text| OpenMetrics::Measured(PlainText(text)))
            .ok_or_else(Problem::internal)
    }
}

impl Operations {
    /// What becomes of reads that a replica may answer.
    fn replica(&self) -> Option<&'static str> {
        let replica = self.store.replica_status()?;
        Some(replica.unfit.map_or("serving", Fallback::name))
    }

    /// Deliveries and creates need a database that takes them, and a folder for when there is none.
    fn takes_writes(&self, found: Readiness) -> Result<(), Problem> {
        if found.in_recovery {
            return Err(
                Problem::unavailable("MK503", "The database is a standby that hasn't been promoted")
                    .hint("Promote it, or point DATABASE_URL at the primary"),
            );
        }
        if found.read_only {
            return Err(Problem::unavailable("MK503", "The database is read-only").hint(
                "Look at default_transaction_read_only, and at the disk's size if the provider sets it",
            ));
        }
        if self.spool.as_ref().is_some_and(|spool| !spool.is_writable()) {
            return Err(Problem::unavailable("MK503", "SPOOL_DIR can't be written to")
                .hint("Deliveries would be lost to the next outage: mend its rights or its disk"));
        }
        Ok(())
    }

    /// Who reaches what isn't known any more.
    fn is_what_was_proven(&self) -> Result<(), Problem> {
        match self.proof.why_unready() {
            None => Ok(()),
            Some(why) => Err(Problem::unavailable(
                "MK503",
                "The database isn't the one that was proven any more",
            )
            .details(why)
            .hint("Prove it again and put the report in the place of the old one, or take the change back")),
        }
    }

    /// Stored values whose master key isn't configured would fail one by one; better to say so before.
    async fn can_open_everything(&self) -> Result<(), Problem> {
        let missing = self.sealed_store.missing_keys().await?;
        if missing.is_empty() {
            return Ok(());
        }
        Err(Problem::unavailable(
            "MK503",
            "Stored keys were sealed by master keys that aren't configured",
        )
        .details(format!("missing: {}", missing.join(", ")))
        .hint("Add them to ENCRYPTION_KEYS_RETIRED; `mako keys status` counts what each has sealed"))
    }
}
