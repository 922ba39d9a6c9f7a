//! Where log lines go: to stderr, as text or JSON, and never with a value of a tenant's.

use std::io::IsTerminal as _;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
use tracing_subscriber::prelude::*;

use crate::config::{LogFormat, LogSettings};
use crate::otlp::Export;
use crate::timings::{self, TimingLayer};

/// Starts logging for the whole process; a second call changes nothing.
pub(crate) fn start(log: &LogSettings) {
    start_with(log, LevelFilter::INFO, None);
}

/// The same for `mako serve`, whose spans go to a collector as well.
pub(crate) fn start_with_export(log: &LogSettings, export: Option<&Export>) {
    start_with(log, LevelFilter::INFO, export);
}

/// The same for `mako dev`, whose screen says by itself what libraries would say on the way.
pub(crate) fn start_for_development(log: &LogSettings) {
    start_with(log, LevelFilter::WARN, None);
}

/// Whether a span or an event is of this project's own, not of a library's.
pub(crate) fn is_ours(metadata: &Metadata<'_>) -> bool {
    ["mako", "store"].contains(&metadata.target().split("::").next().unwrap_or_default())
}

/// Libraries log nothing below the given level.
fn start_with(log: &LogSettings, libraries: LevelFilter, export: Option<&Export>) {
    // These log what passes through them (tokio-postgres at debug: every parameter), so LOG can't lower them.
    let mut targets = Targets::new().with_default(log.level);
    for quiet in [
        "tokio_postgres",
        "postgres_protocol",
        "hyper",
        "h2",
        "opentelemetry",
        "reqwest",
        "rustls",
        "poem",
        "refinery_core",
    ] {
        targets = targets.with_target(quiet, LevelFilter::from_level(log.level).min(libraries));
    }
    // Spans are for `/metrics`; in lines they stand when somebody looks for something.
    let shows_spans = log.level >= Level::DEBUG;
    let lines = targets.and(filter_fn(move |metadata| shows_spans || !metadata.is_span()));
    let registry = tracing_subscriber::registry()
        .with(TimingLayer.with_filter(timings::is_timed()))
        .with(export.map(Export::layer));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Json => registry
            .with(layer.json().flatten_event(true).with_filter(lines))
            .try_init(),
        LogFormat::Pretty => registry
            .with(
                layer
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_filter(lines),
            )
            .try_init(),
    };
    if started.is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            // The place, not the message: that may quote what was being worked on.
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, "panic");
        }));
    }
}
