//! Records that refer to nothing at the end of a transaction: a database that looks at deferred references only then names none of them.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::{Alias, Cond, Expr, ExprTrait as _, Query};

use super::{Chunk, Failed};
use crate::{error::Result, faults::refers_to_nothing};
use powercrud_db::{ForeignKey, Table, Transaction};

const REFERRED: &str = "powercrud_referred";

impl Chunk<'_> {
    /// The chunk's records that refer to no row, as the transaction has them now.
    pub(in crate::bulk) async fn find_dangling(&mut self, transaction: &Transaction) -> Result<Vec<Failed>> {
        let (engine, table) = (self.engine, &self.resource.table);
        let mut found = BTreeMap::new();
        for key in &table.foreign_keys {
            let Some(target) = engine.catalog().table(key.referenced_schema.as_deref(), &key.referenced_table) else {
                continue;
            };
            let keys = self.keys.condition(transaction, self.from, self.to, &BTreeSet::new()).await?;
            let dangling = self.read_keys(transaction, refers_to_none(table, key, target).add(keys)).await?;
            if dangling.is_empty() {
                continue;
            }
            let places = self.keys.among(transaction, self.from, self.to, |key| dangling.contains(key)).await?;
            for (seq, record_key) in places {
                let failed = || Failed::new(seq, record_key, refers_to_nothing(self.resource, key));
                found.entry(seq).or_insert_with(failed);
            }
        }
        Ok(found.into_values().collect())
    }
}

/// Whether a row of `table` has a reference to a row of `target` that is not there.
fn refers_to_none(table: &Table, key: &ForeignKey, target: &Table) -> Cond {
    let column = |name: &str| Expr::col(table.column_ref(name));
    let mut referred = Query::select();
    referred.expr(Expr::cust("1")).from_as(target.table_ref(), Alias::new(REFERRED));
    let mut condition = Cond::all();
    for (name, referenced) in key.columns.iter().zip(&key.referenced_columns) {
        referred.and_where(Expr::col((REFERRED, referenced.clone())).eq(column(name)));
        condition = condition.add(column(name).is_not_null());
    }
    condition.add(Expr::exists(referred.take()).not())
}
