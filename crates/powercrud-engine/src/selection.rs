//! Which records a bulk operation is about.
//!
//! "All 12,304 matching" is kept as a filter with exceptions, never as 12,304 ids, and becomes ids only when a task freezes it, by one
//! `INSERT … SELECT` in the database.

mod stored;

use sea_orm::sea_query::{Cond, Condition, Expr, ExprTrait as _, Query, SelectStatement};
use uuid::Uuid;

pub use stored::StoredSelection;

use crate::{
    bulk,
    engine::Engine,
    error::{Error, Result},
    own::tables,
    query::{self, ListParams},
    resource::Resource,
    task::{BulkTask, store},
};
use powercrud_db::{Dialect, QueryExt as _, Value};

/// A selection as a request names it.
#[derive(Clone, Debug)]
pub enum Selection {
    /// Every record.
    All,
    /// Every record that matches these filters and this search.
    Matching(ListParams),
    /// These records, by key.
    Keys(Vec<String>),
    /// What was ticked on a list page.
    Stored(Uuid),
    /// The records of an ended task that failed or were not attempted.
    Unfinished(Uuid),
    /// The records of an ended task whose former values it has kept.
    Kept(Uuid),
}

/// A selection that was checked against its resource: what is frozen, counted and previewed.
#[derive(Clone, Debug)]
pub(crate) enum Checked {
    /// Records that match, with the keys added to them and excluded from them.
    Matching { params: ListParams, stored: Option<StoredSelection> },
    /// Keys in the form that the database writes them in, each once.
    Keys { keys: Vec<String>, parts: Vec<Vec<Value>> },
    /// Keys ticked one by one.
    Ticked(StoredSelection),
    /// What a task left undone.
    Unfinished(Box<BulkTask>),
    /// What a task has changed and kept.
    Kept(Box<BulkTask>),
}

impl Selection {
    /// Checks keys and filters.
    ///
    /// # Errors
    /// [`Error::Invalid`] names each key or filter that does not fit; [`Error::NothingSelected`] where no key is given at all.
    pub(crate) async fn check(self, engine: &Engine, resource: &Resource) -> Result<Checked> {
        Ok(match self {
            Self::All => Checked::Matching { params: ListParams::default(), stored: None },
            Self::Matching(params) => {
                query::condition(resource, &params, engine.database().dialect())?;
                Checked::Matching { params, stored: None }
            }
            Self::Keys(keys) => check_keys(engine, resource, &keys).await?,
            Self::Stored(id) => {
                let stored = StoredSelection::load(engine, resource, id).await?;
                match stored.filter.clone() {
                    Some(params) => Checked::Matching { params, stored: Some(stored) },
                    None => Checked::Ticked(stored),
                }
            }
            Self::Unfinished(task_id) => Checked::Unfinished(Box::new(store::load(engine, task_id).await?)),
            Self::Kept(task_id) => Checked::Kept(Box::new(store::load(engine, task_id).await?)),
        })
    }
}

/// Keys' parameters of one statement; every database takes many more.
const PARAMETERS: usize = 10_000;

/// Keys as the database spells them, each once.
async fn check_keys(engine: &Engine, resource: &Resource, given: &[String]) -> Result<Checked> {
    let database = engine.database();
    let keys = query::own_keys(database.connection(), database.dialect(), resource, given).await?;
    if keys.is_empty() {
        return Err(Error::NothingSelected(resource.label.clone()));
    }
    let parts = keys.iter().map(|key| query::split_key(resource, key)).collect::<Result<_, _>>();
    Ok(Checked::Keys { parts: parts.map_err(|error| Error::Invalid(vec![error]))?, keys })
}

impl Checked {
    /// The selected records that still exist, as a condition over the resource's table.
    pub(crate) async fn condition(&self, engine: &Engine, resource: &Resource) -> Result<Condition> {
        let dialect = engine.database().dialect();
        Ok(match self {
            Self::Matching { params, stored } => {
                let matching = query::condition(resource, params, dialect)?;
                match stored {
                    Some(stored) => stored.around(engine, resource, matching).await?,
                    None => matching,
                }
            }
            Self::Keys { parts, .. } => Cond::all().add(query::keys_condition(resource, parts, dialect)),
            Self::Ticked(stored) => Cond::all().add(stored.keys_condition(engine, resource, false).await?),
            Self::Unfinished(task) => Cond::all().add(keys_in(engine, resource, unfinished(task)).await?),
            Self::Kept(task) => Cond::all().add(keys_in(engine, resource, bulk::kept_records(task.id, dialect)).await?),
        })
    }

    /// The same selection in parts that share no record, each of so few keys that a statement can take them as parameters.
    pub(crate) fn slices(&self, resource: &Resource) -> Vec<Self> {
        let Self::Keys { keys, parts } = self else { return vec![self.clone()] };
        let size = PARAMETERS / resource.table.primary_key.len().max(1);
        keys.chunks(size)
            .zip(parts.chunks(size))
            .map(|(keys, parts)| Self::Keys { keys: keys.to_vec(), parts: parts.to_vec() })
            .collect()
    }

    /// `result` of a statement about the selection. Where the database refused it, the filters that it refuses alone are named.
    pub(crate) async fn blame<T>(&self, engine: &Engine, resource: &Resource, result: Result<T>) -> Result<T> {
        match self {
            Self::Matching { params, .. } => query::blame_filters(engine, resource, params, result).await,
            _ => result,
        }
    }

    /// How many records are selected, without those that are gone.
    pub(crate) async fn count(&self, engine: &Engine, resource: &Resource) -> Result<u64> {
        self.blame(engine, resource, self.count_now(engine, resource).await).await
    }

    async fn count_now(&self, engine: &Engine, resource: &Resource) -> Result<u64> {
        let mut count = 0;
        for slice in self.slices(resource) {
            let mut select = Query::select();
            select
                .expr(Expr::cust("COUNT(*)"))
                .from(resource.table.table_ref())
                .cond_where(slice.condition(engine, resource).await?);
            count += engine.database().connection().number(&select).await?;
        }
        Ok(count)
    }

    /// How the selection was made, for the audit trail.
    pub(crate) fn describe(&self) -> serde_json::Value {
        use serde_json::json;
        match self {
            Self::Matching { params, stored } => {
                let mut described = json!({"matching": params.filter_pairs()});
                if let Some(stored) = stored {
                    described["excluded"] = json!(stored.excluded);
                    described["added"] = json!(stored.added);
                }
                described
            }
            Self::Keys { keys, .. } => json!({"keys": keys.len()}),
            Self::Ticked(stored) => json!({"ticked": stored.added}),
            Self::Unfinished(task) => json!({"unfinished_of": task.id}),
            Self::Kept(task) => json!({"kept_by": task.id}),
        }
    }
}

/// Keys of a task's records that failed or were not attempted.
pub(crate) fn unfinished(task: &BulkTask) -> SelectStatement {
    let selected = tables::SELECTED;
    let seq = || Expr::col((selected, "seq"));
    let failed = Query::select()
        .expr(Expr::cust("1"))
        .from(tables::TASK_ERROR)
        .and_where(Expr::col((tables::TASK_ERROR, "task_id")).eq(task.id))
        .and_where(Expr::col((tables::TASK_ERROR, "seq")).equals((selected, "seq")))
        .take();
    Query::select()
        .column((selected, "record_key"))
        .from(selected)
        .and_where(Expr::col((selected, "task_id")).eq(task.id))
        .and_where(seq().between(task.first_seq, task.first_seq + task.total_records as i64 - 1))
        .cond_where(Cond::any().add(seq().gte(task.first_seq + task.cursor)).add(Expr::exists(failed)))
        .take()
}

/// Whether a record's key is one of those that `keys` (one column, `record_key`) selects. Where the database would run such a
/// subquery row by row over the whole table, the keys are fetched and bound instead.
pub(crate) async fn keys_in(engine: &Engine, resource: &Resource, mut keys: SelectStatement) -> Result<Expr> {
    let dialect = engine.database().dialect();
    if !dialect.binds_chunk_keys() {
        return Ok(keys_subquery(resource, keys, dialect));
    }
    let mut parts = Vec::new();
    for row in engine.database().connection().rows(&keys).await? {
        let key: String = row.try_get_by_index(0)?;
        parts.push(query::split_key(resource, &key).map_err(|error| Error::Invalid(vec![error]))?);
    }
    if parts.len() as i64 > dialect.largest_chunk(resource.key_columns().len()) {
        // More than can be bound: found by their texts, at the price of a look at the whole table.
        return Ok(resource.key_expr(dialect).in_subquery(keys.clear_selects().column("record_key").take()));
    }
    Ok(query::keys_condition(resource, &parts, dialect))
}

/// `key IN (SELECT … FROM (keys))`, each part cast to its column's type so that the table's index serves.
pub(crate) fn keys_subquery(resource: &Resource, mut keys: SelectStatement, dialect: Dialect) -> Expr {
    let columns = resource.key_columns();
    keys.clear_selects();
    for (index, column) in columns.iter().enumerate() {
        keys.expr(dialect.key_part(Expr::col("record_key"), index, columns.len(), column));
    }
    let mut left: Vec<Expr> = columns.iter().map(|column| Expr::col(resource.table.column_ref(&column.name))).collect();
    let left = if left.len() == 1 { left.remove(0) } else { Expr::tuple(left) };
    let among = left.in_subquery(keys);
    match resource.table.own_rows() {
        Some(own) => own.and(among),
        None => among,
    }
}
