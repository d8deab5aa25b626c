//! The audit trail read back.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait, QueryResult,
    sea_query::{Cond, Expr, ExprTrait as _, Order, Query, SelectStatement},
};

use super::{Action, AuditEntry, record_hash};
use crate::{
    engine::Engine,
    error::{Error, Result},
    own::{
        entity::{self, audit},
        tables,
    },
    resource::Resource,
    task::store::by_user,
    user::User,
};
use powercrud_db::{Dialect, QueryExt as _};

/// Which entries to list.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only what the user of this id did; an empty id is the operator's.
    pub user: Option<String>,
    /// Only this.
    pub action: Option<Action>,
    /// Only what is about this resource.
    pub resource: Option<String>,
    /// Only what is about the record of that resource with this key.
    pub record_key: Option<String>,
    /// Only what happened at this time or later, in milliseconds since 1970 UTC.
    pub from: Option<i64>,
    /// Only what happened before this time.
    pub before: Option<i64>,
    /// How many to skip.
    pub offset: u64,
    /// How many at most; 0 means 50.
    pub limit: u64,
}

/// The entries that fit, newest first, for staff.
///
/// # Errors
/// [`crate::Error::NotAllowed`] for everybody else, and [`crate::Error::UnknownResource`] where a record of one is asked for.
pub async fn list(engine: &Engine, user: &User, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
    let limit = if filter.limit == 0 { 50 } else { filter.limit };
    let select = newest_first().cond_where(condition(engine, user, filter)?).offset(filter.offset).limit(limit).take();
    let rows = engine.database().connection().rows(&select).await?;
    rows.iter().map(|row| Ok(as_shown(engine, read(row)?))).collect()
}

/// How many entries [`list`] would find without a limit.
///
/// # Errors
/// As [`list`].
pub async fn count(engine: &Engine, user: &User, filter: &AuditFilter) -> Result<u64> {
    let select = Query::select()
        .expr(Expr::cust("COUNT(*)"))
        .from(tables::AUDIT)
        .cond_where(condition(engine, user, filter)?)
        .take();
    Ok(engine.database().connection().number(&select).await?)
}

/// Everybody who did something, by id and the latest name; the operator's id is `None`. For staff.
///
/// # Errors
/// [`crate::Error::NotAllowed`] for everybody else.
pub async fn people(engine: &Engine, user: &User) -> Result<Vec<(Option<String>, String)>> {
    user.require_staff()?;
    let select = Query::select()
        .column("user_id")
        .expr(Expr::col("user_name").max())
        .from(tables::AUDIT)
        .add_group_by([Expr::col("user_id")])
        .take();
    people_of(engine, &select).await
}

/// Reads ids with names.
pub async fn people_of(engine: &Engine, select: &SelectStatement) -> Result<Vec<(Option<String>, String)>> {
    let mut people = Vec::new();
    for row in engine.database().connection().rows(select).await? {
        let (id, name): (Option<String>, Option<String>) = row.try_get_many_by_index()?;
        let name = name.or_else(|| id.clone()).unwrap_or_else(|| "operator".to_owned());
        people.push((id, name));
    }
    people.sort_by(|(_, one), (_, other)| one.cmp(other));
    Ok(people)
}

/// What was done to a record one by one, newest first.
pub async fn of_record(engine: &Engine, resource: &Resource, key: &str, limit: u64) -> Result<Vec<AuditEntry>> {
    let of_record = Expr::col("record_hash").eq(record_hash(resource, key));
    let select = newest_first().and_where(of_record).limit(limit).take();
    engine.database().connection().rows(&select).await?.iter().map(read).collect()
}

/// Whether there is an entry of that user that is no older.
pub async fn did_lately<C: ConnectionTrait>(
    transaction: &C,
    dialect: Dialect,
    user_id: &str,
    age: Duration,
) -> Result<bool> {
    let select = Query::select()
        .expr(Expr::cust("1"))
        .from(tables::AUDIT)
        .and_where(Expr::col("user_id").eq(user_id))
        .and_where(Expr::col("at").gt(dialect.now().sub(age.as_millis() as i64)))
        .limit(1)
        .take();
    Ok(transaction.row(&select).await?.is_some())
}

fn newest_first() -> SelectStatement {
    entity::select::<audit::Entity>().order_by("at", Order::Desc).order_by("id", Order::Desc).take()
}

/// The entry without what `engine`'s user may not know of it: fields that there are not for the user, and which record it is about where not
/// all are.
fn as_shown(engine: &Engine, mut entry: AuditEntry) -> AuditEntry {
    let Some(name) = entry.resource.as_ref().filter(|_| engine.viewer().is_some()) else { return entry };
    match engine.resource(name) {
        Ok(resource) if resource.table.scope.is_none() => {
            let shows = |name: &String| resource.field(name).is_some() || resource.many_to_many(name).is_some();
            entry.changes.retain(|name, _| shows(name));
        }
        _ => {
            entry.changes.clear();
            entry.record_key = None;
        }
    }
    entry
}

fn condition(engine: &Engine, user: &User, filter: &AuditFilter) -> Result<Cond> {
    user.require_staff()?;
    let mut all = Cond::all();
    if let Some(id) = &filter.user {
        all = all.add(by_user(id));
    }
    if let (Some(key), Some(resource)) = (&filter.record_key, &filter.resource) {
        let resource = engine.resource(resource)?;
        if resource.table.scope.is_some() {
            let what = format!("look for single {} in the audit trail", resource.label_plural);
            return Err(Error::Forbidden(what));
        }
        all = all.add(Expr::col("record_hash").eq(record_hash(resource, key)));
    }
    let conditions = [
        filter.action.map(|action| Expr::col("action").eq(action.as_str())),
        filter.resource.as_ref().map(|resource| Expr::col("resource").eq(resource)),
        filter.from.map(|from| Expr::col("at").gte(from)),
        filter.before.map(|before| Expr::col("at").lt(before)),
    ];
    Ok(conditions.into_iter().flatten().fold(all, Cond::add))
}

fn read(row: &QueryResult) -> Result<AuditEntry> {
    let row: audit::Model = entity::read(row)?;
    Ok(AuditEntry {
        id: row.id,
        at: row.at,
        user_id: row.user_id,
        user_name: row.user_name,
        action: Action::from_word(&row.action).unwrap_or(Action::Unknown),
        resource: row.resource,
        record_key: row.record_key,
        task_id: row.task_id,
        subject: row.subject,
        reason: row.reason,
        changes: serde_json::from_str(&row.changes).unwrap_or_default(),
    })
}
