//! Bearer tokens of the JSON API, and which bulk task each of its requests became.

use sea_orm_migration::{
    async_trait::async_trait,
    sea_orm::DbErr,
    sea_query::{ColumnDef, Index, Table, TableCreateStatement},
};

use super::{OwnMigration, Schema, create_index, create_tables, number, tables, text, timestamp, uuid, word};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0005_api"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        create_tables(schema, [token(), request()]).await?;
        create_index(schema, "powercrud_api_request_age", tables::API_REQUEST, &["created_at"]).await
    }
}

/// `hash` is the SHA-256 of the token, which is kept nowhere; `prefix` is its beginning, by which people tell tokens apart.
fn token() -> TableCreateStatement {
    Table::create()
        .table(tables::API_TOKEN)
        .col(uuid("id").primary_key())
        .col(ColumnDef::new("user_id").string_len(190))
        .col(text("user_name"))
        .col(ColumnDef::new("user_email").text())
        .col(ColumnDef::new("is_staff").boolean().not_null())
        .col(text("name"))
        .col(word("scopes"))
        .col(word("hash"))
        .col(word("prefix"))
        .col(number("created_at"))
        .col(timestamp("expires_at"))
        .col(timestamp("last_used_at"))
        .col(timestamp("revoked_at"))
        .index(Index::create().unique().name("powercrud_api_token_hash").col("hash"))
        .take()
}

/// `request_key` is the hash of whose request it is and the id that they gave it, `fingerprint` that of what was asked for.
fn request() -> TableCreateStatement {
    Table::create()
        .table(tables::API_REQUEST)
        .col(word("request_key").primary_key())
        .col(word("fingerprint"))
        .col(uuid("task_id"))
        .col(number("created_at"))
        .take()
}
