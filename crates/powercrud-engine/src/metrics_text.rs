//! What this process has counted and what the database knows, in the text form that Prometheus reads.

use std::time::Duration;

use prometheus::{IntGauge, TextEncoder, core::Collector as _, proto::MetricFamily};
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};

use crate::{
    engine::Engine,
    error::{Error, Result},
    heartbeat,
    metrics::{gauges, valid},
    own::tables,
    status::Status,
};
use powercrud_db::QueryExt as _;

impl Engine {
    /// What this process has counted and what the database knows, in Prometheus' text form, as `/metrics` gives it. Where the database
    /// does not answer, `powercrud_database_up` is 0 and what it would know is left out.
    ///
    /// # Errors
    /// [`Error::Internal`] where the text can't be made.
    pub async fn metrics_text(&self) -> Result<String> {
        let mut families = self.metrics().gather();
        let known = known(self).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the metrics lack what the database knows");
            Vec::new()
        });
        let up =
            valid(IntGauge::new("powercrud_database_up", "Whether the database answered this request for metrics."));
        up.set(i64::from(!known.is_empty()));
        families.extend(known);
        families.extend(up.collect());
        TextEncoder::new().encode_to_string(&families).map_err(|error| Error::Internal(error.to_string()))
    }
}

/// What the database knows: the same from every process.
async fn known(engine: &Engine) -> Result<Vec<MetricFamily>> {
    let connection = engine.database().connection();
    let tasks = gauges("powercrud_tasks", "Bulk tasks in the database by state.", &["status"]);
    for status in Status::ALL {
        tasks.with_label_values(&[status.as_str()]);
    }
    let mut select = Query::select();
    select.column("status").expr(Expr::cust("COUNT(*)")).from(tables::BULK_TASK).group_by_col("status");
    for row in connection.rows(&select).await? {
        let (status, count): (String, i64) = row.try_get_many_by_index()?;
        tasks.with_label_values(&[status.as_str()]).set(count);
    }
    let mut select = Query::select();
    let dialect = engine.database().dialect();
    let age = dialect.now().sub(Expr::col("created_at").min());
    select
        .expr(dialect.custom("COALESCE(?, ?)", [age, Expr::val(0i64)]))
        .from(tables::BULK_TASK)
        .and_where(Expr::col("status").eq(Status::Pending.as_str()));
    let waited = connection.row(&select).await?.map(|row| row.try_get_by_index::<i64>(0)).transpose()?;
    let oldest = valid(prometheus::Gauge::new(
        "powercrud_oldest_pending_seconds",
        "For how long the oldest bulk task that is ready for a worker has waited.",
    ));
    // A server's clock may be set back.
    let waited = Ord::max(waited.unwrap_or_default(), 0) as u64;
    oldest.set(Duration::from_millis(waited).as_secs_f64());
    let workers = valid(IntGauge::new("powercrud_workers", "Workers that sent a heartbeat lately."));
    workers.set(heartbeat::alive(engine).await?.len() as i64);
    Ok([tasks.collect(), oldest.collect(), workers.collect()].concat())
}
