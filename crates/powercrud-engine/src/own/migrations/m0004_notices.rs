//! Notices of ended tasks, waiting to be delivered or delivered, and the messages under the bell.

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
        "m0004_notices"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        create_tables(schema, [notice(), message()]).await?;
        create_index(schema, "powercrud_notice_due", tables::NOTICE, &["status", "next_attempt_at"]).await?;
        create_index(schema, "powercrud_message_user", tables::MESSAGE, &["user_id", "seen_at"]).await?;
        create_index(schema, "powercrud_message_task", tables::MESSAGE, &["task_id"]).await?;
        if schema.has_column(tables::BULK_TASK, "user_email").await? {
            return Ok(());
        }
        // A worker that ends the task has never seen the user.
        let column = ColumnDef::new("user_email").string_len(320).take();
        schema.run(Table::alter().table(tables::BULK_TASK).add_column(column).take()).await
    }
}

fn notice() -> TableCreateStatement {
    Table::create()
        .table(tables::NOTICE)
        .col(uuid("id").primary_key())
        .col(uuid("task_id"))
        .col(word("channel"))
        .col(ColumnDef::new("recipient").string_len(320).not_null())
        .col(word("status"))
        .col(number("attempts"))
        .col(number("next_attempt_at"))
        .col(text("last_error"))
        .col(number("created_at"))
        .col(timestamp("sent_at"))
        .index(Index::create().unique().name("powercrud_notice_once").col("task_id").col("channel").col("recipient"))
        .take()
}

/// `user_id` is NULL for the operator. `shown_at`: when it came up on a page; `seen_at`: when the user put it away or looked at the task.
fn message() -> TableCreateStatement {
    Table::create()
        .table(tables::MESSAGE)
        .col(uuid("id").primary_key())
        .col(ColumnDef::new("user_id").string_len(190))
        .col(uuid("task_id"))
        .col(text("text"))
        .col(word("level"))
        .col(number("created_at"))
        .col(timestamp("shown_at"))
        .col(timestamp("seen_at"))
        .take()
}
