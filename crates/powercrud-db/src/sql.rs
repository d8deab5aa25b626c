//! Where SQLite, PostgreSQL and MySQL/MariaDB differ in SQL.
//!
//! Every column is read through [`Dialect::read`] and written or compared through [`Dialect::write`], so that a value takes the
//! same way whatever its type. On PostgreSQL and MySQL it is read as text, which is the only form that all types have; SQLite
//! cells carry their own type and are read as they are, because a cell may not match its column's declared type.

mod differs;
mod image;
mod joins;
mod keys;
mod nulls;
mod own_rows;
mod session;
mod size;
mod stored;
mod version;
mod write;

#[cfg(feature = "postgres")]
pub(crate) use session::AS_IT_IS;
#[cfg(feature = "mysql")]
pub(crate) use session::KNOWN_SESSION;

pub use keys::lost_key;
use sea_orm::sea_query::{ColumnRef, Expr, ExprTrait as _, Func, IntoColumnRef, Query, SelectStatement, UnionType};

use crate::{
    dialect::Dialect,
    table::{Column, ColumnType, Table, TableKind},
};

impl Dialect {
    /// A SQL fragment with `?` for each of `arguments`.
    pub fn custom<I: IntoIterator<Item = Expr>>(self, sql: &str, arguments: I) -> Expr {
        let sql = match self {
            Self::Sqlite | Self::Mysql => sql.to_owned(),
            Self::Postgres => {
                let mut numbered = String::with_capacity(sql.len() + 8);
                let mut number = 0;
                for part in sql.split_inclusive('?') {
                    match part.strip_suffix('?') {
                        Some(before) => {
                            number += 1;
                            numbered.push_str(&format!("{before}${number}"));
                        }
                        None => numbered.push_str(part),
                    }
                }
                numbered
            }
        };
        Expr::cust_with_exprs(sql, arguments)
    }

    /// The database's own clock, in milliseconds since 1970 UTC. Leases are compared by it, so workers' clocks may differ.
    pub fn now(self) -> Expr {
        Expr::cust(match self {
            Self::Sqlite => "CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)",
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint)",
            Self::Mysql => "CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)",
        })
    }

    /// How `column` is selected so that [`crate::Value::read`] can read it.
    pub fn read(self, column: &Column, reference: impl IntoColumnRef) -> Expr {
        self.read_value(column, Expr::col(reference))
    }

    /// As [`Dialect::read`], of a value of the type of `column` that is found elsewhere.
    pub fn read_value(self, column: &Column, expr: Expr) -> Expr {
        let template = match (self, &column.column_type) {
            // Only the size of bytes travels.
            (Self::Sqlite, ColumnType::Bytes) => "CASE typeof(?) WHEN 'blob' THEN length(?) ELSE CAST(? AS TEXT) END",
            (Self::Sqlite, _) => return expr,
            (Self::Postgres, ColumnType::Bytes) => "CAST(octet_length(?) AS text)",
            (Self::Postgres, _) => "CAST(? AS text)",
            (Self::Mysql, ColumnType::Bytes) => "CAST(LENGTH(?) AS CHAR)",
            (Self::Mysql, ColumnType::Other) if is_spatial(&column.database_type) => "ST_AsText(?)",
            (Self::Mysql, _) if column.database_type.starts_with("bit") => "CAST(? + 0 AS CHAR)",
            // As text it would have six digits.
            (Self::Mysql, ColumnType::Float) if column.is_single() => "CAST(? + 0E0 AS CHAR)",
            (Self::Mysql, _) => "CAST(? AS CHAR)",
        };
        let times = template.matches('?').count();
        self.custom(template, std::iter::repeat_n(expr, times))
    }

    /// What to sort by for `column`: itself, or its text where PostgreSQL may have no order for its type (JSON, points and what
    /// extensions bring along).
    pub fn order(self, column: &Column, reference: impl IntoColumnRef) -> Expr {
        const ORDERED: [&str; 15] = [
            "interval",
            "inet",
            "cidr",
            "macaddr",
            "macaddr8",
            "bit",
            "bit varying",
            "money",
            "jsonb",
            "time with time zone",
            "int4range",
            "int8range",
            "numrange",
            "daterange",
            "tstzrange",
        ];
        let base = column.database_type.split('(').next().unwrap_or_default();
        match (self, &column.column_type) {
            (Self::Postgres, ColumnType::Json | ColumnType::Other) if !ORDERED.contains(&base) => {
                self.read(column, reference)
            }
            _ => Expr::col(reference),
        }
    }

    /// What to sort by for `column` so that only the same values have no order among each other, whatever its type or collation takes for
    /// equal: texts without regard to case or blanks, 1.0 and 1.00, 0 and -0.
    pub fn total_order(self, column: &Column, reference: impl IntoColumnRef + Clone) -> Vec<Expr> {
        let ties: &[&str] = match (self, &column.column_type) {
            // Any column may hold anything there, and 1 and 1.0 differ in nothing but their kind.
            (Self::Sqlite, _) => &["? COLLATE BINARY", "typeof(?)"],
            (
                Self::Postgres,
                ColumnType::Decimal { scale: None, .. }
                | ColumnType::Float
                | ColumnType::Text { .. }
                | ColumnType::Json
                | ColumnType::Other,
            ) => &["CAST(? AS text) COLLATE \"C\""],
            // Of a long text only the first bytes are sorted by (`max_sort_length`).
            (Self::Mysql, ColumnType::Text { .. } | ColumnType::Json | ColumnType::Other) => {
                &["SHA1(CAST(? AS BINARY))"]
            }
            (Self::Mysql, ColumnType::Float) => &["CAST(? AS BINARY)"],
            _ => &[],
        };
        let mut parts = vec![self.order(column, reference.clone())];
        parts.extend(ties.iter().map(|tie| self.custom(tie, [Expr::col(reference.clone())])));
        parts
    }

    /// `CAST(expr AS database_type)`; the type's text comes from the catalog or from here, never from a user. It is written as it
    /// is: not a template, because a quoted type name may hold `?` and `$1`.
    pub(super) fn cast(self, expr: Expr, database_type: &str) -> Expr {
        expr.cast_as(database_type.to_owned())
    }

    /// `expr`, the text of `column`, so that [`Dialect::contains`] and [`Dialect::starts_with`] can look into it.
    pub fn searchable(self, column: &Column, expr: Expr) -> Expr {
        match (self, column.loose_collation) {
            (Self::Postgres, true) => self.custom("CAST(? AS text) COLLATE \"default\"", [expr]),
            _ => expr,
        }
    }

    /// Whether `text` occurs anywhere in `expr`, whatever the case. `%` and `_` in `text` stand for themselves.
    pub fn contains(self, expr: Expr, text: &str) -> Expr {
        self.like(expr, &format!("%{}%", escape_like(text)))
    }

    /// Whether `expr` begins with `text`, whatever the case.
    pub fn starts_with(self, expr: Expr, text: &str) -> Expr {
        self.like(expr, &format!("{}%", escape_like(text)))
    }

    fn like(self, expr: Expr, pattern: &str) -> Expr {
        let template = match self {
            Self::Sqlite => "CAST(? AS TEXT) LIKE ? ESCAPE '!'",
            Self::Postgres => "CAST(? AS text) ILIKE ? ESCAPE '!'",
            Self::Mysql => "CAST(? AS CHAR) LIKE ? ESCAPE '!'",
        };
        self.custom(template, [expr, Expr::val(pattern)])
    }

    /// Whether every value of the column is a whole number of 64 bits with a sign.
    pub fn holds_only_integers(self, column: &Column) -> bool {
        let fits = match self {
            // Only the row's id is a number for sure, whatever another column's declared type.
            Self::Sqlite => column.identity,
            Self::Postgres => true,
            Self::Mysql => match column.database_type.to_ascii_lowercase() {
                wide if wide.starts_with("bigint") => !is_unsigned(column),
                wide => wide != "bit(64)",
            },
        };
        fits && matches!(column.column_type, ColumnType::Integer { .. })
    }

    /// Text that is a whole number, as that number.
    pub fn integer(self, text: Expr) -> Expr {
        self.custom(
            match self {
                Self::Sqlite => "CAST(? AS INTEGER)",
                Self::Postgres => "CAST(? AS bigint)",
                Self::Mysql => "CAST(? AS SIGNED)",
            },
            [text],
        )
    }

    /// Adds to a SELECT over rows that stand for `run_length` numbers from `record_key` on each of those numbers, as the expressions
    /// number and offset within its run.
    pub fn unrolled(self, table: &'static str, rows: &mut SelectStatement) -> (Expr, Expr) {
        let offset = || Expr::col(("unrolled", "unrolled"));
        if self == Self::Mysql {
            // It has no series of numbers.
            let shorter = offset().lt(Expr::col((table, "run_length")));
            let fits = Expr::col((table, "run_length")).lte(UNROLLED);
            rows.from_subquery(thousand(), "unrolled").and_where(shorter).and_where(fits);
            return (self.integer(Expr::col((table, "record_key"))).add(offset()), offset());
        }
        let last = self.custom("? - 1", [Expr::col((table, "run_length"))]);
        let series = Func::cust("generate_series").args([Expr::cust("CAST(0 AS bigint)"), last]);
        rows.from_function(series, "unrolled");
        (self.integer(Expr::col((table, "record_key"))).add(offset()), offset())
    }

    /// The longest run that [`Dialect::unrolled`] has; longer ones it leaves out.
    pub fn longest_unrolled(self) -> Option<i64> {
        (self == Self::Mysql).then_some(UNROLLED)
    }

    /// A number as text.
    pub fn text(self, number: Expr) -> Expr {
        self.custom(if self == Self::Mysql { "CAST(? AS CHAR)" } else { "CAST(? AS text)" }, [number])
    }

    /// Whether the table of frozen selections numbers its rows itself, dense within a transaction.
    pub fn numbers_selected_rows(self) -> bool {
        self == Self::Sqlite
    }

    /// Whether the database can wake listening workers (LISTEN/NOTIFY).
    pub fn notifies(self) -> bool {
        self == Self::Postgres
    }

    /// Whether INSERT … RETURNING is spoken.
    pub fn returns_inserted_rows(self) -> bool {
        self != Self::Mysql
    }

    /// Whether a record that refers to itself can't be deleted, where the reference restricts: InnoDB looks at references before the row is gone.
    pub fn row_keeps_itself(self) -> bool {
        self == Self::Mysql
    }

    /// Whether UPDATE … RETURNING is spoken of `table`, and says what a row is in the end. A view's rules may not know it, and SQLite returns
    /// a row as it was before its triggers ran.
    pub fn returns_updated_rows(self, table: &Table) -> bool {
        self == Self::Postgres && table.kind == TableKind::Table
    }

    /// Whether a chunk's keys are best sent as bound parameters rather than found by a subquery over the frozen selection: MariaDB
    /// 10.11 runs `IN (SELECT CAST(…))` row by row over the whole table (1,000 rows of 100,000: 70 s, bound keys 19 ms).
    pub fn binds_chunk_keys(self) -> bool {
        self == Self::Mysql
    }

    /// The most records that one chunk may have, whose keys have so many parts: bound keys must fit into one statement.
    pub fn largest_chunk(self, key_parts: usize) -> i64 {
        if self.binds_chunk_keys() { 60_000 / Ord::max(key_parts, 1) as i64 } else { i64::from(i32::MAX) }
    }

    /// `(left, …) IN ((row, …), …)`, in the form that indexes serve.
    pub fn tuple_in(self, left: Vec<Expr>, rows: Vec<Vec<Expr>>) -> Expr {
        match self {
            // SQLite takes row values on the right of IN only as a subquery.
            Self::Sqlite => {
                let row = format!("({})", vec!["?"; left.len()].join(", "));
                let sql = format!("{row} IN (VALUES {})", vec![row.as_str(); rows.len()].join(", "));
                self.custom(&sql, left.into_iter().chain(rows.into_iter().flatten()))
            }
            Self::Postgres => Expr::tuple(left).is_in(rows.into_iter().map(Expr::tuple)),
            // MariaDB scans the whole table for a DELETE by row values; each arm of an OR it looks up.
            Self::Mysql => {
                let row = format!("({})", vec!["? = ?"; left.len()].join(" AND "));
                let sql = vec![row.as_str(); rows.len()].join(" OR ");
                let pairs = rows.into_iter().flat_map(|row| left.iter().cloned().zip(row).collect::<Vec<_>>());
                self.custom(&format!("({sql})"), pairs.flat_map(|(column, part)| [column, part]))
            }
        }
    }

    /// `ROW_NUMBER()` over `order`, from 1.
    pub fn row_number(self, order: &[ColumnRef]) -> Expr {
        let marks = vec!["?"; order.len()].join(", ");
        self.custom(
            &format!("ROW_NUMBER() OVER (ORDER BY {marks})"),
            order.iter().map(|column| Expr::col(column.clone())),
        )
    }
}

const UNROLLED: i64 = 1000;

/// The numbers from 0 to 999.
fn thousand() -> SelectStatement {
    let digits = || {
        let mut digits = Query::select();
        digits.expr_as(Expr::cust("0"), "digit");
        for digit in 1..10 {
            let one = Query::select().expr(Expr::cust(digit.to_string())).take();
            digits.union(UnionType::All, one);
        }
        digits
    };
    Query::select()
        .expr_as(Expr::cust("ones.digit + 10 * tens.digit + 100 * hundreds.digit"), "unrolled")
        .from_subquery(digits(), "ones")
        .from_subquery(digits(), "tens")
        .from_subquery(digits(), "hundreds")
        .take()
}

/// What sea-query declares so on SQLite is filled by SeaORM with 16 bytes.
fn is_uuid_in_bytes(column: &Column) -> bool {
    column.database_type.eq_ignore_ascii_case("uuid_text")
}

fn is_unsigned(column: &Column) -> bool {
    let database_type = column.database_type.to_ascii_lowercase();
    database_type.contains("unsigned") || database_type.contains("zerofill")
}

/// MySQL's geometry types, whose text form goes through functions of their own.
pub(super) fn is_spatial(database_type: &str) -> bool {
    const SPATIAL: [&str; 8] = [
        "geometry",
        "point",
        "linestring",
        "polygon",
        "multipoint",
        "multilinestring",
        "multipolygon",
        "geometrycollection",
    ];
    SPATIAL.contains(&database_type.to_ascii_lowercase().as_str())
}

fn escape_like(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}
