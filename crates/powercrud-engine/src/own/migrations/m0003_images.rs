//! What records held before and after a task changed them, so that the task can be reverted.

use sea_orm_migration::{
    async_trait::async_trait,
    sea_orm::{DbBackend, DbErr},
    sea_query::{ColumnDef, Index, Table, TableCreateStatement},
};

use super::{OwnMigration, Schema, add_column, create_tables, number, tables, timestamp, uuid};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0003_images"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        create_tables(schema, [image(schema.get_database_backend())]).await?;
        // The columns whose values are kept, a JSON array; NULL where none are.
        add_column(schema, tables::BULK_TASK, ColumnDef::new("image_columns").text().take()).await?;
        add_column(schema, tables::BULK_TASK, timestamp("images_purged_at")).await?;
        // Of a revert: the task whose images it restores, and of each of its records the image.
        add_column(schema, tables::BULK_TASK, ColumnDef::new("reverts").uuid().take()).await?;
        add_column(schema, tables::SELECTED, ColumnDef::new("image_seq").big_integer().take()).await
    }
}

/// A row holds the values of up to 16 columns of one record; `part` counts where there are more. They are kept in the form that the
/// dialect's `image_cell` gives: as they are on SQLite, whose cells have any type, as text on PostgreSQL, as bytes on MySQL.
fn image(backend: DbBackend) -> TableCreateStatement {
    let mut table = Table::create();
    table
        .table(tables::IMAGE)
        .col(uuid("task_id"))
        .col(ColumnDef::new("side").small_integer().not_null())
        .col(number("seq"))
        .col(ColumnDef::new("part").small_integer().not_null());
    match backend {
        DbBackend::MySql => table.col(ColumnDef::new("record_key").custom("longtext")),
        _ => table.col(ColumnDef::new("record_key").text()),
    };
    for cell in tables::IMAGE_CELLS {
        let mut column = ColumnDef::new(cell);
        match backend {
            DbBackend::MySql => column.custom("longblob"),
            DbBackend::Sqlite => column.blob(),
            _ => column.text(),
        };
        table.col(column);
    }
    table.primary_key(Index::create().col("task_id").col("side").col("seq").col("part"));
    if backend == DbBackend::Sqlite {
        table.extra("WITHOUT ROWID");
    }
    table.take()
}
