//! A chunk's changes of many-to-many fields: for each field a DELETE from the join table, an INSERT into it, or both, over all of the
//! chunk's records at once.

use std::{collections::BTreeSet, time::Duration};

use sea_orm::{
    ConnectionTrait,
    sea_query::{
        Alias, Expr, ExprTrait as _, InsertStatement, IntoColumnRef as _, JoinType, OnConflict, Query, SelectStatement,
    },
};

use super::Chunk;
use crate::{
    bulk::{
        operation::Operation,
        preview::{link_goes, links_differ},
    },
    change::LinkOperation,
    engine::Engine,
    error::{Error, Result},
    faults::LINKS_IN_USE,
    form::LinkChange,
    query,
    resource::{ManyToMany, Resource},
    retry::{nobody, retry},
};
use powercrud_db::{Column, Fault, QueryExt as _, Table, Transaction, Value, close, rules::Rules};

/// The other table, which may be the resource's own.
const OTHER: &str = "powercrud_other";
/// The join table, looked at while it is inserted into.
const LINKED: &str = "powercrud_linked";
/// The links to be made.
const WANTED: &str = "powercrud_wanted";

/// Links made by one statement that reads none.
const PAIRS: usize = 500;

impl Chunk<'_> {
    /// Changes the links of the records at `from..=to` without `blocked`; `keys` says whether a row of the resource's table is one of them.
    pub(super) async fn change_links(
        &mut self,
        transaction: &Transaction,
        from: i64,
        to: i64,
        blocked: &BTreeSet<i64>,
        keys: &Expr,
    ) -> Result<()> {
        let Some(changes) = self.operation.changes() else { return Ok(()) };
        for change in &changes.links {
            let resource = self.resource;
            let Some(field) = resource.many_to_many(&change.field) else { continue };
            let result = async {
                if change.operation != LinkOperation::Add {
                    let [column] = resource.key_columns()[..] else { return Ok(()) };
                    let source = field.through.column_ref(&field.source.name);
                    let linked = self.keys.condition_on(transaction, from, to, blocked, column, source).await?;
                    self.unlink(transaction, field, change, linked).await.map_err(|error| self.in_use(error))?;
                }
                if change.operation.adds() {
                    self.require_targets(transaction, field, change).await?;
                    self.link(transaction, field, change, keys.clone()).await?;
                }
                Ok(())
            };
            result.await.map_err(|error| at_field(error, field))?;
        }
        Ok(())
    }

    async fn unlink<C: ConnectionTrait>(
        &self,
        transaction: &C,
        field: &ManyToMany,
        change: &LinkChange,
        linked: Expr,
    ) -> Result<()> {
        let column = |name: &str| Expr::col(field.through.column_ref(name));
        let Some(goes) = link_goes(field, change, self.engine.database().dialect(), &column) else { return Ok(()) };
        let mut delete = Query::delete();
        delete.from_table(field.through.table_ref()).and_where(linked).cond_where(goes);
        transaction.delete(&delete).await?;
        Ok(())
    }

    /// What hangs on links that are to go, and stands in their way: SQLite does not tell that from links that lead nowhere.
    fn in_use(&self, error: Error) -> Error {
        match error {
            Error::Database(fault) if fault.code == "FOREIGN_KEY" => {
                let said = if self.engine.viewer().is_some() { String::new() } else { format!(" ({})", fault.message) };
                Fault::of_record(LINKS_IN_USE, format!("other records refer to links that would go{said}")).into()
            }
            error => error,
        }
    }

    /// Where the database may have left links as they were, or made others, without an error: whether one of the records that `keys` finds
    /// does not have the links that were asked.
    pub(super) async fn kept_links<C: ConnectionTrait>(&self, connection: &C, keys: &Expr) -> Result<Option<Fault>> {
        let by = self.links_kept_by;
        let Some(changes) = self.operation.changes().filter(|_| !by.is_empty()) else { return Ok(None) };
        let dialect = self.engine.database().dialect();
        for change in &changes.links {
            let Some(differs) = links_differ(self.resource, std::slice::from_ref(change), dialect) else { continue };
            if self.existing(connection, keys.clone().and(differs)).await? > 0 {
                let message = format!(
                    "the database left these links other than asked, perhaps by {by}; nothing of the record was changed"
                );
                let fault = Fault::of_record("NOT_CHANGED", message);
                return Ok(Some(Fault { field: Some(change.field.clone()), ..fault }));
            }
        }
        Ok(None)
    }

    /// Makes the links that are not there yet. What somebody else links at the same moment is no mistake either.
    async fn link(&self, transaction: &Transaction, field: &ManyToMany, change: &LinkChange, keys: Expr) -> Result<()> {
        let [own_key] = self.resource.key_columns()[..] else { return Ok(()) };
        let (source, target) = (field.source.name.as_str(), field.target.name.as_str());
        let other_key = || Expr::col((OTHER, field.reference.column.name.clone()));
        let mut pairs = Query::select();
        pairs
            .expr_as(Expr::col(self.resource.table.column_ref(&own_key.name)), Alias::new("powercrud_source"))
            .expr_as(other_key(), Alias::new("powercrud_target"))
            .from(self.resource.table.table_ref())
            .join_as(
                JoinType::InnerJoin,
                field.reference.table.table_ref(),
                Alias::new(OTHER),
                other_key().is_in(self.targets(field, change)),
            )
            .and_where_option(field.reference.table.own_rows_as(OTHER))
            .and_where(keys);
        let wanted = |column: &'static str| Expr::col((WANTED, column));
        let linked = Query::select()
            .expr(Expr::cust("1"))
            .from_as(field.through.table_ref(), Alias::new(LINKED))
            .and_where(Expr::col((LINKED, source.to_owned()).into_column_ref()).eq(wanted("powercrud_source")))
            .and_where(Expr::col((LINKED, target.to_owned()).into_column_ref()).eq(wanted("powercrud_target")))
            .take();
        let mut missing = Query::select();
        missing
            .expr(wanted("powercrud_source"))
            .expr(wanted("powercrud_target"))
            .from_subquery(pairs, Alias::new(WANTED))
            .and_where(Expr::exists(linked).not());
        let mut insert = links_to_make(field);
        insert.select_from(missing.clone()).map_err(|error| Error::Internal(error.to_string()))?;
        match make_links(transaction, field, &insert).await {
            Err(Error::Database(fault)) if fault.reads_what_a_trigger_writes() => {
                self.link_what_is_read(transaction, field, missing).await
            }
            made => made,
        }
    }

    /// As [`Chunk::link`], by statements that read no table: `missing` selects the pairs.
    async fn link_what_is_read(
        &self,
        transaction: &Transaction,
        field: &ManyToMany,
        mut missing: SelectStatement,
    ) -> Result<()> {
        let [own_key] = self.resource.key_columns()[..] else { return Ok(()) };
        let (dialect, other_key) = (self.engine.database().dialect(), &field.reference.column);
        let wanted = |column: &'static str| Expr::col((WANTED, column));
        missing.clear_selects();
        missing.expr(dialect.read_value(own_key, wanted("powercrud_source")));
        missing.expr(dialect.read_value(other_key, wanted("powercrud_target")));
        let rows = transaction.rows(&missing).await?;
        for rows in rows.chunks(PAIRS) {
            let mut insert = links_to_make(field);
            for row in rows {
                let value = |index: usize, column: &Column| -> Result<Expr> {
                    let text: String = row.try_get_by_index(index)?;
                    let value = Value::parse(column, &text).map_err(|error| Error::Invalid(vec![error]))?;
                    Ok(query::key_value(column, &value, dialect))
                };
                insert.values_panic([value(0, own_key)?, value(1, other_key)?]);
            }
            make_links(transaction, field, &insert).await?;
        }
        Ok(())
    }

    /// Fails where a record to link with is gone since the task was submitted: no record of the task would fare better.
    async fn require_targets<C: ConnectionTrait>(
        &self,
        transaction: &C,
        field: &ManyToMany,
        change: &LinkChange,
    ) -> Result<()> {
        let (table, column) = (&field.reference.table, &field.reference.column);
        let mut select = Query::select();
        select
            .expr(Expr::cust("COUNT(*)"))
            .from(table.table_ref())
            .and_where_option(table.own_rows())
            .and_where(Expr::col(table.column_ref(&column.name)).is_in(self.targets(field, change)));
        if transaction.number(&select).await? >= change.targets.len() as u64 {
            return Ok(());
        }
        let keys: Vec<_> = change.targets.iter().map(|target| target.key.to_text()).collect();
        let message = format!(
            "{}: of the {} with {} {} at least one is gone since this was asked for",
            field.name,
            table.name,
            column.name,
            keys.join(", ")
        );
        Err(Error::Database(Box::new(Fault::of_all("FOREIGN_KEY", &field.name, message))))
    }

    fn targets(&self, field: &ManyToMany, change: &LinkChange) -> Vec<Expr> {
        let dialect = self.engine.database().dialect();
        change.targets.iter().map(|target| query::key_value(&field.reference.column, &target.key, dialect)).collect()
    }
}

/// By what the database may leave out links that an operation makes or takes away, or make others of them, without an error; in words.
pub(super) async fn kept_by(engine: &Engine, resource: &Resource, operation: &dyn Operation) -> String {
    let mut by: Vec<String> = Vec::new();
    for change in operation.changes().map_or(&[][..], |changes| &changes.links) {
        let Some(field) = resource.many_to_many(&change.field) else { continue };
        for kind in change.operation.writes() {
            match Rules::read(engine.database(), &field.through, *kind).await {
                Ok(rules) => by.extend(rules.silent().map(str::to_owned)),
                Err(_) => by.push("a rule of the database".to_owned()),
            }
        }
        // A link that another key refuses is to some databases as one that is there.
        if change.operation.adds() && field.has_other_keys() {
            by.push("another unique key".to_owned());
        }
    }
    by.sort();
    by.dedup();
    by.join(" or ")
}

/// An INSERT into the join table of what is still to be said.
fn links_to_make(field: &ManyToMany) -> InsertStatement {
    let columns = [field.source.name.clone(), field.target.name.clone()];
    let mut insert = Query::insert();
    insert.into_table(field.through.table_ref()).columns(columns.clone());
    if field.has_immediate_key() {
        insert.on_conflict(OnConflict::columns(columns.clone()).do_nothing_on(columns).to_owned());
    }
    insert
}

/// Makes links, of which some may be there by now.
async fn make_links(transaction: &Transaction, field: &ManyToMany, insert: &InsertStatement) -> Result<()> {
    if !field.has_immediate_key() {
        return insert_again(transaction, &field.through, insert).await;
    }
    transaction.write(&field.through, insert).await?;
    Ok(())
}

/// Inserts what is missing by a statement that looks for it, where no key can tell it: what somebody else links between the look and the
/// insert is seen by the next look.
async fn insert_again(transaction: &Transaction, through: &Table, insert: &InsertStatement) -> Result<()> {
    let is_there = |error: &Error| matches!(error, Error::Database(fault) if fault.code == "UNIQUE");
    retry(
        |error, tries| (is_there(error) && tries < 5).then_some(Duration::ZERO),
        nobody,
        || async {
            let savepoint = transaction.begin().await?;
            let result = savepoint.write(through, insert).await.map(drop).map_err(Error::from);
            close(savepoint, result).await
        },
    )
    .await
}

/// A fault of the join table is one of the many-to-many field.
fn at_field(error: Error, field: &ManyToMany) -> Error {
    match error {
        Error::Database(mut fault) => {
            fault.field = Some(field.name.clone());
            Error::Database(fault)
        }
        error => error,
    }
}
