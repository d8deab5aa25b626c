//! The records of a bulk task by their outcome, page by page, so that a hundred thousand need no more memory than a hundred.

mod format;

use std::{collections::HashMap, sync::Arc};

pub use format::Format;
use sea_orm::{
    QueryResult,
    sea_query::{Cond, Expr, ExprTrait as _, Order, Query},
};

use super::{
    BulkTask, RecordError,
    shown::{hide_field, keep_shown},
};
pub use crate::status::Outcome;
use crate::{
    digest::digest,
    engine::Engine,
    error::{Error, Result},
    own::tables,
    query::{self, read},
    resource::{Field, Resource},
};
use powercrud_db::QueryExt as _;

/// A record with its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultRecord {
    /// Its place in the task's frozen selection.
    pub place: i64,
    /// The record.
    pub record_key: String,
    /// Why it failed, where it did.
    pub error: Option<RecordError>,
    /// The record of the same delete that took it along, where that is known.
    pub deleted_with: Option<String>,
    /// What its fields hold now, of more than 1 MB the beginning and the size; `None` where there is no such record any more.
    pub values: Option<Vec<Option<String>>>,
}

/// What is read of a failed record.
const FAILED: [&str; 5] = ["seq", "record_key", "field", "code", "message"];

/// Records a page.
const PAGE: i64 = 1_000;

/// The most failed records that are searched for somebody from whom some may be kept.
const MOST_SEARCHED: u64 = 10_000;

/// The records of one outcome, in the order of the selection.
pub struct Results {
    engine: Engine,
    task: BulkTask,
    resource: Option<Arc<Resource>>,
    outcome: Outcome,
    /// The next place to look at.
    next: i64,
    /// The last one.
    last: i64,
}

impl Results {
    /// The records of `task` with this outcome.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] where its results were purged.
    pub fn new(engine: &Engine, task: BulkTask, outcome: Outcome) -> Result<Self> {
        if let Some(at) = task.results_purged_at {
            return Err(purged(&task, at));
        }
        let resource = engine.resource(&task.resource).ok().cloned();
        let cursor = task.first_seq + task.cursor;
        let end = task.first_seq + task.total_records as i64;
        let (next, last) = match outcome {
            Outcome::Succeeded => (task.first_seq, cursor - 1),
            Outcome::Failed => (task.first_seq, end - 1),
            Outcome::Unprocessed => (cursor, end - 1),
        };
        Ok(Self { engine: engine.clone(), task, resource, outcome, next, last })
    }

    /// Goes on after a place.
    #[must_use]
    pub fn after(mut self, place: i64) -> Self {
        self.next = Ord::max(self.next, place.saturating_add(1));
        self
    }

    /// The names of the fields whose values come with each record; none where the resource is gone.
    pub fn fields(&self) -> Vec<&str> {
        self.resource.iter().flat_map(|resource| &resource.fields).map(|field| field.name.as_str()).collect()
    }

    /// Whether some of the records may have gone with others.
    fn names_takers(&self) -> bool {
        self.task.operation == "delete" && self.outcome == Outcome::Succeeded
    }

    /// The next records, some hundreds or fewer where they are large; `None` after the last.
    ///
    /// # Errors
    /// The database's.
    pub async fn next_page(&mut self) -> Result<Option<Vec<ResultRecord>>> {
        self.read_page(PAGE, read::EDITED).await
    }

    /// As [`Results::next_page`], at most so many, with no more of their values than a page shows.
    pub async fn page(&mut self, most: i64) -> Result<Option<Vec<ResultRecord>>> {
        self.read_page(most, read::SHOWN).await
    }

    async fn read_page(&mut self, most: i64, bytes: u64) -> Result<Option<Vec<ResultRecord>>> {
        let mut records = match self.outcome {
            Outcome::Failed => self.failed(most).await?,
            _ => self.unfailed(most).await?,
        };
        if records.is_empty() {
            return Ok(None);
        }
        self.keep_shown(&mut records).await?;
        if bytes > read::SHOWN {
            self.keep_what_fits(&mut records).await?;
        }
        self.add_values(&mut records, bytes).await?;
        if self.names_takers() {
            self.add_takers(&mut records).await?;
        }
        Ok(Some(records))
    }

    /// Whether there may be more after what was given.
    pub fn has_more(&self) -> bool {
        self.next <= self.last
    }

    /// Of the failed records those that hold every word of `search` in key, field, code or message: how many there are, and as many
    /// as `most` of them after so many others.
    ///
    /// # Errors
    /// The database's.
    pub async fn search(&self, search: &str, offset: u64, most: u64) -> Result<(u64, Vec<ResultRecord>)> {
        let dialect = self.engine.database().dialect();
        let mut select = Query::select();
        select.from(tables::TASK_ERROR).and_where(Expr::col("task_id").eq(self.task.id));
        for word in query::words("q", search).map_err(|error| Error::Invalid(vec![error]))? {
            let columns = ["record_key", "field", "code", "message"];
            let any =
                columns.iter().fold(Cond::any(), |any, column| any.add(dialect.contains(Expr::col(*column), word)));
            select.cond_where(any);
        }
        select.columns(FAILED).order_by("seq", Order::Asc);
        let connection = self.engine.database().connection();
        if self.engine.viewer().is_some() {
            // Those that may not be known of are not counted either.
            let rows = connection.rows(select.limit(MOST_SEARCHED)).await?;
            let mut records = rows.iter().map(read_failed).collect::<Result<Vec<_>>>()?;
            self.keep_shown(&mut records).await?;
            let total = records.len() as u64;
            let mut records: Vec<_> = records.into_iter().skip(offset as usize).take(most as usize).collect();
            self.add_values(&mut records, read::SHOWN).await?;
            return Ok((total, records));
        }
        let mut count = select.clone();
        let total = connection.number(count.clear_selects().clear_order_by().expr(Expr::cust("COUNT(*)"))).await?;
        let rows = connection.rows(select.offset(offset).limit(most)).await?;
        let mut records = rows.iter().map(read_failed).collect::<Result<Vec<_>>>()?;
        self.add_values(&mut records, read::SHOWN).await?;
        Ok((total, records))
    }

    async fn keep_shown(&self, records: &mut Vec<ResultRecord>) -> Result<()> {
        keep_shown(&self.engine, &self.task, records, |record| &record.record_key).await?;
        for error in records.iter_mut().filter_map(|record| record.error.as_mut()) {
            hide_field(&self.engine, &self.task, error);
        }
        Ok(())
    }

    async fn failed(&mut self, most: i64) -> Result<Vec<ResultRecord>> {
        let mut select = Query::select();
        select
            .columns(FAILED)
            .from(tables::TASK_ERROR)
            .and_where(Expr::col("task_id").eq(self.task.id))
            .and_where(Expr::col("seq").between(self.next, self.last))
            .order_by("seq", Order::Asc)
            .limit(most as u64);
        let rows = self.engine.database().connection().rows(&select).await?;
        let records = rows.iter().map(read_failed).collect::<Result<Vec<_>>>()?;
        self.next = records.last().map_or(self.last, |record| record.place) + 1;
        Ok(records)
    }

    /// The records of the next places that did not fail.
    async fn unfailed(&mut self, most: i64) -> Result<Vec<ResultRecord>> {
        let mut found = Vec::new();
        while (found.len() as i64) < most && self.next <= self.last {
            let (from, to) = (self.next, Ord::min(self.last, self.next + most - 1));
            let failed = self.failed_places(from, to).await?;
            for (place, record_key) in self.keys(from, to).await? {
                if !failed.contains(&place) {
                    found.push(ResultRecord { place, record_key, error: None, deleted_with: None, values: None });
                }
            }
            self.next = to + 1;
        }
        if found.len() as i64 > most {
            found.truncate(most as usize);
            self.next = found.last().map_or(self.next, |record| record.place + 1);
        }
        Ok(found)
    }

    async fn failed_places(&self, from: i64, to: i64) -> Result<std::collections::HashSet<i64>> {
        let mut select = Query::select();
        select
            .column("seq")
            .from(tables::TASK_ERROR)
            .and_where(Expr::col("task_id").eq(self.task.id))
            .and_where(Expr::col("seq").between(from, to));
        let rows = self.engine.database().connection().rows(&select).await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }

    /// Places and keys of the frozen selection, whose rows may stand for runs of whole numbers.
    async fn keys(&self, from: i64, to: i64) -> Result<Vec<(i64, String)>> {
        let of_task = |table: &'static str| Expr::col((table, "task_id")).eq(self.task.id);
        let seq = || Expr::col((tables::SELECTED, "seq"));
        // The row that the first place is in may begin before it.
        let first = Query::select()
            .expr(Expr::col(("first_row", "seq")).max())
            .from_as(tables::SELECTED, "first_row")
            .and_where(of_task("first_row"))
            .and_where(Expr::col(("first_row", "seq")).lte(from))
            .take();
        let mut select = Query::select();
        select
            .columns(["seq", "record_key", "run_length"])
            .from(tables::SELECTED)
            .and_where(of_task(tables::SELECTED))
            .and_where(seq().lte(to))
            .and_where(seq().gte(Expr::SubQuery(None, Box::new(first.into()))))
            .order_by((tables::SELECTED, "seq"), Order::Asc);
        let mut keys = Vec::new();
        for row in self.engine.database().connection().rows(&select).await? {
            let (place, key, length): (i64, String, i64) = row.try_get_many_by_index()?;
            if length == 1 {
                keys.push((place, key));
                continue;
            }
            let number: i64 =
                key.parse().map_err(|_| Error::Internal(format!("the frozen key {key:?} is not a whole number")))?;
            let positions = Ord::max(from, place)..=Ord::min(to, place + length - 1);
            keys.extend(positions.map(|at| (at, (number + (at - place)).to_string())));
        }
        Ok(keys)
    }

    async fn add_takers(&self, records: &mut [ResultRecord]) -> Result<()> {
        let hashes: Vec<String> = records.iter().map(|record| digest(&record.record_key)).collect();
        let mut select = Query::select();
        select
            .columns(["record_hash", "cascaded_from"])
            .from(tables::CASCADE)
            .and_where(Expr::col("task_id").eq(self.task.id))
            .and_where(Expr::col("record_hash").is_in(&hashes));
        let mut takers: HashMap<String, String> = HashMap::new();
        for row in self.engine.database().connection().rows(&select).await? {
            let (hash, taker) = row.try_get_many_by_index()?;
            takers.insert(hash, taker);
        }
        for (record, hash) in records.iter_mut().zip(&hashes) {
            record.deleted_with = takers.remove(hash);
        }
        Ok(())
    }

    /// Leaves records whose values are too much for one page to the next one.
    async fn keep_what_fits(&mut self, records: &mut Vec<ResultRecord>) -> Result<()> {
        let Some(resource) = self.resource.clone() else { return Ok(()) };
        let dialect = self.engine.database().dialect();
        let keys: Vec<_> = records.iter().filter_map(|one| query::split_key(&resource, &one.record_key).ok()).collect();
        let Some(mut select) = read::sizes_select(&resource, dialect).filter(|_| !keys.is_empty()) else {
            return Ok(());
        };
        select.and_where(query::keys_condition(&resource, &keys, dialect));
        let mut sizes: HashMap<_, u64> = HashMap::with_capacity(records.len());
        for row in self.engine.database().connection().rows(&select).await? {
            let (key, bytes) = read::read_size(&row)?;
            sizes.insert(query::comparable_key(&resource, &key), bytes);
        }
        let mut bytes = 0;
        let size = |record: &ResultRecord| sizes.get(&query::comparable_key(&resource, &record.record_key)).copied();
        let fits = records.iter().take_while(|record| {
            bytes += size(record).unwrap_or_default();
            bytes <= read::PAGE
        });
        let fit = Ord::max(fits.count(), 1);
        self.engine.room(read::TAKES * bytes).await?;
        if fit < records.len() {
            records.truncate(fit);
            self.next = records.last().map_or(self.next, |record| record.place + 1);
        }
        Ok(())
    }

    /// Adds what fields hold, of each value at most so many bytes.
    async fn add_values(&self, records: &mut [ResultRecord], most: u64) -> Result<()> {
        let Some(resource) = &self.resource else { return Ok(()) };
        let dialect = self.engine.database().dialect();
        let fields: Vec<&Field> = resource.fields.iter().collect();
        let split = |key: &str| query::split_key(resource, key).ok();
        let keys: Vec<_> = records.iter().filter_map(|record| split(&record.record_key)).collect();
        if keys.is_empty() || resource.key_columns().is_empty() {
            return Ok(());
        }
        if most <= read::SHOWN {
            self.engine.room(read::reckoned(&fields, records.len() as u64, most)).await?;
        }
        let mut select = query::row_select(resource, &fields, dialect, most);
        select.and_where(query::keys_condition(resource, &keys, dialect));
        let mut values = HashMap::with_capacity(records.len());
        for row in self.engine.database().connection().rows(&select).await? {
            let row = query::read_row(&row, &fields, most)?;
            let texts = row.cells.iter().map(|cell| (!cell.value.is_null()).then(|| cell.value.to_text()));
            values.insert(query::comparable_key(resource, &row.key), texts.collect());
        }
        for record in records {
            record.values = values.remove(&query::comparable_key(resource, &record.record_key));
        }
        Ok(())
    }
}

/// Says that results are gone, and since when.
pub(crate) fn purged(task: &BulkTask, at: i64) -> Error {
    let at =
        chrono::DateTime::from_timestamp_millis(at).map(|at| at.format("%Y-%m-%d").to_string()).unwrap_or_default();
    Error::NotAllowed(format!("the results of task {} were purged on {at}; its counts are all that is kept", task.id))
}

fn read_failed(row: &QueryResult) -> Result<ResultRecord> {
    let (place, record_key, field, code, message): (i64, String, _, _, _) = row.try_get_many_by_index()?;
    Ok(ResultRecord {
        place,
        error: Some(RecordError { record_key: record_key.clone(), field, code, message }),
        record_key,
        deleted_with: None,
        values: None,
    })
}
