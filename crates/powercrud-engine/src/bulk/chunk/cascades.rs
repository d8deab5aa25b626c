//! Which records of a delete go with which other: what is deleted takes its children along, and theirs, and some of those may be selected
//! as well. They are looked for just before the statement, in tables alone whose cascades lead back to themselves.

use std::collections::HashMap;

use sea_orm::{
    ConnectionTrait,
    sea_query::{Alias, Expr, ExprTrait as _, IntoColumnRef as _, JoinType, OnConflict, Query},
};

use super::Chunk;
use crate::{
    bulk::preview::REFERRERS,
    cascades::{is_readable, is_same},
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
    pub(super) async fn note_cascades<C: ConnectionTrait>(
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
        let own: HashMap<String, i64> =
            self.keys.among(connection, from, to, |_| true).await?.into_iter().map(|(seq, key)| (key, seq)).collect();
        let mut followed = 0;
        for _ in 0..STEPS {
            found.retain(|key| !own.contains_key(key));
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
        self.write_cascades(connection, &takers(&parents, &own)).await
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

    async fn write_cascades<C: ConnectionTrait>(&self, connection: &C, taken: &[(&String, &String)]) -> Result<()> {
        for page in taken.chunks(PAGE) {
            let mut insert = Query::insert();
            insert.into_table(tables::CASCADE).columns(["task_id", "record_hash", "cascaded_from"]);
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

/// Each child with the first of its ancestors, whose delete took all of them along. Where they go in a circle, that is the first of the
/// records that the statement itself deletes, whose places are `own`.
fn takers<'a>(parents: &'a HashMap<String, String>, own: &HashMap<String, i64>) -> Vec<(&'a String, &'a String)> {
    let mut first: HashMap<&String, &String> = HashMap::with_capacity(parents.len());
    for key in parents.keys() {
        let mut climbed: Vec<&String> = Vec::new();
        let mut places: HashMap<&String, usize> = HashMap::new();
        let mut at = key;
        let top = loop {
            if let Some(known) = first.get(at) {
                break *known;
            }
            if let Some(start) = places.insert(at, climbed.len()) {
                let order = |key: &&&String| (own.get(**key).copied().unwrap_or(i64::MAX), (**key).clone());
                break climbed[start..].iter().min_by_key(order).copied().unwrap_or(at);
            }
            climbed.push(at);
            match parents.get(at) {
                Some(parent) => at = parent,
                None => break at,
            }
        };
        first.extend(climbed.into_iter().map(|one| (one, top)));
    }
    let with = |key: &'a String| Some((key, *first.get(key)?));
    parents.keys().filter_map(with).filter(|(key, top)| key != top).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(parents: &[(&str, &str)], own: &[&str]) -> Vec<(String, String)> {
        let parents = parents.iter().map(|(key, parent)| ((*key).to_owned(), (*parent).to_owned())).collect();
        let own = own.iter().zip(1..).map(|(key, place)| ((*key).to_owned(), place)).collect();
        let mut told: Vec<_> =
            takers(&parents, &own).into_iter().map(|(key, with)| (key.clone(), with.clone())).collect();
        told.sort();
        told
    }

    fn with(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, with)| ((*key).to_owned(), (*with).to_owned())).collect()
    }

    #[test]
    fn one_record_of_a_circle_is_the_cause() {
        let circle = [("1", "3"), ("2", "1"), ("3", "2"), ("4", "3"), ("5", "4")];
        let all = ["2", "1", "3", "4", "5"];
        assert_eq!(told(&circle, &all), with(&[("1", "2"), ("3", "2"), ("4", "2"), ("5", "2")]));
        // Only 3 is the statement's own.
        assert_eq!(told(&circle, &["3"]), with(&[("1", "3"), ("2", "3"), ("4", "3"), ("5", "3")]));
    }

    #[test]
    fn a_tree_goes_with_its_root() {
        assert_eq!(told(&[("2", "1"), ("3", "2")], &["1", "2", "3"]), with(&[("2", "1"), ("3", "1")]));
    }
}
