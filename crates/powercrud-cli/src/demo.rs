//! The demo's bookshop: a SQLite file with believable data, the same on every machine.

mod random;
mod stock;
mod trade;
// Lists of words, one word a line, would be all that one sees of it.
#[rustfmt::skip]
mod words;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use powercrud::db::Database;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, TransactionTrait};
use serde_json::Value;

/// How many books the demo has unless told otherwise.
pub(crate) const DEFAULT_BOOKS: u64 = 100_000;

/// A bookshop on disk.
#[derive(Debug)]
pub(crate) struct Bookshop {
    /// The SQLite file.
    pub(crate) path: PathBuf,
    /// How many books it holds now.
    pub(crate) books: u64,
    /// Whether it was there already.
    pub(crate) reused: bool,
}

impl Bookshop {
    /// Opens the bookshop in `folder`, or makes one with `books` books where there is none or `reset` asks for a new one.
    ///
    /// # Errors
    /// Where the folder can't be written or the file is not a bookshop.
    pub(crate) async fn open(folder: &Path, books: u64, reset: bool) -> Result<Self> {
        let path = folder.join("bookshop.db");
        let reused = path.exists() && !reset;
        if !reused {
            std::fs::create_dir_all(folder).with_context(|| format!("can't make the folder {}", folder.display()))?;
            create(&path, books).await?;
        }
        let database = Database::connect(&address(&path)).await.map_err(powercrud::Error::from)?;
        let books = count_books(&database).await.with_context(|| {
            format!("{} is not a demo bookshop; name another folder with --data-dir", path.display())
        })?;
        database.connection().close_by_ref().await?;
        Ok(Self { path, books, reused })
    }

    /// The address for `--database`.
    pub(crate) fn address(&self) -> String {
        address(&self.path)
    }
}

fn address(path: &Path) -> String {
    format!("sqlite:{}?mode=rwc", path.display())
}

async fn count_books(database: &Database) -> Result<u64> {
    let count = Statement::from_string(DbBackend::Sqlite, "SELECT COUNT(*) FROM book");
    let row = database.connection().query_one_raw(count).await?.context("no answer")?;
    Ok(row.try_get_by_index::<i64>(0)? as u64)
}

/// Makes the file under another name and renames it at the end, so that an interrupted run leaves no half bookshop behind.
async fn create(path: &Path, books: u64) -> Result<()> {
    let draft = path.with_extension("db.draft");
    for file in [&draft, path] {
        for suffix in ["", "-wal", "-shm"] {
            remove(Path::new(&format!("{}{suffix}", file.display())))?;
        }
    }
    let database = Database::connect(&address(&draft)).await.map_err(powercrud::Error::from)?;
    let transaction = database.connection().begin().await?;
    fill(&transaction, books).await?;
    transaction.commit().await?;
    database.connection().execute_unprepared("ANALYZE").await?;
    // The last connection may still be closing when the file is renamed, and what stands beside it in the log would be lost.
    database.connection().execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await?;
    database.connection().close_by_ref().await?;
    std::fs::rename(&draft, path).with_context(|| format!("can't write {}", path.display()))
}

fn remove(file: &Path) -> Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove {}", file.display()))
        }
        _ => Ok(()),
    }
}

async fn fill(to: &DatabaseTransaction, books: u64) -> Result<()> {
    let authors = (books / 12).max(20);
    let customers = (books / 20).max(20);
    let orders = (books / 20).max(1);
    to.execute_unprepared(include_str!("demo/schema.sql")).await?;
    insert(to, "publisher", stock::PUBLISHER, stock::publishers()).await?;
    insert(to, "author", stock::AUTHOR, stock::authors(authors)).await?;
    insert(to, "tag", stock::TAG, stock::tags()).await?;
    insert(to, "book", stock::BOOK, stock::books(books, authors)).await?;
    insert(to, "book_tag", stock::BOOK_TAG, stock::book_tags(books)).await?;
    insert(to, "customer", trade::CUSTOMER, trade::customers(customers)).await?;
    insert(to, "order", trade::ORDER, trade::orders(orders, customers)).await?;
    // Sold at the price of the book.
    to.execute_unprepared("CREATE TEMP TABLE sold (order_id, line_number, book_id, quantity)").await?;
    insert(to, "sold", trade::ORDER_LINE, trade::order_lines(orders, books)).await?;
    to.execute_unprepared(
        "INSERT INTO order_line SELECT order_id, line_number, book_id, quantity, price FROM sold JOIN book ON id = book_id; \
         DROP TABLE sold",
    )
    .await?;
    to.execute_unprepared(include_str!("demo/indexes.sql")).await?;
    Ok(())
}

/// Inserts `rows`, each an array in the order of `columns`, some thousands with one statement.
async fn insert(
    to: &DatabaseTransaction,
    table: &str,
    columns: &[&str],
    mut rows: impl Iterator<Item = Value>,
) -> Result<()> {
    let cells: Vec<String> = (0..columns.len()).map(|index| format!("value ->> {index}")).collect();
    let sql =
        format!(r#"INSERT INTO "{table}" ({}) SELECT {} FROM json_each(?)"#, columns.join(", "), cells.join(", "));
    loop {
        let chunk: Vec<Value> = rows.by_ref().take(2_000).collect();
        if chunk.is_empty() {
            return Ok(());
        }
        let json = Value::Array(chunk).to_string();
        to.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, &sql, [json.into()])).await?;
    }
}
