//! Computed fields: they are read like any other and never written.

use sea_orm::sea_query::{Expr, Query};

use super::{Field, Resource, words};
use crate::{
    config::{ComputedFields, ResourceSettings},
    error::Result,
};
use powercrud_db::{Column, Database, FaultKind, QueryExt as _, Table, with_timeout};

/// The computed fields of a resource, in their order; what is wrong with them joins `complain`.
pub(super) fn of_table(
    table: &Table,
    settings: &ResourceSettings,
    is_taken: impl Fn(&str) -> bool,
    complain: &mut impl FnMut(&str, String),
) -> Vec<Field> {
    let Some(ComputedFields(computed)) = &settings.computed else { return Vec::new() };
    let Some(dialect) = table.columns.first().map(|column| column.dialect) else { return Vec::new() };
    let mut fields: Vec<Field> = Vec::new();
    for (name, computed) in computed {
        let mut refuse = |why: &str| complain(&format!("computed.{name}"), why.to_owned());
        if !is_name(name) {
            refuse(
                "is no name of a field; allowed are letters (a-z, A-Z), digits and single _, beginning with a letter",
            );
        } else if is_taken(name) || fields.iter().any(|field| field.name == *name) {
            refuse("there is a field of this name already; call it otherwise");
        } else if computed.sql.trim().is_empty() {
            refuse("is empty; allowed is an SQL expression over the columns of the table");
        } else {
            let column = Column::computed(name, &computed.sql, computed.kind.column_type(), dialect);
            let text = |texts: &Option<crate::config::Texts>| texts.as_ref().and_then(|texts| texts.get(name)).cloned();
            fields.push(Field {
                name: name.clone(),
                label: text(&settings.labels).unwrap_or_else(|| words::label(name)),
                help_text: text(&settings.help_texts).unwrap_or_default(),
                column,
                reference: None,
                editable: false,
                key: false,
            });
            if settings.display_field.as_ref() == Some(name) {
                refuse("can't be the display_field, which other tables' records are named by: allowed is a column");
            }
        }
    }
    fields
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.contains("__")
        && name.len() <= 60
}

/// Asks the database whether it understands each of them; what it does not joins `mistakes`.
pub(crate) async fn check(database: &Database, resources: &[Resource], mistakes: &mut Vec<String>) -> Result<()> {
    for resource in resources {
        for field in resource.fields.iter().filter(|field| field.is_computed()) {
            let mut select = Query::select();
            select.expr(resource.table.value_of(&field.column)).expr(resource.table.order_of(&field.column));
            select.from(resource.table.table_ref()).and_where(Expr::cust("1 = 0"));
            match with_timeout(database.connection().rows(&select)).await {
                Ok(_) => {}
                Err(powercrud_db::Error::Database(fault)) if fault.kind != FaultKind::Transient => {
                    mistakes.push(format!(
                        "resources.{}.computed.{}: the database does not take it: {}",
                        resource.name, field.name, fault.message
                    ))
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}
