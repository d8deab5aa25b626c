//! Joins whose order must not depend on statistics: the tables of this crate hold what a minute ago was written for a task.

use sea_orm::sea_query::{Alias, Asterisk, Cond, Condition, Expr, JoinType, Query, SelectStatement};

use crate::dialect::Dialect;

impl Dialect {
    /// An inner or left join that looks up each row of the left side by an index of `table`. Without statistics
    /// PostgreSQL and SQLite turn the join round, and search one side anew for each row of the other.
    pub fn look_up(
        self,
        select: &mut SelectStatement,
        join: JoinType,
        table: &'static str,
        alias: &str,
        on: Condition,
    ) {
        let name = Alias::new(alias);
        match (self, join) {
            (Self::Postgres, _) => {
                let mut one = Query::select().column(Asterisk).from_as(table, name.clone()).cond_where(on).take();
                self.read_first(&mut one);
                select.join_lateral(join, one, name, Expr::cust("TRUE"))
            }
            // sea-query writes no ON after CROSS JOIN.
            (Self::Sqlite, JoinType::InnerJoin) => {
                select.join_as(JoinType::CrossJoin, table, name, Cond::all()).cond_where(on)
            }
            _ => select.join_as(join, table, name, on),
        };
    }

    /// Keeps PostgreSQL from mixing a subquery with the statement around it.
    pub fn read_first(self, subquery: &mut SelectStatement) {
        if self == Self::Postgres {
            subquery.offset(0);
        }
    }
}
