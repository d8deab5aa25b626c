//! The frozen selection: which records a task is about, as one sequence of places.

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, IntoColumnRef as _, Order, Query, SelectStatement},
};
use uuid::Uuid;

use crate::{
    bulk::{Plan, chunk::has_triggers, runs},
    cascades::changes_itself,
    error::{Error, Result},
    own::tables,
    selection::kept_records,
    selection::{Checked, unfinished},
};

/// A row of the frozen selection, as far as each way of freezing fills it.
const RUN: [&str; 4] = ["task_id", "record_key", "seq", "run_length"];
const VERSIONED: [&str; 4] = ["task_id", "record_key", "seq", "record_version"];
const VERSIONED_WITHOUT_PLACE: [&str; 3] = ["task_id", "record_key", "record_version"];

/// As far as a revert fills it.
const IMAGED: [&str; 4] = ["image_seq", "task_id", "record_key", "seq"];

/// Where a frozen selection comes from: a SELECT, and the columns of the frozen selection's table that it fills.
pub(super) struct Source {
    select: SelectStatement,
    columns: &'static [&'static str],
    /// Tried first: gives one row where it can do all of it, none where it can't.
    shortcut: Option<SelectStatement>,
}

impl Source {
    fn new(select: SelectStatement, columns: &'static [&'static str]) -> Self {
        Self { select, columns, shortcut: None }
    }
}

/// Rows of a literal insert; four parameters each. Few, for the reason that errors are written in few.
const KEYS_A_STATEMENT: usize = 250;

impl Plan {
    /// Whether images of all records are kept before the first of them is deleted.
    async fn keeps_first(&self) -> bool {
        let (engine, table) = (&self.engine, &self.resource.table);
        self.operation.deletes()
            && self.resource.can_revert()
            && (changes_itself(engine, table) || has_triggers(engine, &self.resource, &*self.operation).await)
    }

    /// Where the frozen selection is inserted from; `None` where the keys are given one by one.
    pub(super) async fn source(&self, task_id: Uuid) -> Result<Option<Source>> {
        let dialect = self.engine.database().dialect();
        let runs = self.resource.freezes_runs(dialect);
        // What was ticked is among the records that there are for the user only as far as the table says so.
        let is_condition = match &self.selection {
            Checked::Matching { .. } => true,
            Checked::Ticked(_) => self.resource.table.scope.is_some(),
            _ => false,
        };
        if self.resource.version.is_some() && !is_condition && !self.reverts() {
            return Ok(None);
        }
        let (mut select, record_key, order) = match &self.selection {
            Checked::Keys { .. } => return Ok(None),
            Checked::Matching { .. } | Checked::Ticked(_) if is_condition => {
                let table = &self.resource.table;
                let mut select = Query::select();
                select
                    .from(table.table_ref())
                    .cond_where(self.selection.condition(&self.engine, &self.resource).await?);
                // A run stands for records of whatever version, and a record whose image is kept before it is known to go is told by its key.
                if runs && self.resource.version.is_none() && !self.keeps_first().await {
                    let shortcut = runs::of_gapless(&self.resource, select.clone(), task_id, dialect);
                    let select = runs::of_table(&self.resource, select.take(), task_id, dialect);
                    return Ok(Some(Source { select, columns: &RUN, shortcut }));
                }
                let order = table.primary_key.iter().map(|name| table.column_ref(name)).collect();
                (select.take(), self.resource.key_expr(dialect), order)
            }
            Checked::Ticked(stored) => {
                (stored.keys(false), Expr::col("record_key"), vec!["record_key".into_column_ref()])
            }
            Checked::Matching { .. } => return Err(Error::Internal("a condition is frozen as one".into())),
            // Each record with the number of its image, which a run could not name.
            Checked::Kept(task) => {
                let mut images = Query::select();
                images.from_subquery(kept_records(task.id, dialect), "kept");
                (images, Expr::col(("kept", "record_key")), vec![("kept", "seq").into_column_ref()])
            }
            Checked::Unfinished(task) if runs && !self.reverts() => {
                let select = runs::of_unfinished(task, task_id, dialect);
                return Ok(Some(Source::new(select, &RUN)));
            }
            Checked::Unfinished(task) => {
                (unfinished(task), Expr::col("record_key"), vec![(tables::SELECTED, "seq").into_column_ref()])
            }
        };
        select.clear_selects();
        if self.reverts() {
            let kept = matches!(self.selection, Checked::Kept(_));
            select.expr(Expr::col(if kept { ("kept", "seq") } else { (tables::SELECTED, "image_seq") }));
        }
        select.expr(Expr::val(task_id)).expr(record_key);
        if dialect.numbers_selected_rows() {
            for column in order {
                select.order_by(column, Order::Asc);
            }
        } else {
            select.expr(dialect.row_number(&order));
        }
        let numbered = dialect.numbers_selected_rows();
        let columns: &[&str] = match &self.resource.version {
            _ if self.reverts() => &IMAGED[..if numbered { 3 } else { 4 }],
            Some(version) => {
                let read = Expr::col(self.resource.table.column_ref(&version.name));
                select.expr(dialect.version(version, read));
                if numbered { &VERSIONED_WITHOUT_PLACE } else { &VERSIONED }
            }
            None => &RUN[..if numbered { 2 } else { 3 }],
        };
        Ok(Some(Source::new(select, columns)))
    }

    /// Writes the selected keys as a dense sequence, in key order, and returns its first place and how many there are.
    pub(super) async fn freeze<C: ConnectionTrait>(
        &self,
        transaction: &C,
        task_id: Uuid,
        source: Option<Source>,
    ) -> Result<(i64, u64)> {
        let numbered_by_database = self.engine.database().dialect().numbers_selected_rows();
        let mut insert = Query::insert();
        insert.into_table(tables::SELECTED);
        let (mut last_place, mut total) = (0, 0);
        if let Some(Source { select, columns, shortcut }) = source {
            insert.columns(columns.iter().copied());
            let mut result = None;
            for select in shortcut.into_iter().chain([select]) {
                let mut insert = insert.clone();
                insert.select_from(select).map_err(|error| Error::Internal(error.to_string()))?;
                let inserted = result.insert(transaction.execute(&insert).await?);
                total = inserted.rows_affected();
                if total > 0 {
                    break;
                }
            }
            // A row may stand for more than one record.
            if total > 0 && columns == RUN {
                total = runs::last_place(transaction, task_id).await?;
            }
            if numbered_by_database && let Some(result) = result {
                last_place = result.last_insert_id() as i64;
            }
        } else if let Some(keys) = self.named_keys(transaction).await? {
            let keys = match &self.resource.version {
                Some(version) => self.with_versions(transaction, keys, version).await?,
                None => keys.into_iter().map(|key| (key, None)).collect(),
            };
            let columns = if numbered_by_database { &VERSIONED_WITHOUT_PLACE[..] } else { &VERSIONED };
            insert.columns(columns.iter().copied());
            for keys in keys.chunks(KEYS_A_STATEMENT) {
                let mut insert = insert.clone();
                for (key, version) in keys {
                    total += 1;
                    let mut row: Vec<Expr> = vec![task_id.into(), key.as_str().into()];
                    if !numbered_by_database {
                        row.push((total as i64).into());
                    }
                    row.push(version.clone().into());
                    insert.values_panic(row);
                }
                let result = transaction.execute(&insert).await?;
                if numbered_by_database {
                    last_place = result.last_insert_id() as i64;
                }
            }
        }
        let first_place = if numbered_by_database { last_place - total as i64 + 1 } else { 1 };
        Ok((first_place, total))
    }
}
