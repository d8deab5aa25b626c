//! `powercrud resources`

use anyhow::Result;
use powercrud::{Action, Field, ManyToMany, Resource, db::TableKind};
use serde_json::{Value, json};

use super::look_at;
use crate::{
    args::{Resources, TableFormat},
    exit::Exit,
    output::{print, print_json, table},
};

pub(super) async fn run(arguments: Resources) -> Result<Exit> {
    let powercrud = look_at(&arguments.connection).await?;
    let resources = powercrud.resources();
    match arguments.format {
        TableFormat::Json => {
            print_json(&Value::Array(resources.iter().map(|resource| to_json(resource)).collect()));
        }
        TableFormat::Table if resources.is_empty() => {
            print(&format!("There are no tables or views in {}.", powercrud.database().url()));
        }
        TableFormat::Table => {
            let rows: Vec<_> = resources.iter().map(|resource| row(resource)).collect();
            print(&table(&["resource", "kind", "key", "fields", "bulk fields", "read-only because"], &rows));
        }
    }
    for resource in resources {
        if !resource.secrets.is_empty() {
            let secrets = resource.secrets.join(", ");
            eprintln!("hidden as secrets: {}: {secrets} (`show_secrets` shows them)", resource.name);
        }
    }
    for left_out in &powercrud.catalog().left_out {
        eprintln!("left out: {}: {}", left_out.name, left_out.reason);
    }
    Ok(Exit::Success)
}

fn row(resource: &Resource) -> Vec<String> {
    vec![
        resource.name.clone(),
        kind(resource).to_owned(),
        resource.table.primary_key.join(", "),
        (resource.fields.len() + resource.many_to_many.len()).to_string(),
        (resource.bulk_fields().count() + resource.bulk_many_to_many().count()).to_string(),
        resource.read_only.clone().or_else(|| no_bulk(resource)).unwrap_or_default(),
    ]
}

/// Why it takes no bulk operations, where single records can be written.
fn no_bulk(resource: &Resource) -> Option<String> {
    resource.table.no_bulk.as_ref().map(|reason| format!("in bulk only: {reason}"))
}

fn kind(resource: &Resource) -> &'static str {
    match resource.table.kind {
        TableKind::Table => "table",
        TableKind::View => "view",
    }
}

fn to_json(resource: &Resource) -> Value {
    let links = resource.bulk_many_to_many().map(|links| &links.name);
    let bulk: Vec<_> = resource.bulk_fields().map(|field| &field.name).chain(links).collect();
    json!({
        "name": resource.name,
        "label": resource.label,
        "label_plural": resource.label_plural,
        "kind": kind(resource),
        "key": resource.table.primary_key,
        "read_only": resource.read_only,
        "no_bulk": resource.table.no_bulk,
        "can_create": resource.can_create(),
        "can_update": resource.can_update(),
        "can_delete": resource.can_delete(),
        "denied": resource.table.denied.words(),
        "missing_grants": resource.table.denied.grants,
        "secrets": resource.secrets,
        "bulk_fields": bulk,
        "bulk_delete": resource.can_bulk_delete(),
        "actions": resource.actions.iter().map(|action| action_to_json(action)).collect::<Vec<_>>(),
        "fields": resource.fields.iter().map(field_to_json).collect::<Vec<_>>(),
        "many_to_many": resource.many_to_many.iter().map(links_to_json).collect::<Vec<_>>(),
    })
}

fn action_to_json(action: &Action) -> Value {
    let fields: Vec<_> = action.fields.iter().map(|field| &field.name).collect();
    json!({"name": action.name, "label": action.label, "confirm": action.confirm, "fields": fields})
}

fn field_to_json(field: &Field) -> Value {
    json!({
        "name": field.name,
        "label": field.label,
        "type": field.column.database_type,
        "nullable": field.nullable(),
        "editable": field.editable,
        "choices": field.column.choices,
        "references": field.reference.as_ref().map(|reference| reference.table.qualified_name()),
    })
}

fn links_to_json(links: &ManyToMany) -> Value {
    json!({
        "name": links.name,
        "label": links.label,
        "references": links.reference.table.qualified_name(),
        "through": links.through.qualified_name(),
    })
}
