//! Values that triggers keep although an update sets others: told from what each row held before and holds after it.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, sea_query::Expr};

use crate::{
    error::Result,
    form::{self, CheckedChanges},
    query,
    resource::{Field, Resource},
};
use powercrud_db::{Dialect, QueryExt as _};

pub(super) const FIELD_KEPT: &str =
    "the database kept this value as it was, perhaps by a trigger; nothing of the record was changed";

/// The fields of one row: for each that does not hold what is to be set, what stands for the value that it holds.
type Cells = Vec<Option<String>>;

/// Rows that don't hold what is to be set, by their keys.
pub(super) type Differing = HashMap<String, Cells>;

/// Reads the rows that match `condition`.
pub(super) async fn differing<C: ConnectionTrait>(
    connection: &C,
    resource: &Resource,
    dialect: Dialect,
    fields: &[&Field],
    changes: &CheckedChanges,
    condition: Expr,
) -> Result<Differing> {
    let mut select = query::row_select(resource, fields, dialect, query::read::LISTED);
    select.and_where(condition);
    // One text of a sign for each field.
    let signs = fields.iter().map(|field| {
        let of_field: Vec<_> = changes.fields.iter().filter(|change| change.field == field.name).cloned().collect();
        let differs = form::differs(resource, &of_field, dialect).unwrap_or_else(|| Expr::cust("1 = 0"));
        dialect.text(Expr::case(differs, Expr::cust("1")).finally(Expr::cust("0")).into())
    });
    for (index, sign) in signs.enumerate() {
        select.expr_as(sign, sign_name(index));
    }
    let mut found = Differing::new();
    for row in connection.rows(&select).await? {
        let mut cells = Cells::with_capacity(fields.len());
        let read = query::read_row(&row, fields, query::read::LISTED)?;
        for (index, cell) in read.cells.iter().enumerate() {
            let differs = row.try_get::<String>("", &sign_name(index))? == "1";
            cells.push(differs.then(|| cell.value.fingerprint()));
        }
        found.insert(read.key, cells);
    }
    Ok(found)
}

fn sign_name(index: usize) -> String {
    format!("powercrud_differs_{index}")
}

/// A field of some row that holds what it held, and not what was set; and whether all that differed was kept so.
pub(super) fn field(fields: &[&Field], before: &Differing, after: &Differing) -> Option<(String, bool)> {
    after.iter().find_map(|(key, after)| {
        let before = before.get(key)?;
        let is_kept = |index: &usize| after[*index].is_some() && after[*index] == before[*index];
        let kept = (0..fields.len()).find(is_kept)?;
        let is_all = (0..fields.len()).all(|index| before[index].is_none() || is_kept(&index));
        Some((fields[kept].name.clone(), is_all))
    })
}
