//! A chunk stays within the rows that there are for whoever asked: those that are not among them (any more) are not touched, and none is
//! changed so that it leaves them.

use std::collections::BTreeSet;

use sea_orm::{
    ConnectionTrait,
    sea_query::{Cond, Expr, ExprTrait as _, Query},
};

use super::{Chunk, Failed};
use crate::{
    bulk::{chunk_keys::ChunkKeys, preview::links_beyond},
    cascades::{beyond, beyond_changes, beyond_columns},
    error::{Error, FieldError, Result},
    record::{LEAVES_SCOPE, OTHERS_AFFECTED, OTHERS_CHANGED},
    resource::Resource,
};
use powercrud_db::{Fault, QueryExt as _, Transaction};

const OUTSIDE: &str = "it is not among the records that whoever asked for this may change any more";
const OTHERS_UNLINKED: &str =
    "other records refer to links that would go and would be deleted or changed with them, and they are not yours";

impl Chunk<'_> {
    /// The chunk's records that are there, and not for whoever asked; and those of which a write would reach records that are not theirs.
    pub(super) async fn find_beyond(&self, transaction: &Transaction) -> Result<Vec<Failed>> {
        let mut failed = Vec::new();
        let whole = self.unscoped();
        if let (Some(whole), Some(outside)) = (&whole, self.resource.table.rows_outside()) {
            let keys = self.keys_of(whole, transaction, self.from, self.to, &BTreeSet::new()).await?;
            failed.extend(self.failed_with(transaction, outside.and(keys), None, ("FORBIDDEN", OUTSIDE)).await?);
        }
        for (beyond, field, message) in self.reaching() {
            let keys = self.keys_of(self.resource, transaction, self.from, self.to, &BTreeSet::new()).await?;
            let error = ("OTHERS_AFFECTED", message);
            failed.extend(self.failed_with(transaction, keys.and(beyond), field, error).await?);
        }
        Ok(failed)
    }

    /// Which records a write of which would reach others that are not the user's: by which field, and what is said of them.
    fn reaching(&self) -> Vec<(Expr, Option<&str>, &'static str)> {
        let (engine, resource) = (self.engine, self.resource);
        if self.operation.deletes() {
            return beyond(engine, resource).map(|beyond| (beyond, None, OTHERS_AFFECTED)).into_iter().collect();
        }
        if let Some(images) = self.operation.restores().filter(|images| !images.of_deleted) {
            // What each record is given again is another value; that it has it already is seen later.
            let of_column = |name: &str| beyond_columns(engine, resource, &[name.to_owned()]);
            let columns = images.columns.iter().map(|column| column.name.as_str());
            let reaching = columns.filter_map(|name| Some((of_column(name)?, Some(name), OTHERS_CHANGED)));
            return reaching.collect();
        }
        let Some(changes) = self.operation.changes() else { return Vec::new() };
        let of_fields = beyond_changes(engine, resource, &changes.fields).into_iter();
        let of_fields = of_fields.map(|(change, beyond)| (beyond, Some(change.field.as_str()), OTHERS_CHANGED));
        let of_links = links_beyond(engine, resource, &changes.links).into_iter();
        of_fields
            .chain(of_links.map(|(change, beyond)| (beyond, Some(change.field.as_str()), OTHERS_UNLINKED)))
            .collect()
    }

    /// Fails where a record of an attempt that has changed them is not for whoever asked now.
    pub(super) async fn require_within<C: ConnectionTrait>(
        &self,
        connection: &C,
        (from, to): (i64, i64),
        blocked: &BTreeSet<i64>,
    ) -> Result<()> {
        let is_delete = self.operation.deletes();
        let (Some(whole), Some(outside), false) = (self.unscoped(), self.resource.table.rows_outside(), is_delete)
        else {
            return Ok(());
        };
        let keys = self.keys_of(&whole, connection, from, to, blocked).await?;
        let mut select = Query::select();
        select.expr(Expr::cust("COUNT(*)")).from(self.resource.table.table_ref()).and_where(outside).and_where(keys);
        match connection.number(&select).await? {
            0 => Ok(()),
            _ => Err(Error::from(Fault::of_record("LEAVES_SCOPE", LEAVES_SCOPE))),
        }
    }

    /// The resource with all of its rows; `None` where it has them anyhow.
    fn unscoped(&self) -> Option<Resource> {
        self.resource.table.scope.as_ref()?;
        Some(Resource { table: self.resource.table.unscoped(), ..self.resource.clone() })
    }

    async fn keys_of<C: ConnectionTrait>(
        &self,
        resource: &Resource,
        connection: &C,
        from: i64,
        to: i64,
        blocked: &BTreeSet<i64>,
    ) -> Result<Expr> {
        let dialect = self.engine.database().dialect();
        let mut keys = ChunkKeys::new(resource, dialect, self.task_id, (self.from, self.to));
        keys.condition(connection, from, to, blocked).await
    }

    async fn failed_with(
        &self,
        transaction: &Transaction,
        condition: Expr,
        field: Option<&str>,
        (code, message): (&str, &str),
    ) -> Result<Vec<Failed>> {
        let found = self.read_keys(transaction, Cond::all().add(condition)).await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let places = self.keys.among(transaction, self.from, self.to, |key| found.contains(key)).await?;
        let error = FieldError { field: field.map(str::to_owned), code: code.to_owned(), message: message.to_owned() };
        Ok(places.into_iter().map(|(seq, key)| Failed::new(seq, key, error.clone())).collect())
    }
}
