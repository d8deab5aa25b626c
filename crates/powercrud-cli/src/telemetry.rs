//! Log lines on standard error, and with the feature `otel` the spans of requests, bulk tasks and chunks to an OpenTelemetry collector.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Where OpenTelemetry's programs look for their collector; spans are sent only where one of these is set.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// What has to be ended with the program.
pub(crate) struct Telemetry {
    #[cfg(feature = "otel")]
    provider: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
}

/// Starts to log; `log_level` is what is logged unless RUST_LOG says otherwise. Call it before the runtime is made: the exporter has
/// a thread of its own.
pub(crate) fn start(log_level: &str) -> Telemetry {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(log_level));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_filter(filter);
    let wanted = ENDPOINTS.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    let subscriber = tracing_subscriber::registry().with(lines);

    #[cfg(feature = "otel")]
    {
        let provider = if wanted { provider() } else { Ok(None) };
        let (provider, failure) = match provider {
            Ok(provider) => (provider, None),
            Err(error) => (None, Some(error)),
        };
        subscriber.with(provider.as_ref().map(spans)).init();
        if let Some(error) = failure {
            tracing::error!(%error, "spans can't be exported");
        }
        Telemetry { provider }
    }
    #[cfg(not(feature = "otel"))]
    {
        subscriber.init();
        if wanted {
            tracing::info!("{} is set, but this program was built without the feature otel", ENDPOINTS.join(" or "));
        }
        Telemetry {}
    }
}

impl Telemetry {
    /// Sends what is left to be sent.
    pub(crate) fn end(self) {
        #[cfg(feature = "otel")]
        if let Some(Err(error)) = self.provider.map(|provider| provider.shutdown()) {
            tracing::warn!(%error, "the last spans could not be exported");
        }
    }
}

/// Sends spans in batches by HTTP, as the variables of OpenTelemetry say where.
#[cfg(feature = "otel")]
fn provider() -> anyhow::Result<Option<opentelemetry_sdk::trace::SdkTracerProvider>> {
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build()?;
    // OTEL_SERVICE_NAME wins.
    let name = std::env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| "powercrud".into());
    let resource = opentelemetry_sdk::Resource::builder().with_service_name(name).build();
    let builder = opentelemetry_sdk::trace::SdkTracerProvider::builder();
    Ok(Some(builder.with_batch_exporter(exporter).with_resource(resource).build()))
}

/// The layer that hands this program's own spans on, whatever is logged.
#[cfg(feature = "otel")]
fn spans<S>(provider: &opentelemetry_sdk::trace::SdkTracerProvider) -> impl tracing_subscriber::Layer<S> + use<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    use opentelemetry::trace::TracerProvider as _;
    let own = tracing_subscriber::filter::Targets::new().with_target("powercrud", tracing::Level::INFO);
    tracing_opentelemetry::layer().with_tracer(provider.tracer("powercrud")).with_filter(own)
}
