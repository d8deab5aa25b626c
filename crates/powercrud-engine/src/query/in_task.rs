//! The records of a bulk task by their outcome, as a filter of lists: `in_task=ID.failed`.

use sea_orm::sea_query::{Expr, ExprTrait as _, Query, SelectStatement};
use uuid::Uuid;

use crate::{error::FieldError, own::tables, query::keys_subquery, resource::Resource, status::Outcome, words::listed};
use powercrud_db::Dialect;

/// Records that a bulk task left with an outcome. Whoever takes one from a person has to ask whether that person may see the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InTask {
    /// The task.
    pub task_id: Uuid,
    /// The outcome of the records; `None` for all that the task is about.
    pub outcome: Option<Outcome>,
}

impl InTask {
    /// Its name in query strings.
    pub const NAME: &str = "in_task";

    /// The word for all of a task's records, where otherwise an outcome stands.
    const SELECTED: &str = "selected";

    pub(super) fn parse(text: &str) -> Result<Self, FieldError> {
        let read = || {
            let (id, outcome) = text.split_once('.')?;
            let outcome = match outcome {
                Self::SELECTED => None,
                outcome => Some(outcome.parse().ok()?),
            };
            Some(Self { task_id: Uuid::parse_str(id).ok()?, outcome })
        };
        read().ok_or_else(|| {
            let outcomes = listed(Outcome::ALL);
            let message = format!(
                "{text:?} is not allowed; allowed is a task's id, a dot, and one of {outcomes}, {}",
                Self::SELECTED
            );
            FieldError::new(Self::NAME, "INVALID_VALUE", message)
        })
    }

    /// What `InTask::parse` reads.
    pub fn to_text(self) -> String {
        format!("{}.{}", self.task_id, self.outcome.map_or(Self::SELECTED, Outcome::as_str))
    }

    /// Whether a record of the resource's table is one of them.
    pub(super) fn condition(self, resource: &Resource, dialect: Dialect) -> Expr {
        if self.outcome == Some(Outcome::Failed) {
            return keys_in(resource, self.rows_of(tables::TASK_ERROR), dialect);
        }
        let seq = || Expr::col((tables::SELECTED, "seq"));
        let mut rows = self.rows_of(tables::SELECTED);
        let [column] = resource.key_columns()[..] else {
            self.restrict(&mut rows, seq());
            return keys_in(resource, rows, dialect);
        };
        if !resource.freezes_runs(dialect) {
            self.restrict(&mut rows, seq());
            return keys_in(resource, rows, dialect);
        }
        let key = || Expr::col(resource.table.column_ref(&column.name));
        let (number, offset) = dialect.unrolled(tables::SELECTED, &mut rows);
        self.restrict(&mut rows, seq().add(offset));
        rows.expr(number);
        let among = key().in_subquery(rows);
        let Some(longest) = dialect.longest_unrolled() else { return among };
        // The few runs that are longer: between their ends is no number that is not theirs.
        let first = || dialect.integer(Expr::col((tables::SELECTED, "record_key")));
        let length = || Expr::col((tables::SELECTED, "run_length"));
        let mut long = self.rows_of(tables::SELECTED);
        long.expr(Expr::cust("1"))
            .and_where(length().gt(longest))
            .and_where(key().gte(first()))
            .and_where(key().lt(first().add(length())));
        self.restrict(&mut long, seq().add(key().sub(first())));
        among.or(Expr::exists(long))
    }

    fn rows_of(self, table: &'static str) -> SelectStatement {
        Query::select().from(table).and_where(Expr::col((table, "task_id")).eq(self.task_id)).take()
    }

    /// To the places of the frozen selection that the outcome means: before the cursor or from it on, without those that failed.
    fn restrict(self, rows: &mut SelectStatement, place: Expr) {
        let Some(outcome) = self.outcome else { return };
        let cursor = Query::select()
            .expr(Expr::col((tables::BULK_TASK, "first_seq")).add(Expr::col((tables::BULK_TASK, "cursor"))))
            .from(tables::BULK_TASK)
            .and_where(Expr::col((tables::BULK_TASK, "id")).eq(self.task_id))
            .take();
        let cursor = Expr::SubQuery(None, Box::new(cursor.into()));
        rows.and_where(match outcome {
            Outcome::Succeeded => place.clone().lt(cursor),
            _ => place.clone().gte(cursor),
        });
        let mut failed = self.rows_of(tables::TASK_ERROR);
        failed.expr(Expr::cust("1")).and_where(Expr::col((tables::TASK_ERROR, "seq")).eq(place));
        rows.and_where(Expr::exists(failed).not());
    }
}

/// Whether the record's key is among those of `rows`, which have a `record_key` each.
fn keys_in(resource: &Resource, mut rows: SelectStatement, dialect: Dialect) -> Expr {
    if dialect.binds_chunk_keys() {
        // A list that nothing has to be computed for is looked up by its hash.
        return resource.key_expr(dialect).in_subquery(rows.column("record_key").take());
    }
    keys_subquery(resource, rows, dialect)
}
