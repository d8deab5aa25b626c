//! Deleted records that can't come back because what they refer to is neither there nor comes back with them.

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::sea_query::{Alias, Cond, Expr, ExprTrait as _, JoinType, Query};

use super::{Chunk, Range};
use crate::{
    bulk::images::{Images, KEPT, Side},
    cascades::is_same,
    error::Result,
};
use powercrud_db::{ForeignKey, QueryExt as _, Transaction};

const TARGET: &str = "powercrud_target";
const PARENT: &str = "powercrud_parent";

/// The places of the records that one refers to, by its own place.
type Parents = HashMap<i64, HashSet<i64>>;

/// Of more records it is not looked which come back for each other's sake.
const MOST: u64 = 5_000;

impl Chunk<'_> {
    /// The places of these records that would refer to nothing, even if all others of them came back.
    pub(super) async fn find_unsupported(
        &self,
        transaction: &Transaction,
        images: &Images,
        range: Range<'_>,
    ) -> Result<BTreeSet<i64>> {
        let mut unsupported = BTreeSet::new();
        if range.size > MOST {
            return Ok(unsupported);
        }
        let table = &self.resource.table;
        // By reference to the table itself: the places that refer to nothing that is there, and those that they refer to.
        let mut leaning: Vec<(Vec<i64>, Parents)> = Vec::new();
        for key in &table.foreign_keys {
            let Some(target) = self.engine.catalog().table(key.referenced_schema.as_deref(), &key.referenced_table)
            else {
                continue;
            };
            let Some(columns) = positions(images, &key.columns) else { continue };
            let missing = self.referring_to_none(transaction, images, range, key, &columns).await?;
            if !is_same(target, table) {
                unsupported.extend(missing);
            } else if let (false, Some(referenced)) = (missing.is_empty(), positions(images, &key.referenced_columns)) {
                leaning.push((missing, self.parents(transaction, images, range, &columns, &referenced).await?));
            }
        }
        loop {
            let before = unsupported.len();
            for (missing, parents) in &leaning {
                let is_held = |place: &i64| {
                    let parents = parents.get(place);
                    parents.is_some_and(|parents| parents.iter().any(|parent| !unsupported.contains(parent)))
                };
                let fallen: Vec<i64> = missing.iter().copied().filter(|place| !is_held(place)).collect();
                unsupported.extend(fallen);
            }
            if unsupported.len() == before {
                return Ok(unsupported);
            }
        }
    }

    /// The places of records whose reference leads to no row that is there.
    async fn referring_to_none(
        &self,
        transaction: &Transaction,
        images: &Images,
        range: Range<'_>,
        key: &ForeignKey,
        columns: &[usize],
    ) -> Result<Vec<i64>> {
        let dialect = self.engine.database().dialect();
        let catalog = self.engine.catalog();
        let Some(target) = catalog.table(key.referenced_schema.as_deref(), &key.referenced_table) else {
            return Ok(Vec::new());
        };
        let mut there = Query::select();
        there.expr(Expr::cust("1")).from_as(target.table_ref(), Alias::new(TARGET));
        let mut given = Cond::all();
        for (&index, referenced) in columns.iter().zip(&key.referenced_columns) {
            there.and_where(Expr::col((TARGET, referenced.clone())).eq(images.before(dialect, index)));
            given = given.add(images.before_cell(KEPT, index).is_not_null());
        }
        let mut select = Query::select();
        select
            .column((KEPT, "place"))
            .from_subquery(self.kept_images(images, range), Alias::new(KEPT))
            .cond_where(given.add(Expr::exists(there.take()).not()));
        let rows = transaction.rows(&select).await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }

    /// By place, the places of the records among these that each refers to.
    async fn parents(
        &self,
        transaction: &Transaction,
        images: &Images,
        range: Range<'_>,
        columns: &[usize],
        referenced: &[usize],
    ) -> Result<Parents> {
        let dialect = self.engine.database().dialect();
        let mut same = Cond::all();
        for (&index, &referenced) in columns.iter().zip(referenced) {
            let parent = images.before_cell(PARENT, referenced);
            same = same.add(images.is_as(Side::Before, dialect, index, parent));
        }
        let kept = || self.kept_images(images, range);
        let mut select = Query::select();
        select.column((KEPT, "place")).column((PARENT, "place")).from_subquery(kept(), Alias::new(KEPT)).join_subquery(
            JoinType::InnerJoin,
            kept(),
            Alias::new(PARENT),
            same,
        );
        let mut parents = Parents::new();
        for row in transaction.rows(&select).await? {
            let (place, parent): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            parents.entry(place).or_default().insert(parent);
        }
        Ok(parents)
    }
}

/// Where columns are among those of the images; `None` where one of them is not kept.
fn positions(images: &Images, names: &[String]) -> Option<Vec<usize>> {
    names.iter().map(|name| images.columns.iter().position(|column| column.name == *name)).collect()
}
