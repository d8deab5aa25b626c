//! Keeps images of the records that a statement is about to change, in its savepoint.

use std::collections::BTreeSet;

use sea_orm::{
    ConnectionTrait,
    sea_query::{Alias, Expr, Query},
};

use super::Chunk;
use crate::{
    bulk::images::{Images, Side},
    error::{Error, Result},
};
use powercrud_db::{Fault, QueryExt as _};

impl Chunk<'_> {
    /// Keeps what the records hold before they change.
    pub(super) async fn keep_before<C: ConnectionTrait>(&self, connection: &C, keys: &Expr, from: i64) -> Result<()> {
        let Some(images) = self.images else { return Ok(()) };
        if self.engine.database().dialect().copy_lock(&self.resource.table).is_none() {
            self.lock_rows(connection, keys).await?;
        }
        self.keep(connection, images, Side::Before, keys, from).await.map_err(not_kept)
    }

    /// Keeps what all of the chunk's records hold that there are.
    pub(in crate::bulk) async fn keep_all<C: ConnectionTrait>(
        &mut self,
        connection: &C,
        images: &Images,
    ) -> Result<()> {
        let keys = self.keys.condition(connection, self.from, self.to, &BTreeSet::new()).await?;
        self.keep(connection, images, Side::Before, &keys, self.from).await.map_err(not_kept)
    }

    /// Keeps what the records hold after an update: once for all, and for each where they differ.
    pub(super) async fn keep_after<C: ConnectionTrait>(&self, connection: &C, keys: &Expr, from: i64) -> Result<()> {
        let Some(images) = self.images.filter(|images| !images.of_deleted) else { return Ok(()) };
        self.keep(connection, images, Side::AfterAll, keys, from).await.map_err(not_kept)?;
        let other = images.other_after(self.resource, self.engine.database().dialect(), keys.clone());
        if connection.row(&other).await?.is_some() {
            self.keep(connection, images, Side::After, keys, from).await.map_err(not_kept)?;
        }
        Ok(())
    }

    async fn keep<C: ConnectionTrait>(
        &self,
        connection: &C,
        images: &Images,
        side: Side,
        keys: &Expr,
        from: i64,
    ) -> Result<()> {
        let dialect = self.engine.database().dialect();
        let first = from + self.image_offset;
        for part in images.parts() {
            let insert = images.insert(self.resource, dialect, part, side, keys.clone(), first)?;
            connection.insert(&insert).await?;
        }
        Ok(())
    }

    /// Nobody else changes the records between their image and their change.
    /// Returns how many it could lock; `None` where nothing is locked.
    pub(super) async fn lock_rows<C: ConnectionTrait>(&self, connection: &C, keys: &Expr) -> Result<Option<u64>> {
        let Some(lock) = self.engine.database().dialect().row_lock(&self.resource.table) else { return Ok(None) };
        let mut rows = Query::select();
        rows.expr_as(Expr::cust("1"), "one").from(self.resource.table.table_ref()).and_where(keys.clone()).lock(lock);
        let mut select = Query::select();
        select.expr(Expr::cust("COUNT(*)")).from_subquery(rows, Alias::new("locked"));
        Ok(Some(connection.number(&select).await?))
    }
}

/// A record that can't be kept is not changed.
fn not_kept(error: Error) -> Error {
    match error {
        Error::Database(fault) if fault.is_record() => {
            let message = format!("its old values can't be kept for a revert: {}", fault.message);
            Error::Database(Box::new(Fault { code: "NOT_KEPT", field: None, message, ..*fault }))
        }
        error => error,
    }
}
