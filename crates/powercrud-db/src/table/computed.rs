//! Columns that no table has: an expression over a row's own columns, as the database words it.

use sea_orm::sea_query::Expr;

use super::{Column, ColumnType, Equality, Table};
use crate::dialect::Dialect;

impl Column {
    /// A column that is computed by `sql` for each row whenever it is read. It is never written.
    pub fn computed(name: &str, sql: &str, column_type: ColumnType, dialect: Dialect) -> Self {
        let database_type = match (&column_type, dialect) {
            (ColumnType::Boolean, Dialect::Mysql) => "tinyint(1)",
            (ColumnType::Boolean, _) => "boolean",
            (ColumnType::Integer { .. }, Dialect::Sqlite) => "INTEGER",
            (ColumnType::Integer { .. }, _) => "bigint",
            (ColumnType::Decimal { .. }, Dialect::Mysql) => "decimal(65,30)",
            (ColumnType::Decimal { .. }, _) => "numeric",
            (ColumnType::Float, Dialect::Sqlite) => "REAL",
            (ColumnType::Float, Dialect::Postgres) => "double precision",
            (ColumnType::Float, Dialect::Mysql) => "double",
            (ColumnType::Date, _) => "date",
            (ColumnType::DateTime, Dialect::Postgres) => "timestamp without time zone",
            (ColumnType::DateTime, _) => "datetime",
            _ => "text",
        };
        Self {
            name: name.to_owned(),
            column_type,
            database_type: database_type.to_owned(),
            parameter_type: database_type.to_owned(),
            dialect,
            nullable: true,
            default: None,
            generated: true,
            identity: false,
            any_value: dialect == Dialect::Sqlite,
            choices: Vec::new(),
            comment: String::new(),
            equality: Equality::default(),
            loose_collation: false,
            computed: Some(sql.to_owned()),
        }
    }

    /// What computes it, as a value of its type.
    fn expression(&self) -> Option<Expr> {
        let sql = self.computed.as_deref()?;
        Some(match (self.dialect, &self.column_type) {
            (Dialect::Postgres, _) => Expr::cust(format!("CAST(({sql}) AS {})", self.database_type)),
            (Dialect::Mysql, ColumnType::Text { .. }) => Expr::cust(format!("CAST(({sql}) AS CHAR)")),
            (Dialect::Sqlite, ColumnType::Text { .. }) => Expr::cust(format!("CAST(({sql}) AS TEXT)")),
            _ => Expr::cust(format!("({sql})")),
        })
    }
}

impl Table {
    /// A column's value in a statement that has the table under its own name and no other beside it.
    pub fn value_of(&self, column: &Column) -> Expr {
        column.expression().unwrap_or_else(|| Expr::col(self.column_ref(&column.name)))
    }

    /// What sorts by a column: of one that is computed what its expression itself gives, whatever type it is shown as.
    pub fn order_of(&self, column: &Column) -> Expr {
        match &column.computed {
            Some(sql) => Expr::cust(format!("({sql})")),
            None => column.dialect.order(column, self.column_ref(&column.name)),
        }
    }
}
