//! The errors of records, as rows of their task.

use sea_orm::{ConnectionTrait, sea_query::Query};

use crate::{bulk::chunk::Failed, error::Result, own::tables};
use powercrud_db::QueryExt as _;

/// Rows of an error insert; six parameters each. The same statement again is prepared already, and short messages leave at once: sqlx
/// leaves Nagle's algorithm on, so that the end of a long one waits some 40 ms for an acknowledgement.
const ERRORS_A_STATEMENT: usize = 100;

pub(super) async fn write_errors<C: ConnectionTrait>(
    transaction: &C,
    task_id: uuid::Uuid,
    errors: &[Failed],
) -> Result<()> {
    for errors in errors.chunks(ERRORS_A_STATEMENT) {
        let mut insert = Query::insert();
        insert.into_table(tables::TASK_ERROR).columns(["task_id", "seq", "record_key", "field", "code", "message"]);
        for Failed { seq, record_key, error, .. } in errors {
            insert.values_panic([
                task_id.into(),
                (*seq).into(),
                record_key.as_str().into(),
                error.field.clone().into(),
                error.code.as_str().into(),
                error.message.as_str().into(),
            ]);
        }
        transaction.insert(&insert).await?;
    }
    Ok(())
}
