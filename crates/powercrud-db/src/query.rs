//! Statements as sea-query builds them, run on whatever runs them.

use sea_orm::{
    ConnectionTrait, DbErr, ExecResult, QueryResult, StatementBuilder,
    sea_query::{DeleteStatement, InsertStatement, SelectStatement, UpdateStatement},
};

use crate::{dialect::Dialect, error::Result, table::Table};

/// Runs statements.
pub trait QueryExt: ConnectionTrait + Sized {
    /// Runs a SELECT and returns all rows.
    fn rows(&self, select: &SelectStatement) -> impl Future<Output = Result<Vec<QueryResult>>> + Send {
        async move { Ok(self.query_all(select).await?) }
    }

    /// Runs a SELECT and returns its first row.
    fn row(&self, select: &SelectStatement) -> impl Future<Output = Result<Option<QueryResult>>> + Send {
        async move { Ok(self.query_one(select).await?) }
    }

    /// Runs a SELECT of one whole number, such as a COUNT; no row counts as 0.
    fn number(&self, select: &SelectStatement) -> impl Future<Output = Result<u64>> + Send {
        async move {
            let row = self.row(select).await?;
            let read = |row: QueryResult| match row.try_get_by_index::<i64>(0) {
                Ok(number) => Ok(number),
                // What PostgreSQL has for a number that stands in the statement.
                Err(error) => row.try_get_by_index::<i32>(0).map(i64::from).map_err(|_| error),
            };
            Ok(row.map(read).transpose()?.unwrap_or(0) as u64)
        }
    }

    /// Runs an INSERT and returns how many rows it wrote.
    fn insert(&self, statement: &InsertStatement) -> impl Future<Output = Result<u64>> + Send {
        async move { Ok(self.execute(statement).await?.rows_affected()) }
    }

    /// Runs an UPDATE and returns how many rows it matched (not how many it found different).
    fn update(&self, statement: &UpdateStatement) -> impl Future<Output = Result<u64>> + Send {
        async move { Ok(self.execute(statement).await?.rows_affected()) }
    }

    /// As [`QueryExt::insert`] and [`QueryExt::update`], of rows of `table`: it fails where a constraint would remove other rows for it.
    fn write<S: StatementBuilder + Sync>(
        &self,
        table: &Table,
        statement: &S,
    ) -> impl Future<Output = Result<ExecResult, DbErr>> + Send {
        async move {
            let backend = self.get_database_backend();
            let statement = Dialect::of(backend).without_replacing(table, backend.build(statement));
            self.execute_raw(statement).await
        }
    }

    /// Runs a DELETE and returns how many rows went.
    fn delete(&self, statement: &DeleteStatement) -> impl Future<Output = Result<u64>> + Send {
        async move { Ok(self.execute(statement).await?.rows_affected()) }
    }
}

impl<C: ConnectionTrait> QueryExt for C {}
