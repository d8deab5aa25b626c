//! What an action of statements is given, and gives.

use std::fmt;

use sea_orm::sea_query::{DeleteStatement, Expr, ExprTrait as _, InsertStatement, Query, TableRef, UpdateStatement};
use uuid::Uuid;

use super::ActionValues;
use powercrud_db::Table;

/// The records of a chunk, or of a part of it, that an action's statements are about.
pub struct ActionChunk<'a> {
    pub(crate) table: &'a Table,
    pub(crate) keys: &'a Expr,
    /// Sets the version, where the resource has one.
    pub(crate) update: &'a UpdateStatement,
    pub(crate) values: &'a ActionValues,
    pub(crate) task_id: Uuid,
    pub(crate) user_id: Option<&'a str>,
    pub(crate) records: u64,
}

impl ActionChunk<'_> {
    /// Whether a row of the resource's table is one of these records: for WHERE, in statements and in subqueries that read
    /// [`ActionChunk::table`].
    pub fn keys(&self) -> Expr {
        self.keys.clone()
    }

    /// The resource's table.
    pub fn table(&self) -> TableRef {
        self.table.table_ref()
    }

    /// An UPDATE of these records, to be given values. It sets the version field, where the resource names one.
    pub fn update(&self) -> UpdateStatement {
        self.update.clone()
    }

    /// Whether a row's column holds the value that `column` of one of these records has: for statements on tables that refer to them.
    pub fn refers(&self, column: impl Into<Expr>, referenced: &str) -> Expr {
        let mut of = Query::select();
        of.column(self.table.column_ref(referenced)).from(self.table.table_ref()).and_where(self.keys());
        column.into().in_subquery(of)
    }

    /// What was filled in.
    pub fn values(&self) -> &ActionValues {
        self.values
    }

    /// How many records there are.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The bulk task.
    pub fn task_id(&self) -> Uuid {
        self.task_id
    }

    /// The user who asked for it; `None` for the operator.
    pub fn user_id(&self) -> Option<&str> {
        self.user_id
    }
}

impl fmt::Debug for ActionChunk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActionChunk").field("table", &self.table.name).field("records", &self.records).finish()
    }
}

/// A statement of an action.
#[derive(Clone, Debug)]
pub enum ActionStatement {
    /// UPDATE.
    Update(Box<UpdateStatement>),
    /// INSERT.
    Insert(Box<InsertStatement>),
    /// DELETE.
    Delete(Box<DeleteStatement>),
}

impl From<UpdateStatement> for ActionStatement {
    fn from(statement: UpdateStatement) -> Self {
        Self::Update(Box::new(statement))
    }
}

impl From<InsertStatement> for ActionStatement {
    fn from(statement: InsertStatement) -> Self {
        Self::Insert(Box::new(statement))
    }
}

impl From<DeleteStatement> for ActionStatement {
    fn from(statement: DeleteStatement) -> Self {
        Self::Delete(Box::new(statement))
    }
}
