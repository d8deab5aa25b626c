//! The `powercrud` server and command line.
mod demo;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let start = std::time::Instant::now();
    let shop = demo::Bookshop::open(std::path::Path::new("/tmp/demo-try"), demo::DEFAULT_BOOKS, true).await?;
    println!("{shop:?} {} {:?}", shop.address(), start.elapsed());
    Ok(())
}
