//! Users with a password, their sessions, failed logins, and the name of whoever asked for a bulk task.

use sea_orm_migration::{
    async_trait::async_trait,
    sea_orm::DbErr,
    sea_query::{ColumnDef, Table, TableCreateStatement},
};

use super::{OwnMigration, Schema, create_index, create_tables, number, tables, text, timestamp, uuid, word};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0008_users"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        create_tables(schema, [user(), session(), login_failure()]).await?;
        create_index(schema, "powercrud_session_user", tables::SESSION, &["user_id"]).await?;
        if schema.has_column(tables::BULK_TASK, "user_name").await? {
            return Ok(());
        }
        let name = ColumnDef::new("user_name").string_len(190).take();
        schema.run(Table::alter().table(tables::BULK_TASK).add_column(name).take()).await
    }
}

/// `name_key` is the name in small letters: "Ann" and "ann" are one user.
fn user() -> TableCreateStatement {
    Table::create()
        .table(tables::USER)
        .col(uuid("id").primary_key())
        .col(word("name"))
        .col(word("name_key").unique_key())
        .col(ColumnDef::new("email").string_len(190))
        .col(text("password_hash"))
        .col(ColumnDef::new("is_staff").boolean().not_null())
        .col(ColumnDef::new("is_active").boolean().not_null())
        .col(number("created_at"))
        .col(timestamp("last_login_at"))
        .take()
}

/// A browser that has signed in. What its cookie holds is kept as a SHA-256 only: who reads this table can't sign in by it.
fn session() -> TableCreateStatement {
    Table::create()
        .table(tables::SESSION)
        .col(word("token_hash").primary_key())
        .col(uuid("user_id"))
        .col(number("created_at"))
        .col(number("expires_at"))
        .take()
}

/// Failed logins by the SHA-256 of the name that was tried, also of names that nobody has.
fn login_failure() -> TableCreateStatement {
    Table::create()
        .table(tables::LOGIN_FAILURE)
        .col(word("name_hash").primary_key())
        .col(number("failures"))
        .col(number("last_failed_at"))
        .take()
}
