//! PowerCRUD's own tables, in the application's database, so that a task and the data it changes share transactions.
//!
//! Timestamps are whole milliseconds since 1970 UTC by the database's clock: one type that all three databases compare alike.

mod m0001_bulk_tasks;
mod m0002_lock_task;
mod m0003_images;
mod m0004_notices;
mod m0005_api;
mod m0006_record_version;
mod m0007_task_events;
mod m0008_users;
mod m0010_model_mutex;
mod m0011_audit;
mod m0012_key_ranges;
mod m0013_origins;
mod m0014_waits;
mod m0015_attempts;
mod m0016_unchanged;
mod m0022_long_keys;
mod m0023_tables;
mod m0024_cascades;
mod m0025_names;
mod m0026_key_types;
mod m0027_access;
mod schema;

use std::time::Duration;

use schema::Schema;
use sea_orm_migration::{
    MigrationName, MigrationTrait, MigratorTraitSelf, SchemaManager,
    async_trait::async_trait,
    sea_orm::{ConnectionTrait as _, DbBackend, DbErr},
    sea_query::{ColumnDef, DynIden, Index, IntoIden, Query, Table, TableCreateStatement},
};

use crate::{
    error::{Error, Result},
    retry::retry,
};
use powercrud_db::{Database, grants, is_denied, is_missing_table, is_read_only};

/// The names of the tables, in one place.
pub mod tables {
    /// All of them but the migrations', those that others hang on first.
    pub(crate) const ALL: [&str; 20] = [
        BULK_TASK,
        SELECTED,
        KEY_RANGE,
        TASK_ERROR,
        CASCADE,
        TASK_EVENT,
        AUDIT,
        LOCK,
        MODEL_MUTEX,
        WORKER,
        NOTICE,
        MESSAGE,
        SELECTION,
        API_TOKEN,
        API_REQUEST,
        SELECTION_KEY,
        USER,
        SESSION,
        LOGIN_FAILURE,
        IMAGE,
    ];
    /// All of them.
    pub(crate) const WITH_MIGRATIONS: [&str; ALL.len() + 1] = {
        let mut all = [super::MIGRATION_TABLE; ALL.len() + 1];
        let mut place = 0;
        while place < ALL.len() {
            all[place] = ALL[place];
            place += 1;
        }
        all
    };
    pub(crate) const BULK_TASK: &str = "powercrud_bulk_task";
    pub(crate) const SELECTED: &str = "powercrud_bulk_task_selected_id";
    pub(crate) const KEY_RANGE: &str = "powercrud_bulk_task_key_range";
    pub(crate) const TASK_ERROR: &str = "powercrud_bulk_task_error";
    pub(crate) const CASCADE: &str = "powercrud_bulk_task_cascade";
    pub(crate) const TASK_EVENT: &str = "powercrud_task_event";
    pub(crate) const AUDIT: &str = "powercrud_audit";
    pub(crate) const LOCK: &str = "powercrud_lock";
    pub(crate) const MODEL_MUTEX: &str = "powercrud_model_mutex";
    pub(crate) const WORKER: &str = "powercrud_worker";
    pub(crate) const NOTICE: &str = "powercrud_notice";
    pub(crate) const MESSAGE: &str = "powercrud_message";
    pub(crate) const SELECTION: &str = "powercrud_selection";
    /// Bearer tokens.
    pub const API_TOKEN: &str = "powercrud_api_token";
    pub(crate) const API_REQUEST: &str = "powercrud_api_request";
    pub(crate) const SELECTION_KEY: &str = "powercrud_selection_key";
    /// People who sign in.
    pub const USER: &str = "powercrud_user";
    /// Browsers that have signed in.
    pub const SESSION: &str = "powercrud_session";
    /// Failed sign-ins, by what they are counted by.
    pub const LOGIN_FAILURE: &str = "powercrud_login_failure";
    pub(crate) const IMAGE: &str = "powercrud_bulk_task_image";
    /// The side of an image that shows a record before its change.
    pub(crate) const IMAGE_BEFORE: i16 = 0;
    /// The side of the one row that says that a task's images were kept before anything was deleted, also of records that then stayed.
    pub(crate) const IMAGE_KEPT_FIRST: i16 = 3;
    /// The columns of an image that hold values.
    pub(crate) const IMAGE_CELLS: [&str; 16] =
        ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "c11", "c12", "c13", "c14", "c15"];
}

/// Which migrations were applied.
pub(crate) const MIGRATION_TABLE: &str = "powercrud_migration";

/// So long another process is waited for that makes the tables.
const LONGEST_MIGRATION: Duration = Duration::from_mins(5);

/// One step of the tables' making.
#[async_trait]
trait OwnMigration: Send + Sync {
    /// Its name in the table of migrations.
    fn name(&self) -> &str;

    async fn up(&self, schema: &Schema<'_>) -> std::result::Result<(), DbErr>;
}

fn all() -> Vec<Box<dyn OwnMigration>> {
    vec![
        Box::new(m0001_bulk_tasks::Migration),
        Box::new(m0002_lock_task::Migration),
        Box::new(m0003_images::Migration),
        Box::new(m0004_notices::Migration),
        Box::new(m0005_api::Migration),
        Box::new(m0006_record_version::Migration),
        Box::new(m0007_task_events::Migration),
        Box::new(m0008_users::Migration),
        Box::new(m0010_model_mutex::Migration),
        Box::new(m0011_audit::Migration),
        Box::new(m0012_key_ranges::Migration),
        Box::new(m0013_origins::Migration),
        Box::new(m0014_waits::Migration),
        Box::new(m0015_attempts::Migration),
        Box::new(m0016_unchanged::Migration),
        Box::new(m0022_long_keys::Migration),
        Box::new(m0023_tables::Migration),
        Box::new(m0024_cascades::Migration),
        Box::new(m0025_names::Migration),
        Box::new(m0026_key_types::Migration),
        Box::new(m0027_access::Migration),
    ]
}

/// A migration for sea-orm-migration.
struct Step {
    migration: Box<dyn OwnMigration>,
    /// Which knows how own tables are called.
    database: Database,
}

impl MigrationName for Step {
    fn name(&self) -> &str {
        self.migration.name()
    }
}

#[async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> std::result::Result<(), DbErr> {
        self.migration.up(&Schema::new(manager, &self.database)).await
    }
}

struct Migrator(Database);

impl MigratorTraitSelf for Migrator {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        let step = |migration| Box::new(Step { migration, database: self.0.clone() }) as Box<dyn MigrationTrait>;
        all().into_iter().map(step).collect()
    }

    fn migration_table_name(&self) -> DynIden {
        self.0.own_name(MIGRATION_TABLE).into_iden()
    }
}

/// Applies what is missing, and writes nothing where nothing is: a role without the right to create tables uses those that are there.
/// Several processes may start at once: the one that loses the race looks again.
pub async fn migrate(database: &Database) -> Result<()> {
    if pending_migrations(database).await? > 0 {
        let pause = |error: &DbErr, tries| {
            let may_pass = !is_denied(error) && !is_read_only(error) && tries < 5;
            may_pass.then(|| Duration::from_millis(100 * u64::from(tries + 1)))
        };
        let look = || async { pending_migrations(database).await.is_ok_and(|pending| pending == 0).then_some(Ok(())) };
        // Where each statement stands by itself, one process makes the tables, and the others find them.
        let _turn = database.session_lock(MIGRATION_TABLE, LONGEST_MIGRATION).await;
        match retry(pause, look, || run_migrations(database)).await {
            Ok(()) => {}
            Err(error) if is_denied(&error) => {
                if let Some(mistake) = grants::no_schema(database).await? {
                    return Err(Error::NotAllowed(mistake));
                }
                return Err(Error::MissingRights {
                    what: "make PowerCRUD's own tables (or run `powercrud migrate` as a role that may, once, and let this role use them)"
                        .to_owned(),
                    grants: grants::to_create_tables(database).await?,
                });
            }
            Err(error) if is_read_only(&error) => {
                let told = "the file can only be read, so that PowerCRUD's own tables can't be made in it; run `powercrud migrate` once where it \
                            can be written, and from then on it is served for reading";
                return Err(Error::NotAllowed(told.to_owned()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let missing = super::missing_tables(database).await?;
    if !missing.is_empty() {
        return Err(Error::NotAllowed(super::told_missing(&missing)));
    }
    match super::missing_grants(database).await? {
        grants if grants.is_empty() => Ok(()),
        grants => Err(Error::MissingRights { what: "use PowerCRUD's own tables".to_owned(), grants }),
    }
}

async fn run_migrations(database: &Database) -> std::result::Result<(), DbErr> {
    if !database.has_own_schema().await.unwrap_or(false) {
        database.make_own_schema().await?;
    }
    Migrator(database.clone()).up(&database.at_own_tables().await?, None).await
}

/// How many migrations are still to be applied. Only reads.
///
/// # Errors
/// [`Error::MissingRights`] where the role may not read which were.
pub async fn pending_migrations(database: &Database) -> Result<usize> {
    if !database.has_own_schema().await? {
        return Ok(all().len());
    }
    let connection = database.connection();
    let applied = match connection.query_all(Query::select().column("version").from(MIGRATION_TABLE)).await {
        Ok(rows) => rows.iter().map(|row| row.try_get_by_index(0)).collect::<std::result::Result<Vec<String>, _>>()?,
        Err(error) if is_missing_table(&error) => Vec::new(),
        Err(error) if is_denied(&error) => {
            let grants = super::missing_grants(database).await?;
            return Err(Error::MissingRights {
                what: "read PowerCRUD's own tables (where there are none yet, run `powercrud migrate` as a role that may make them)".to_owned(),
                grants,
            });
        }
        Err(error) => return Err(error.into()),
    };
    let is_applied = |name: &str| applied.iter().any(|applied| applied == name);
    Ok(all().iter().filter(|migration| !is_applied(migration.name())).count())
}

/// Creates what is missing of these tables. Where an earlier try was interrupted, some are there already.
async fn create_tables(
    schema: &Schema<'_>,
    tables: impl IntoIterator<Item = TableCreateStatement>,
) -> std::result::Result<(), DbErr> {
    for mut table in tables {
        if schema.get_database_backend() == DbBackend::MySql {
            // Keys are compared byte by byte: "a" and "A" are two records.
            table.character_set("utf8mb4").collate("utf8mb4_bin");
        }
        schema.run(table.if_not_exists().to_owned()).await?;
    }
    Ok(())
}

/// Creates an index where it is missing.
async fn create_index(
    schema: &Schema<'_>,
    name: &str,
    table: &'static str,
    columns: &[&'static str],
) -> std::result::Result<(), DbErr> {
    if schema.has_index(table, name).await? {
        return Ok(());
    }
    let mut index = Index::create();
    index.name(name).table(table);
    for &column in columns {
        index.col(column);
    }
    schema.run(index).await
}

/// Adds a column where it is missing.
async fn add_column(schema: &Schema<'_>, table: &'static str, column: ColumnDef) -> std::result::Result<(), DbErr> {
    if schema.has_column(table, column.get_column_name()).await? {
        return Ok(());
    }
    schema.run(Table::alter().table(table).add_column(column).take()).await
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

fn word(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).string_len(190).not_null().take()
}

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

fn timestamp(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().take()
}

fn uuid(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).uuid().not_null().take()
}
