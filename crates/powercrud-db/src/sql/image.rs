//! Images: values kept so that exactly they can be written back, and told from others to the last byte.
//!
//! SQLite keeps a cell as it is, with its own type. PostgreSQL keeps the text that a type gives and takes, MySQL the bytes of that text,
//! or of what is bytes already. NULL stays NULL.

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, InsertStatement, LockType, SelectStatement},
};

use crate::{
    dialect::Dialect,
    error::{Error, Result},
    sql::is_spatial,
    table::{Column, ColumnType, Table},
};

impl Dialect {
    /// The value of `expr`, which reads `column`, in the form that an image keeps.
    pub fn image_cell(self, column: &Column, expr: Expr) -> Expr {
        match self {
            Self::Sqlite => expr,
            Self::Postgres => self.custom("CAST(? AS text)", [expr]),
            Self::Mysql => match MysqlForm::of(column) {
                MysqlForm::Bytes => expr,
                MysqlForm::Bits => self.custom("CONVERT(? + 0 USING utf8mb4)", [expr]),
                // As text it would have six digits.
                MysqlForm::Single => self.custom("CONVERT(? + 0E0 USING utf8mb4)", [expr]),
                MysqlForm::Text => self.custom("CONVERT(? USING utf8mb4)", [expr]),
            },
        }
    }

    /// What an image keeps, as a value for `column`.
    pub fn image_value(self, column: &Column, cell: Expr) -> Expr {
        match self {
            Self::Sqlite => cell,
            Self::Postgres => cell.cast_as(column.database_type.clone()),
            Self::Mysql => match MysqlForm::of(column) {
                MysqlForm::Bytes => cell,
                MysqlForm::Bits => self.custom("CAST(CONVERT(? USING utf8mb4) AS UNSIGNED)", [cell]),
                MysqlForm::Single | MysqlForm::Text => self.custom("CONVERT(? USING utf8mb4)", [cell]),
            },
        }
    }

    /// Whether two images are the same, NULL being a value like any other. `kept` comes from the table of images.
    pub fn same_image(self, now: Expr, kept: Expr) -> Expr {
        let sql = match self {
            // Neither the column's affinity nor its collation makes alike what is not.
            Self::Sqlite => "(+? COLLATE BINARY IS ? AND typeof(?) = typeof(?))",
            Self::Postgres => "(? IS NOT DISTINCT FROM ?)",
            // Beside bytes, text is compared byte by byte.
            Self::Mysql => "(? <=> ?)",
        };
        if self == Self::Sqlite {
            return self.custom(sql, [now.clone(), kept.clone(), now, kept]);
        }
        self.custom(sql, [now, kept])
    }

    /// Runs an INSERT into `table` of what `select` finds, with the keys it finds, also those that the database else fills itself. Returns how many
    /// rows were written.
    pub async fn insert_with_keys<C: ConnectionTrait>(
        self,
        connection: &C,
        table: &Table,
        mut insert: InsertStatement,
        select: SelectStatement,
    ) -> Result<u64> {
        let backend = connection.get_database_backend();
        let rows = backend.build(&select).sql;
        insert.select_from(select).map_err(|error| Error::Unexpected(error.to_string()))?;
        let mut statement = backend.build(&insert);
        if self == Self::Postgres {
            let Some(head) = statement.sql.strip_suffix(&rows) else {
                return Err(Error::Unexpected("an INSERT does not end with its SELECT".into()));
            };
            statement.sql = format!("{head}OVERRIDING SYSTEM VALUE {rows}");
        }
        Ok(connection.execute_raw(self.without_replacing(table, statement)).await?.rows_affected())
    }

    /// How rows are read that must not change until the transaction ends; SQLite has one writer at a time.
    /// Who may not change rows may not lock them either, on PostgreSQL and MySQL.
    pub fn row_lock(self, table: &Table) -> Option<LockType> {
        match self {
            _ if table.denied.update => None,
            Self::Sqlite => None,
            Self::Postgres => Some(LockType::NoKeyUpdate),
            Self::Mysql => Some(LockType::Update),
        }
    }

    /// What is another text once a row was written, also by the same transaction; `None` where there is no such thing.
    pub fn row_stamp(self, table: &Table) -> Option<Expr> {
        let column = |name: &str| Expr::col(table.column_ref(name));
        (self == Self::Postgres)
            .then(|| self.custom("CONCAT(CAST(? AS text), ' ', CAST(? AS text))", [column("ctid"), column("xmin")]))
    }

    /// How an `INSERT … SELECT` locks the rows it reads, where that costs no more than reading them; else a statement before it locks them.
    pub fn copy_lock(self, table: &Table) -> Option<LockType> {
        self.row_lock(table).filter(|_| self == Self::Mysql)
    }
}

/// How a column's values become bytes on MySQL and MariaDB.
enum MysqlForm {
    Bytes,
    Bits,
    Single,
    Text,
}

impl MysqlForm {
    fn of(column: &Column) -> Self {
        let database_type = column.database_type.to_ascii_lowercase();
        match column.column_type {
            ColumnType::Bytes => Self::Bytes,
            // In the server's own form, with its reference system.
            ColumnType::Other if is_spatial(&database_type) => Self::Bytes,
            _ if database_type.starts_with("bit") => Self::Bits,
            _ if database_type.starts_with("float") => Self::Single,
            _ => Self::Text,
        }
    }
}
