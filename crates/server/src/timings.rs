//! How long transactions, statements, relay calls, events and background work take, for `/metrics`: a histogram of every
//! span that has a `name`.

use std::sync::LazyLock;
use std::time::Instant;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, Filter, Layer};
use tracing_subscriber::registry::LookupSpan;

/// The histograms of this process: logging starts before there is anything else.
static TIMINGS: LazyLock<Timings> = LazyLock::new(|| Timings {
    spans: Family::new_with_constructor(|| Histogram::new(SECONDS)),
});

struct Timings {
    spans: Family<SpanLabels, Histogram, fn() -> Histogram>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct SpanLabels {
    span: &'static str,
    name: String,
}

/// Times spans from their beginning to their end, time in which they wait included.
pub(crate) struct TimingLayer;

/// Where the histograms are found.
pub(crate) fn register(registry: &mut Registry) {
    registry.register(
        "span_duration_seconds",
        "Time that transactions, statements, relay calls, events and background work took",
        TIMINGS.spans.clone(),
    );
}

/// Whether a span is timed; independent of what is logged.
pub(crate) fn is_timed<S>() -> impl Filter<S> {
    let has_name = |metadata: &Metadata<'_>| {
        metadata.is_span() && metadata.fields().field(NAME).is_some() && crate::log::is_ours(metadata)
    };
    filter_fn(has_name).with_max_level_hint(LevelFilter::INFO)
}

/// The field that names what is done: a statement, a service, a source. Never a value of a tenant's.
const NAME: &str = "name";

struct Timer {
    began: Instant,
    name: String,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for TimingLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut name = Name(String::new());
        attributes.record(&mut name);
        if let Some(span) = context.span(id) {
            let began = Instant::now();
            span.extensions_mut().insert(Timer { began, name: name.0 });
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(Timer { began, name }) = span.extensions_mut().remove() else {
            return;
        };
        let labels = SpanLabels {
            span: span.name(),
            name,
        };
        TIMINGS
            .spans
            .get_or_create(&labels)
            .observe(began.elapsed().as_secs_f64());
    }
}

struct Name(String);

impl Visit for Name {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == NAME {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// Upper bounds of the buckets: from a statement to a timeout.
const SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];
