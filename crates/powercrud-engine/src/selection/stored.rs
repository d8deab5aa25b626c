//! What somebody has ticked on a list page, kept on the server: it survives paging, sorting and filtering.

use std::collections::HashSet;

use sea_orm::sea_query::{Cond, Condition, Expr, ExprTrait as _, OnConflict, Order, Query, SelectStatement};
use uuid::Uuid;

use super::{Checked, Selection, keys_in};
use crate::{
    digest::digest,
    engine::Engine,
    error::{Error, FieldError, Result},
    own::tables,
    query::{self, ListParams},
    resource::Resource,
};
use powercrud_db::QueryExt as _;

/// One owner's selection on one resource: all that match a filter (or nothing), with keys added and keys excluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSelection {
    /// The id that requests name it by.
    pub id: Uuid,
    /// "All that match", where that was chosen.
    pub filter: Option<ListParams>,
    /// How many keys are ticked one by one.
    pub added: u64,
    /// How many keys are excluded from what matches.
    pub excluded: u64,
}

/// Rows of a key insert; keeps a statement's parameters far below every database's limit.
const KEYS_A_STATEMENT: usize = 1_000;

/// More than anybody ticks one by one; "all that match" has no limit.
const MOST_KEYS: u64 = 100_000;

/// By what a key is found, which may be longer than an index takes.
fn hash_of(key: &str) -> String {
    digest(key)
}

fn select_id(resource: &Resource, owner: &str) -> SelectStatement {
    Query::select()
        .column("id")
        .from(tables::SELECTION)
        .and_where(Expr::col("owner").eq(owner))
        .and_where(Expr::col("resource").eq(&resource.name))
        .take()
}

impl StoredSelection {
    /// The selection of `owner` on `resource`, where there is one. Writes nothing.
    pub async fn find(engine: &Engine, resource: &Resource, owner: &str) -> Result<Option<Self>> {
        let row = engine.database().connection().row(&select_id(resource, owner)).await?;
        match row {
            Some(row) => Self::load(engine, resource, row.try_get_by_index(0)?).await.map(Some),
            None => Ok(None),
        }
    }

    /// The selection of `owner` on `resource`, made empty where there is none yet.
    pub async fn of_owner(engine: &Engine, resource: &Resource, owner: &str) -> Result<Self> {
        if let Some(known) = Self::find(engine, resource, owner).await? {
            return Ok(known);
        }
        let connection = engine.database().connection();
        // Two requests may come at once; the unique key lets one of them write.
        let mut insert = Query::insert();
        insert
            .into_table(tables::SELECTION)
            .columns(["id", "owner", "resource", "updated_at"])
            .values_panic([
                Uuid::now_v7().into(),
                owner.into(),
                resource.name.as_str().into(),
                engine.database().dialect().now(),
            ])
            .on_conflict(OnConflict::columns(["owner", "resource"]).do_nothing_on(["id"]).to_owned());
        connection.insert(&insert).await?;
        let row = connection.row(&select_id(resource, owner)).await?;
        let row = row.ok_or_else(|| Error::Internal("the selection could not be stored".into()))?;
        Self::load(engine, resource, row.try_get_by_index(0)?).await
    }

    /// The selected records that there are now for whoever `engine` is narrowed for, as a condition over the resource's table.
    ///
    /// # Errors
    /// [`Error::NothingSelected`] where the selection was thrown away meanwhile; the database's.
    pub async fn condition(&self, engine: &Engine, resource: &Resource) -> Result<Condition> {
        Selection::Stored(self.id).check(engine, resource).await?.condition(engine, resource).await
    }

    /// The keys of the selected records that there are now, the first `most` of them by key; a key of several columns is a JSON array.
    ///
    /// # Errors
    /// As [`StoredSelection::condition`].
    pub async fn record_keys(&self, engine: &Engine, resource: &Resource, most: u64) -> Result<Vec<String>> {
        let dialect = engine.database().dialect();
        let mut select = Query::select();
        select
            .expr(resource.key_expr(dialect))
            .from(resource.table.table_ref())
            .cond_where(self.condition(engine, resource).await?)
            .limit(most);
        for column in &resource.table.primary_key {
            select.order_by_expr(Expr::col(resource.table.column_ref(column)), Order::Asc);
        }
        let rows = engine.database().connection().rows(&select).await?;
        Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<std::result::Result<_, _>>()?)
    }

    /// The selection of that id.
    pub(crate) async fn load(engine: &Engine, resource: &Resource, id: Uuid) -> Result<Self> {
        let mut select = Query::select();
        select
            .column("filter")
            .from(tables::SELECTION)
            .and_where(Expr::col("id").eq(id))
            .and_where(Expr::col("resource").eq(&resource.name));
        let row = engine.database().connection().row(&select).await?;
        let row = row.ok_or_else(|| Error::NothingSelected(resource.label.clone()))?;
        let filter = match row.try_get_by_index::<Option<String>>(0)? {
            Some(pairs) => {
                let pairs: Vec<(String, String)> = serde_json::from_str(&pairs)
                    .map_err(|error| Error::Internal(format!("the stored selection can't be read: {error}")))?;
                // Whoever stored it was asked for the right to its task.
                match ListParams::parse_with_task(resource, &pairs) {
                    // A field of it is not for the user any more: nothing is selected by it.
                    Err(Error::Invalid(_)) if engine.viewer().is_some() => None,
                    params => Some(params?),
                }
            }
            None => None,
        };
        let mut stored = Self { id, filter, added: 0, excluded: 0 };
        stored.added = stored.count_keys(engine, false).await?;
        stored.excluded = stored.count_keys(engine, true).await?;
        Ok(stored)
    }

    /// Ticks or unticks records.
    ///
    /// # Errors
    /// [`Error::Invalid`] names each key that is none of the resource's, or says that there are too many; nothing is noted then.
    pub async fn tick(&mut self, engine: &Engine, resource: &Resource, keys: &[String], ticked: bool) -> Result<()> {
        if self.added + self.excluded + keys.len() as u64 > MOST_KEYS {
            let message = format!(
                "{} can't be ticked one by one: {MOST_KEYS} at most; filter the list and select all that match",
                resource.count_in_words(self.added + self.excluded + keys.len() as u64)
            );
            return Err(Error::Invalid(vec![FieldError { field: None, code: "TOO_MANY".into(), message }]));
        }
        let database = engine.database();
        // PostgreSQL takes a key only once in an upsert.
        let keys = query::own_keys(database.connection(), database.dialect(), resource, keys).await?;
        let matching = self.matching(engine, resource, &keys).await?;
        let transaction = database.begin().await?;
        for keys in keys.chunks(KEYS_A_STATEMENT) {
            let mut delete = Query::delete();
            delete
                .from_table(tables::SELECTION_KEY)
                .and_where(Expr::col("selection_id").eq(self.id))
                .and_where(Expr::col("record_hash").is_in(keys.iter().map(|key| hash_of(key))));
            transaction.delete(&delete).await?;
            // A record that matches the filter is in unless excluded; any other is out unless added.
            let noted: Vec<_> = keys.iter().filter(|key| matching.contains(*key) != ticked).collect();
            if noted.is_empty() {
                continue;
            }
            let mut insert = Query::insert();
            insert.into_table(tables::SELECTION_KEY).columns(["selection_id", "record_hash", "record_key", "excluded"]);
            for key in noted {
                insert.values_panic([self.id.into(), hash_of(key).into(), key.as_str().into(), (!ticked).into()]);
            }
            insert
                .on_conflict(OnConflict::columns(["selection_id", "record_hash"]).update_column("excluded").to_owned());
            transaction.insert(&insert).await?;
        }
        transaction.commit().await?;
        self.added = self.count_keys(engine, false).await?;
        self.excluded = self.count_keys(engine, true).await?;
        Ok(())
    }

    /// Selects all records that match, and nothing else.
    pub async fn select_matching(&mut self, engine: &Engine, params: &ListParams) -> Result<()> {
        let pairs =
            serde_json::to_string(&params.filter_pairs()).map_err(|error| Error::Internal(error.to_string()))?;
        let kept = ListParams {
            filters: params.filters.clone(),
            search: params.search.clone(),
            page: 1,
            ..ListParams::default()
        };
        self.replace(engine, Some(pairs)).await?;
        self.filter = Some(kept);
        Ok(())
    }

    /// Selects nothing.
    pub async fn clear(&mut self, engine: &Engine) -> Result<()> {
        self.replace(engine, None).await?;
        self.filter = None;
        Ok(())
    }

    /// How many records are selected and still there.
    pub async fn count(&self, engine: &Engine, resource: &Resource) -> Result<u64> {
        match &self.filter {
            Some(params) => {
                Checked::Matching { params: params.clone(), stored: Some(self.clone()), condition: None }
                    .count(engine, resource)
                    .await
            }
            None if self.added == 0 => Ok(0),
            None => Checked::Ticked(self.clone()).count(engine, resource).await,
        }
    }

    /// Which of `keys` are selected.
    pub async fn selected_among(
        &self,
        engine: &Engine,
        resource: &Resource,
        keys: &[String],
    ) -> Result<HashSet<String>> {
        let mut selected = self.matching(engine, resource, keys).await?;
        for keys in keys.chunks(KEYS_A_STATEMENT) {
            let mut select = Query::select();
            select
                .columns(["record_key", "excluded"])
                .from(tables::SELECTION_KEY)
                .and_where(Expr::col("selection_id").eq(self.id))
                .and_where(Expr::col("record_hash").is_in(keys.iter().map(|key| hash_of(key))));
            for row in engine.database().connection().rows(&select).await? {
                let (key, excluded): (String, bool) = row.try_get_many_by_index()?;
                if excluded {
                    selected.remove(&key);
                } else {
                    selected.insert(key);
                }
            }
        }
        Ok(selected)
    }

    /// `matching` with the added keys, without the excluded ones.
    pub(crate) async fn around(&self, engine: &Engine, resource: &Resource, matching: Condition) -> Result<Condition> {
        let mut condition = Cond::all();
        condition = match self.added {
            0 => condition.add(matching),
            _ => condition.add(Cond::any().add(matching).add(self.keys_condition(engine, resource, false).await?)),
        };
        if self.excluded > 0 {
            condition = condition.add(self.keys_condition(engine, resource, true).await?.not());
        }
        Ok(condition)
    }

    /// Whether a record's key is one of the added, or of the excluded.
    pub(crate) async fn keys_condition(&self, engine: &Engine, resource: &Resource, excluded: bool) -> Result<Expr> {
        keys_in(engine, resource, self.keys(excluded)).await
    }

    /// The keys added or excluded.
    pub(crate) fn keys(&self, excluded: bool) -> SelectStatement {
        Query::select()
            .column("record_key")
            .from(tables::SELECTION_KEY)
            .and_where(Expr::col("selection_id").eq(self.id))
            .and_where(Expr::col("excluded").eq(excluded))
            .take()
    }

    /// Every key that was noted, and whether it is excluded, in the order of the keys.
    pub(crate) async fn noted(&self, engine: &Engine) -> Result<Vec<(String, bool)>> {
        let mut select = Query::select();
        select
            .columns(["record_key", "excluded"])
            .from(tables::SELECTION_KEY)
            .and_where(Expr::col("selection_id").eq(self.id))
            .order_by("record_key", Order::Asc);
        let rows = engine.database().connection().rows(&select).await?;
        rows.iter().map(|row| Ok(row.try_get_many_by_index()?)).collect()
    }

    /// Which of `keys` match the filter.
    async fn matching(&self, engine: &Engine, resource: &Resource, keys: &[String]) -> Result<HashSet<String>> {
        let Some(params) = &self.filter else { return Ok(HashSet::new()) };
        let dialect = engine.database().dialect();
        let mut matching = HashSet::new();
        for keys in keys.chunks(KEYS_A_STATEMENT) {
            let parts = keys.iter().map(|key| query::split_key(resource, key)).collect::<Result<Vec<_>, _>>();
            let parts = parts.map_err(|error| Error::Invalid(vec![error]))?;
            let mut select = Query::select();
            select
                .expr(resource.key_expr(dialect))
                .from(resource.table.table_ref())
                .cond_where(query::condition(resource, params, dialect)?)
                .and_where(query::keys_condition(resource, &parts, dialect));
            for row in engine.database().connection().rows(&select).await? {
                matching.insert(row.try_get_by_index(0)?);
            }
        }
        Ok(matching)
    }

    async fn count_keys(&self, engine: &Engine, excluded: bool) -> Result<u64> {
        let mut select = self.keys(excluded);
        select.clear_selects().expr(Expr::cust("COUNT(*)"));
        Ok(engine.database().connection().number(&select).await?)
    }

    async fn replace(&mut self, engine: &Engine, filter: Option<String>) -> Result<()> {
        let transaction = engine.database().begin().await?;
        let mut delete = Query::delete();
        delete.from_table(tables::SELECTION_KEY).and_where(Expr::col("selection_id").eq(self.id));
        transaction.delete(&delete).await?;
        let mut update = Query::update();
        update
            .table(tables::SELECTION)
            .value("filter", filter)
            .value("updated_at", engine.database().dialect().now())
            .and_where(Expr::col("id").eq(self.id));
        transaction.update(&update).await?;
        transaction.commit().await?;
        (self.added, self.excluded) = (0, 0);
        Ok(())
    }
}
