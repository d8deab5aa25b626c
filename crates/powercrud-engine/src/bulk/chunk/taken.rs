//! Which records of a delete go with which other: what is deleted takes its children along, and theirs, and some of those may be selected
//! as well. They are looked for just before the statement, in tables alone whose cascades lead back to themselves.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ConnectionTrait,
    sea_query::{Alias, Expr, ExprTrait as _, IntoColumnRef as _, JoinType, OnConflict, Query},
};

use super::Chunk;
use crate::{
    bulk::preview::{REFERRERS, is_readable, is_same},
    digest::digest,
    error::Result,
    own::tables,
    query,
};
use powercrud_db::{ForeignKey, QueryExt as _, ReferentialAction, Table};

/// A way by which deletes lead from a table back to it.
type Path<'a> = Vec<(&'a Table, &'a ForeignKey)>;

/// No more ways than these are followed.
const PATHS: usize = 8;
/// Of the records that go without being among the statement's, so many are followed, so many steps deep.
const FOLLOWED: usize = 10_000;
const STEPS: usize = 50;
/// Keys looked up, and notes written, at once.
const PAGE: usize = 100;

/// Adds to `paths` how a delete from `table` may lead to `target`, `path` being how it led to `table`.
fn add_paths<'a>(
    chunk: &Chunk<'a>,
    (target, table): (&'a Table, &'a Table),
    path: &mut Path<'a>,
    paths: &mut Vec<Path<'a>>,
) {
    let follows =
        |from: &Table, key: &ForeignKey| key.on_delete == ReferentialAction::Cascade && is_readable(from, key);
    for (from, key) in chunk.engine.catalog().referrers(table).filter(|(from, key)| follows(from, key)) {
        if paths.len() == PATHS || path.len() == REFERRERS.len() || path.iter().any(|(known, _)| is_same(known, from)) {
            continue;
        }
        path.push((from, key));
        if is_same(from, target) {
            paths.push(path.clone());
        } else {
            add_paths(chunk, (target, from), path, paths);
        }
        path.pop();
    }
}

impl<'a> Chunk<'a> {
    /// Notes which records go with one of those at `from..=to`, which `keys` finds, as far as it can be told.
    pub(super) async fn note_taken<C: ConnectionTrait>(
        &self,
        connection: &C,
        (from, to): (i64, i64),
        keys: &Expr,
    ) -> Result<()> {
        let table: &'a Table = &self.resource.table;
        let mut paths = Vec::new();
        add_paths(self, (table, table), &mut Vec::new(), &mut paths);
        let mut parents = HashMap::new();
        let mut found = self.children(connection, &paths, keys, &mut parents).await?;
        if found.is_empty() {
            return Ok(());
        }
        // The children of the statement's own records are found.
        let own: HashSet<String> =
            self.keys.among(connection, from, to, |_| true).await?.into_iter().map(|(_, key)| key).collect();
        let mut followed = 0;
        for _ in 0..STEPS {
            found.retain(|key| !own.contains(key));
            found.truncate(FOLLOWED - followed);
            followed += found.len();
            if found.is_empty() {
                break;
            }
            let mut next = Vec::new();
            for page in found.chunks(PAGE) {
                let parts: Vec<_> = page.iter().filter_map(|key| query::split_key(self.resource, key).ok()).collect();
                let keys = query::keys_condition(self.resource, &parts, self.engine.database().dialect());
                next.append(&mut self.children(connection, &paths, &keys, &mut parents).await?);
            }
            found = next;
        }
        self.write_taken(connection, &takers(&parents)).await
    }

    /// The children of the records that `keys` finds, as far as `parents` does not have them yet; adds each with its parent.
    async fn children<C: ConnectionTrait>(
        &self,
        connection: &C,
        paths: &[Path<'_>],
        keys: &Expr,
        parents: &mut HashMap<String, String>,
    ) -> Result<Vec<String>> {
        let (table, dialect) = (&self.resource.table, self.engine.database().dialect());
        let mut found = Vec::new();
        for path in paths {
            let mut select = Query::select();
            select.from(table.table_ref()).and_where(keys.clone());
            let mut last = None;
            for ((from, key), alias) in path.iter().zip(REFERRERS) {
                let mut on = from.own_rows_as(alias).into_iter().collect::<Vec<_>>();
                for (column, referenced) in key.columns.iter().zip(&key.referenced_columns) {
                    let referenced = match last {
                        None => table.column_ref(referenced),
                        Some(last) => (Alias::new(last), Alias::new(referenced)).into_column_ref(),
                    };
                    on.push(Expr::col((Alias::new(alias), Alias::new(column))).eq(Expr::col(referenced)));
                }
                let on = on.into_iter().reduce(Expr::and).unwrap_or_else(|| Expr::cust("1 = 0"));
                select.join_as(JoinType::InnerJoin, from.table_ref(), Alias::new(alias), on);
                last = Some(alias);
            }
            let Some(child) = last else { continue };
            let columns = self.resource.key_columns();
            let key =
                columns.iter().map(|column| (*column, (Alias::new(child), Alias::new(&column.name)).into_column_ref()));
            select.expr(dialect.record_key(&key.collect::<Vec<_>>())).expr(self.resource.key_expr(dialect));
            for row in connection.rows(&select).await? {
                let (child, parent): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
                if child != parent && !parents.contains_key(&child) {
                    found.push(child.clone());
                    parents.insert(child, parent);
                }
            }
        }
        Ok(found)
    }

    async fn write_taken<C: ConnectionTrait>(&self, connection: &C, taken: &[(&String, &String)]) -> Result<()> {
        for page in taken.chunks(PAGE) {
            let mut insert = Query::insert();
            insert.into_table(tables::TAKEN).columns(["task_id", "record_hash", "taken_by"]);
            for (key, by) in page {
                insert.values_panic([self.task_id.into(), digest(key).into(), by.as_str().into()]);
            }
            let key = ["task_id", "record_hash"];
            insert.on_conflict(OnConflict::columns(key).do_nothing_on(key).to_owned());
            connection.insert(&insert).await?;
        }
        Ok(())
    }
}

/// Each child with the first of its ancestors, whose delete took all of them along; where they go in a circle, with its parent.
fn takers(parents: &HashMap<String, String>) -> Vec<(&String, &String)> {
    let mut first: HashMap<&String, Option<&String>> = HashMap::with_capacity(parents.len());
    for key in parents.keys() {
        let mut climbed = Vec::new();
        let mut at = key;
        let top = loop {
            match (first.get(at), parents.get(at)) {
                (Some(known), _) => break *known,
                (None, None) => break Some(at),
                (None, Some(parent)) => {
                    // Whoever comes back to itself has no first ancestor.
                    first.insert(at, None);
                    climbed.push(at);
                    at = parent;
                }
            }
        };
        for one in climbed {
            first.insert(one, top);
        }
    }
    parents.iter().map(|(key, parent)| (key, first.get(key).copied().flatten().unwrap_or(parent))).collect()
}
