//! Sends spans to an OpenTelemetry collector, if one is set: OTLP, protobuf over HTTP.
//!
//! What else OpenTelemetry defines for this (`OTEL_SERVICE_NAME`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`, …)
//! its SDK reads from the environment. Only our own spans leave, none of a library's, and no log lines.

use std::borrow::Cow;
use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{Protocol, SpanExporter as OtlpExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use poem::http::HeaderMap;
use tracing::level_filters::LevelFilter;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Filter, Layer};
use tracing_subscriber::registry::LookupSpan;
use url::Url;

/// The way to a collector; what waits to be sent is sent when this is dropped.
pub(crate) struct Export(SdkTracerProvider);

impl Export {
    /// To a collector's base address, to which `/v1/traces` is added.
    pub(crate) fn to(collector: &Url) -> Result<Self, opentelemetry_otlp::ExporterBuildError> {
        // The exporter's client finds the process' own provider of cryptography, or none.
        drop(rustls::crypto::ring::default_provider().install_default());
        let exporter = OtlpExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", collector.as_str().trim_end_matches('/')))
            .build()?;
        let mut resource = Resource::builder();
        if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name("mako");
        }
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(Naming(exporter))
            .build();
        Ok(Self(provider))
    }

    /// What hands finished spans on.
    pub(crate) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> impl Layer<S> + use<S> {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("mako"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(is_ours())
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(LAST) {
            tracing::warn!(%error, "the last spans didn't reach the collector");
        }
    }
}

/// How long the end of the process waits for the collector.
const LAST: Duration = Duration::from_secs(3);

fn is_ours<S>() -> impl Filter<S> {
    filter_fn(|metadata| metadata.is_span() && crate::log::is_ours(metadata))
        .with_max_level_hint(LevelFilter::INFO)
}

/// Makes the caller's trace, if it is part of one (W3C `traceparent`), go on with this request.
pub(crate) fn continue_trace(span: &Span, headers: &HeaderMap) {
    if !span.is_disabled() {
        let caller = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
        // Nobody is told where no collector is set.
        drop(span.set_parent(caller));
    }
}

/// Names spans as people look for them: `statement leads/list`, `request listLeads`.
#[derive(Debug)]
struct Naming(OtlpExporter);

impl SpanExporter for Naming {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        for span in &mut batch {
            let name = span
                .attributes
                .iter()
                .find(|attribute| ["name", "operation"].contains(&attribute.key.as_str()));
            if let Some(name) = name {
                span.name = Cow::Owned(format!("{} {}", span.name, name.value));
            }
        }
        self.0.export(batch).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}
