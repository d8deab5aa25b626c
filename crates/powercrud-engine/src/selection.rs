//! Which records a bulk operation is about.
//!
//! "All 12,304 matching" is kept as a filter with exceptions, never as 12,304 ids, and becomes ids only when a task freezes it, by one
//! `INSERT … SELECT` in the database.

mod stored;

use sea_orm::{
    ConnectionTrait as _,
    sea_query::{Cond, Condition, Expr, ExprTrait as _, Query, SelectStatement},
};
use uuid::Uuid;

pub use stored::StoredSelection;

use crate::{
    engine::Engine,
    error::{Error, FieldError, Result},
    own::tables,
    query::keys_subquery,
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
    /// Every record that matches these filters and, beside them, a condition over the resource's table.
    Where(ListParams, Condition),
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
    Matching { params: ListParams, stored: Option<StoredSelection>, condition: Option<Condition> },
    /// Keys in the form that the database writes them in, each once.
    Keys { keys: Vec<String>, parts: Vec<Vec<Value>> },
    /// Keys ticked one by one.
    Ticked(StoredSelection),
    /// What a task left undone.
    Unfinished(Box<BulkTask>),
    /// What a task has changed and kept.
    Kept(Box<BulkTask>),
}

impl From<&StoredSelection> for Selection {
    fn from(stored: &StoredSelection) -> Self {
        Self::Stored(stored.id)
    }
}

impl Selection {
    /// Checks keys and filters.
    ///
    /// # Errors
    /// [`Error::Invalid`] names each key or filter that does not fit; [`Error::NothingSelected`] where no key is given at all.
    pub(crate) async fn check(self, engine: &Engine, resource: &Resource) -> Result<Checked> {
        Ok(match self {
            Self::All => Checked::Matching { params: ListParams::default(), stored: None, condition: None },
            Self::Matching(params) => {
                query::condition(resource, &params, engine.database().dialect())?;
                Checked::Matching { params, stored: None, condition: None }
            }
            Self::Where(params, condition) => {
                query::condition(resource, &params, engine.database().dialect())?;
                check_condition(engine, resource, &condition).await?;
                Checked::Matching { params, stored: None, condition: Some(condition) }
            }
            Self::Keys(keys) => check_keys(engine, resource, &keys).await?,
            Self::Stored(id) => {
                let stored = StoredSelection::load(engine, resource, id).await?;
                match stored.filter.clone() {
                    Some(params) => Checked::Matching { params, stored: Some(stored), condition: None },
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
    if resource.table.scope.is_some() {
        refuse_others(engine, resource, &keys).await?;
    }
    let parts = keys.iter().map(|key| query::split_key(resource, key)).collect::<Result<_, _>>();
    Ok(Checked::Keys { parts: parts.map_err(|error| Error::Invalid(vec![error]))?, keys })
}

/// A condition as the database would read it, its values among it.
fn condition_in_words(engine: &Engine, condition: &Condition) -> String {
    let select = Query::select().expr(Expr::val(1)).cond_where(condition.clone()).take();
    engine.database().connection().get_database_backend().build(&select).to_string()
}

/// Asks the database whether it understands a condition of the application's.
async fn check_condition(engine: &Engine, resource: &Resource, condition: &Condition) -> Result<()> {
    let mut select = Query::select();
    select.expr(Expr::cust("COUNT(*)")).from(resource.table.table_ref()).cond_where(condition.clone());
    select.and_where(Expr::cust("1 = 0"));
    match engine.database().connection().number(&select).await.map_err(Error::from) {
        Err(Error::Database(fault)) if !fault.is_transient() => {
            let message =
                format!("the database does not take this condition over {}: {}", resource.name, fault.message);
            Err(Error::Invalid(vec![FieldError::new("filter", "INVALID_CONDITION", message)]))
        }
        other => other.map(|_| ()),
    }
}

/// Keys that are named in errors; more are only counted.
const NAMED: usize = 100;

/// Refuses keys of records that there are not for whoever asks, whether there are such records or not: who gives a key is not to learn
/// that.
async fn refuse_others(engine: &Engine, resource: &Resource, keys: &[String]) -> Result<()> {
    let missing = query::not_there(engine, resource, keys).await?;
    let error = |message: String| FieldError::new("key", "RECORD_NOT_FOUND", message);
    let mut errors: Vec<_> =
        missing.iter().take(NAMED).map(|key| error(format!("there is no {} with key {key}", resource.label))).collect();
    if missing.len() > NAMED {
        errors.push(error(format!("nor are there {}", resource.count_in_words((missing.len() - NAMED) as u64))));
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

impl Checked {
    /// The selected records that still exist, as a condition over the resource's table.
    pub(crate) async fn condition(&self, engine: &Engine, resource: &Resource) -> Result<Condition> {
        let condition = self.any_rows(engine, resource).await?;
        // However the records are named.
        let own = resource.table.scope.as_ref().and_then(|_| resource.table.own_rows());
        Ok(match own {
            Some(own) => Cond::all().add(own).add(condition),
            None => condition,
        })
    }

    async fn any_rows(&self, engine: &Engine, resource: &Resource) -> Result<Condition> {
        let dialect = engine.database().dialect();
        Ok(match self {
            Self::Matching { params, stored, condition } => {
                let mut matching = query::condition(resource, params, dialect)?;
                if let Some(condition) = condition {
                    matching = Cond::all().add(matching).add(condition.clone());
                }
                match stored {
                    Some(stored) => stored.around(engine, resource, matching).await?,
                    None => matching,
                }
            }
            Self::Keys { parts, .. } => Cond::all().add(query::keys_condition(resource, parts, dialect)),
            Self::Ticked(stored) => Cond::all().add(stored.keys_condition(engine, resource, false).await?),
            Self::Unfinished(task) => Cond::all().add(keys_in(engine, resource, unfinished(task)).await?),
            Self::Kept(task) => Cond::all().add(keys_in(engine, resource, kept_records(task.id, dialect)).await?),
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
    pub(crate) async fn attribute_error<T>(
        &self,
        engine: &Engine,
        resource: &Resource,
        result: Result<T>,
    ) -> Result<T> {
        match self {
            Self::Matching { params, .. } => query::attribute_filter_error(engine, resource, params, result).await,
            _ => result,
        }
    }

    /// Why nothing is selected, where a filter is why; what was selected on a list stays so, whatever its records hold since.
    pub(crate) async fn explain_nothing(&self, engine: &Engine, resource: &Resource) -> Result<()> {
        match self {
            Self::Matching { params, stored: None, .. } => query::check_filters(engine, resource, params, Ok(())).await,
            _ => Ok(()),
        }
    }

    /// How many records are selected, without those that are gone.
    pub(crate) async fn count(&self, engine: &Engine, resource: &Resource) -> Result<u64> {
        self.attribute_error(engine, resource, self.count_now(engine, resource).await).await
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
    pub(crate) fn describe(&self, engine: &Engine) -> serde_json::Value {
        use serde_json::json;
        match self {
            Self::Matching { params, stored, condition } => {
                let mut described = json!({"matching": params.filter_pairs()});
                if let Some(condition) = condition {
                    described["condition"] = json!(condition_in_words(engine, condition));
                }
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

/// Whether a task's images were kept before anything was deleted, also of records that then stayed.
pub(crate) fn kept_first(task_id: Uuid) -> SelectStatement {
    Query::select()
        .expr(Expr::cust("1"))
        .from(tables::IMAGE)
        .and_where(Expr::col("task_id").eq(task_id))
        .and_where(Expr::col("side").eq(tables::IMAGE_KEPT_FIRST))
        .take()
}

/// The records that a task changed or deleted and whose values it keeps, each once: key and number, under the names `record_key` and
/// `seq`; none once they are being thrown away.
pub(crate) fn kept_records(task_id: Uuid, dialect: Dialect) -> SelectStatement {
    let record_key = dialect.custom("COALESCE(?, ?)", [Expr::col("record_key"), dialect.text(Expr::col("seq"))]);
    let (task, selected) = (tables::BULK_TASK, tables::SELECTED);
    let stayed = Query::select()
        .column((selected, "record_key"))
        .from(selected)
        .inner_join(task, Expr::col((task, "id")).equals((selected, "task_id")))
        .and_where(Expr::col((selected, "task_id")).eq(task_id))
        .cond_where(not_done(Expr::col((task, "first_seq")).add(Expr::col((task, "cursor")))))
        .take();
    let went = Expr::exists(kept_first(task_id)).not().or(record_key.clone().not_in_subquery(stayed));
    let purged = Query::select()
        .expr(Expr::cust("1"))
        .from(tables::BULK_TASK)
        .and_where(Expr::col((tables::BULK_TASK, "id")).eq(task_id))
        .and_where(Expr::col((tables::BULK_TASK, "images_purged_at")).is_not_null())
        .take();
    Query::select()
        .expr_as(record_key, "record_key")
        .column("seq")
        .from(tables::IMAGE)
        .and_where(Expr::col("task_id").eq(task_id))
        .and_where(Expr::col("side").eq(tables::IMAGE_BEFORE))
        .and_where(Expr::col("part").eq(0i16))
        .and_where(Expr::exists(purged).not())
        .and_where(went)
        .take()
}

/// Keys of a task's records that failed or were not attempted.
pub(crate) fn unfinished(task: &BulkTask) -> SelectStatement {
    let selected = tables::SELECTED;
    let last = task.first_seq + task.total_records as i64 - 1;
    Query::select()
        .column((selected, "record_key"))
        .from(selected)
        .and_where(Expr::col((selected, "task_id")).eq(task.id))
        .and_where(Expr::col((selected, "seq")).between(task.first_seq, last))
        .cond_where(not_done(Expr::val(task.first_seq + task.cursor)))
        .take()
}

/// Whether a selected record failed, or is at a place from `next` on, the first that was not attempted.
fn not_done(next: Expr) -> Cond {
    let selected = tables::SELECTED;
    let failed = Query::select()
        .expr(Expr::cust("1"))
        .from(tables::TASK_ERROR)
        .and_where(Expr::col((tables::TASK_ERROR, "task_id")).equals((selected, "task_id")))
        .and_where(Expr::col((tables::TASK_ERROR, "seq")).equals((selected, "seq")))
        .take();
    Cond::any().add(Expr::col((selected, "seq")).gte(next)).add(Expr::exists(failed))
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
