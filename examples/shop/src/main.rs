//! `cargo run -p powercrud-example-shop` makes `shop.db` and serves the shop on <http://127.0.0.1:3000>.
//! ann, ben and cleo sign in there.

use powercrud_example_shop::{administration, application, fill, notifier::Chat};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let connection = sea_orm::Database::connect("sqlite:shop.db?mode=rwc").await?;
    fill(&connection).await?;
    let powercrud = administration(connection, Chat::default()).await?;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(powercrud.worker().run(stop.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, application(&powercrud).into_make_service())
        .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap_or_default() })
        .await?;
    // Running tasks finish their chunk; the next start goes on with them.
    stop.cancel();
    Ok(worker.await??)
}
