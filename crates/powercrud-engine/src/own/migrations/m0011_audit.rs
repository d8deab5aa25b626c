//! Who did what, and why.

use sea_orm_migration::{
    async_trait::async_trait,
    sea_orm::{DbBackend, DbErr},
    sea_query::{ColumnDef, Table, TableCreateStatement},
};

use super::{OwnMigration, Schema, create_index, create_tables, number, tables, text, uuid, word};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0011_audit"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        create_tables(schema, [audit(schema.get_database_backend())]).await?;
        create_index(schema, "powercrud_audit_at", tables::AUDIT, &["at"]).await?;
        create_index(schema, "powercrud_audit_record", tables::AUDIT, &["record_hash", "at"]).await?;
        create_index(schema, "powercrud_audit_user", tables::AUDIT, &["user_id", "at"]).await?;
        create_index(schema, "powercrud_audit_resource", tables::AUDIT, &["resource", "at"]).await
    }
}

/// `record_hash` is the SHA-256 of the table and the record's key, which may be longer than an index takes. `changes` is an object of
/// field to what it held and holds: `{"from": …, "to": …}`, either of which may be unknown. `user_id` is NULL for the operator.
fn audit(backend: DbBackend) -> TableCreateStatement {
    let mut table = Table::create();
    table
        .table(tables::AUDIT)
        .col(uuid("id").primary_key())
        .col(number("at"))
        .col(ColumnDef::new("user_id").string_len(190))
        .col(ColumnDef::new("user_name").string_len(190))
        .col(word("action"))
        .col(ColumnDef::new("resource").string_len(190))
        .col(ColumnDef::new("record_key").text())
        .col(ColumnDef::new("record_hash").string_len(64))
        .col(ColumnDef::new("task_id").uuid())
        .col(text("subject"))
        .col(text("reason"));
    match backend {
        // Its text ends at 64 KB.
        DbBackend::MySql => table.col(ColumnDef::new("changes").custom("longtext").not_null()),
        _ => table.col(text("changes")),
    };
    table.take()
}
