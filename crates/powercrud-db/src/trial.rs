//! What a column would hold of a value, as the database itself says before a row is written: types round, pad, spell and refuse by rules
//! that only it knows all of.
//!
//! PostgreSQL reads the value's text as the column's type, which cuts nothing, unlike a cast. MySQL has no such expression: there the
//! value is assigned to a column like it in a temporary table, which no transaction is committed for. SQLite keeps what it is given.

use sea_orm::{
    ConnectionTrait, QueryResult,
    sea_query::{Alias, CaseStatement, Expr, JoinType, MysqlQueryBuilder, Query, SelectStatement},
};

use crate::{
    database::Database,
    dialect::Dialect,
    error::{Error, Result},
    fault::Fault,
    query::QueryExt as _,
    table::{Column, ColumnType, Table},
    transaction::Transaction,
    value::Value,
};

/// The outcome of a value that was tried.
#[derive(Clone, Debug)]
pub enum Held {
    /// The column would hold it as it was given, as far as anybody can tell.
    AsGiven,
    /// The column would hold this instead: rounded, padded or spelled in another way.
    Otherwise(Value),
    /// The column takes no such value.
    Refused(Box<Fault>),
    /// The database's role may not try it.
    Unknown,
}

const TRIAL: &str = "powercrud_trial";
const HELD: &str = "powercrud_held";
const LIKE: &str = "powercrud_like";

impl Database {
    /// What columns of `table` would hold of these values.
    ///
    /// # Errors
    /// The database's, where they pass or are about more than a value.
    pub async fn held(&self, table: &Table, values: &[(&Column, &Value)]) -> Result<Vec<Held>> {
        match self.dialect {
            Dialect::Sqlite => Ok(vec![Held::AsGiven; values.len()]),
            Dialect::Postgres => {
                let mut held = Vec::with_capacity(values.len());
                for (column, value) in values {
                    held.push(match self.dialect.is_tried(column, value) {
                        true => self.read_as(column, value).await?,
                        false => Held::AsGiven,
                    });
                }
                Ok(held)
            }
            Dialect::Mysql if values.iter().any(|(column, value)| self.dialect.is_tried(column, value)) => {
                let transaction = self.begin().await?;
                let held = self.dialect.assigned(&transaction, table, values).await;
                let _ = transaction.execute_unprepared(&format!("DROP TEMPORARY TABLE IF EXISTS {TRIAL}")).await;
                let _ = transaction.rollback().await;
                held
            }
            Dialect::Mysql => Ok(vec![Held::AsGiven; values.len()]),
        }
    }

    /// PostgreSQL: the value's text as the column's type, with its length and its domain.
    async fn read_as(&self, column: &Column, value: &Value) -> Result<Held> {
        let held = Expr::SubQuery(None, Box::new(self.dialect.as_own_type(column, value).into()));
        let row = self.connection.row(&self.dialect.compared(column, value, held)).await;
        outcome(column, value, row)
    }
}

impl Dialect {
    /// Whether a value may be refused, or become another, by more than is checked when it is parsed.
    fn is_tried(self, column: &Column, value: &Value) -> bool {
        match self {
            Self::Sqlite => false,
            Self::Postgres => {
                // A length that was looked at already.
                let is_varying = matches!(column.column_type, ColumnType::Text { .. })
                    && column.database_type.starts_with("character varying");
                column.database_type != column.parameter_type && !is_varying
            }
            Self::Mysql => {
                !value.is_null()
                    && !matches!(
                        column.column_type,
                        ColumnType::Boolean | ColumnType::Integer { .. } | ColumnType::Date | ColumnType::Bytes
                    )
            }
        }
    }

    /// PostgreSQL: one row with the value read as the column's own type.
    fn as_own_type(self, column: &Column, value: &Value) -> SelectStatement {
        // A text is a JSON document of its own, a type's name may hold what stands for parameters, and NULL is the same by a cast.
        let is_cast =
            value.is_null() || column.column_type == ColumnType::Json || column.database_type.contains(['?', '$']);
        if is_cast {
            let cast = self.cast(self.write(column, value), &column.database_type);
            return Query::select().expr(cast).take();
        }
        let sql = format!(
            "(SELECT v FROM json_to_record(json_build_object('v', CAST(? AS text))) AS own (v {}))",
            column.database_type
        );
        Query::select().expr(self.custom(&sql, [Expr::val(value.to_text())])).take()
    }

    /// Whether `held` is another value than was given, as 1 or 0, and what it is.
    fn compared(self, column: &Column, value: &Value, held: Expr) -> SelectStatement {
        let one = Query::select().expr_as(held, HELD).take();
        self.compared_in(column, value, Expr::col((TRIAL, HELD))).from_subquery(one, TRIAL).take()
    }

    fn compared_in(self, column: &Column, value: &Value, held: Expr) -> SelectStatement {
        let number = |number: i64| self.integer(Expr::cust(number.to_string()));
        let differs = CaseStatement::new().case(self.differs(column, held.clone(), value), number(1));
        Query::select().expr(differs.finally(number(0))).expr(self.read_value(column, held)).take()
    }

    /// MySQL: what columns like those of `table` hold once the values are assigned to them.
    async fn assigned(
        self,
        transaction: &Transaction,
        table: &Table,
        values: &[(&Column, &Value)],
    ) -> Result<Vec<Held>> {
        // Where there is no row to join, each column may be NULL and keeps its type, with its character set and its digits. Without the
        // limit all rows are read, and locked.
        let (mut alike, mut none) = (Query::select(), Query::select());
        for (column, _) in values {
            alike.column((LIKE, Alias::new(&column.name)));
            none.column(table.column_ref(&column.name));
        }
        none.from(table.table_ref()).limit(0);
        alike.from_subquery(Query::select().expr_as(Expr::cust("1"), "one").take(), HELD).join_subquery(
            JoinType::LeftJoin,
            none,
            LIKE,
            Expr::cust("FALSE"),
        );
        let alike = alike.to_string(MysqlQueryBuilder);
        // One may be left of a try that was cut off.
        let _ = transaction.execute_unprepared(&format!("DROP TEMPORARY TABLE IF EXISTS {TRIAL}")).await;
        if let Err(error) = transaction.execute_unprepared(&format!("CREATE TEMPORARY TABLE {TRIAL} AS {alike}")).await
        {
            let fault = Fault::classify(&error);
            tracing::debug!(%error, "values can't be tried");
            return if fault.is_transient() { Err(fault.into()) } else { Ok(vec![Held::Unknown; values.len()]) };
        }
        let mut held = Vec::with_capacity(values.len());
        for (column, value) in values {
            if !self.is_tried(column, value) {
                held.push(Held::AsGiven);
                continue;
            }
            let own = (Alias::new(TRIAL), Alias::new(&column.name));
            let mut update = Query::update();
            update.table(TRIAL).value(Alias::new(&column.name), self.assign(column, Expr::col(own.clone()), value));
            let row = match transaction.update(&update).await {
                Ok(_) => {
                    let mut select = self.compared_in(column, value, Expr::col(own));
                    transaction.row(select.from(TRIAL)).await
                }
                Err(error) => Err(error),
            };
            held.push(outcome(column, value, row)?);
        }
        Ok(held)
    }

    /// Whether a text is no value of a type that the database would make NULL of; `None` where it says so itself.
    pub fn is_lost(self, column: &Column, value: &Value) -> Option<Expr> {
        let is_lost = self == Self::Mysql && !value.is_null() && crate::sql::is_spatial(&column.database_type);
        is_lost.then(|| {
            self.custom("CASE WHEN ST_GeomFromText(?) IS NULL THEN 1 ELSE 0 END", [Expr::val(value.to_text())])
        })
    }
}

fn outcome(column: &Column, value: &Value, row: Result<Option<QueryResult>>) -> Result<Held> {
    let row = match row {
        Ok(Some(row)) => row,
        Ok(None) => return Ok(Held::AsGiven),
        Err(Error::Database(fault)) if fault.code == "NOT_PERMITTED" => return Ok(Held::Unknown),
        Err(Error::Database(fault)) if fault.is_record() => return Ok(Held::Refused(fault)),
        Err(error) => return Err(error),
    };
    let held = Value::read(&row, 1, column)?;
    if held.is_null() && !value.is_null() {
        let fault = Fault::of_record("INVALID_VALUE", "the column would be empty");
        return Ok(Held::Refused(Box::new(fault)));
    }
    Ok(if row.try_get_by_index::<i64>(0)? == 1 { Held::Otherwise(held) } else { Held::AsGiven })
}
