//! Keys and changes of any length: ticked keys are found by their SHA-256, and MySQL's texts end at 64 KB no more.

use sea_orm_migration::{
    async_trait::async_trait,
    sea_orm::{DbBackend, DbErr},
    sea_query::{ColumnDef, Index, Table, TableCreateStatement},
};

use super::{OwnMigration, Schema, create_tables, tables, text, uuid, word};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0022_long_keys"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        let backend = schema.get_database_backend();
        if !schema.has_column(tables::SELECTION_KEY, "record_hash").await? {
            // What is ticked at this moment has to be ticked again.
            schema.run(Table::drop().table(tables::SELECTION_KEY).if_exists().take()).await?;
            create_tables(schema, [selection_key(backend)]).await?;
        }
        if backend == DbBackend::MySql {
            for (table, columns) in LONG {
                let mut alter = Table::alter();
                alter.table(table);
                for &(column, required) in columns {
                    let mut long = ColumnDef::new(column);
                    long.custom("longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
                    alter.modify_column(if required { long.not_null().take() } else { long.null().take() });
                }
                schema.run(alter.take()).await?;
            }
        }
        Ok(())
    }
}

/// Columns that hold what people typed, or keys, and whether they must have a value.
const LONG: [(&str, &[(&str, bool)]); 5] = [
    (
        tables::BULK_TASK,
        &[("changes", true), ("selection", true), ("error_message", true), ("names", false), ("image_columns", false)],
    ),
    (tables::SELECTED, &[("record_key", true), ("record_version", false)]),
    (tables::TASK_ERROR, &[("record_key", true), ("message", true)]),
    (tables::KEY_RANGE, &[("low_text", false), ("high_text", false)]),
    (tables::SELECTION, &[("filter", false)]),
];

/// `record_hash` is the SHA-256 of the record's key, which may be longer than an index takes.
fn selection_key(backend: DbBackend) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(tables::SELECTION_KEY).col(uuid("selection_id")).col(word("record_hash"));
    match backend {
        // Its text ends at 64 KB.
        DbBackend::MySql => table.col(ColumnDef::new("record_key").custom("longtext").not_null()),
        _ => table.col(text("record_key")),
    };
    table
        .col(ColumnDef::new("excluded").boolean().not_null())
        .primary_key(Index::create().col("selection_id").col("record_hash"))
        .take()
}
