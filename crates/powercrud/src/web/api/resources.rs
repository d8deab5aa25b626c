//! What there is: resources and their fields.

use axum::{Json, extract::Path};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use crate::web::{error::WebResult, paths::unmark};
use powercrud_db::ColumnType;
use powercrud_engine::{
    action::{Action, ActionFieldKind},
    query::Operator,
    resource::{self, Resource},
};

/// A table or view that can be listed, edited and bulk edited under one name.
#[derive(Serialize, ToSchema)]
#[schema(as = Resource)]
pub(super) struct ResourceJson {
    /// The name in addresses.
    name: String,
    /// One record in words.
    label: String,
    /// Several records in words.
    label_plural: String,
    /// Why it can't be written; null where it can.
    read_only: Option<String>,
    /// The fields that a record's key is made of; none where records have no key and can't be had one by one.
    key: Vec<String>,
    /// Why it takes no bulk operations, where single records can be written; else null.
    no_bulk: Option<String>,
    /// Whether records can be created.
    can_create: bool,
    /// Whether records can be changed.
    can_update: bool,
    /// Whether records can be deleted.
    can_delete: bool,
    /// Whether bulk update is offered.
    bulk_update: bool,
    /// Whether bulk delete is offered.
    bulk_delete: bool,
    /// What else can be done to many records, by `POST …/actions/NAME`.
    actions: Vec<ActionJson>,
    /// Every field of a record.
    fields: Vec<FieldJson>,
    /// What several of its fields together refer to.
    composite_references: Vec<CompositeReferenceJson>,
    /// Links with records of other tables, which bulk update can change.
    many_to_many: Vec<ManyToManyJson>,
}

/// What several fields together refer to: the record whose key they are, part by part.
#[derive(Serialize, ToSchema)]
#[schema(as = CompositeReference)]
pub(super) struct CompositeReferenceJson {
    /// The columns that refer, in the order of the key referred to.
    columns: Vec<String>,
    /// The table.
    table: String,
    /// Its columns, in the same order.
    referenced_columns: Vec<String>,
    /// The resource of that table, where there is one.
    resource: Option<String>,
}

/// Something that can be done to many records.
#[derive(Serialize, ToSchema)]
#[schema(as = Action)]
pub(super) struct ActionJson {
    /// The name in addresses.
    name: String,
    /// The name for people.
    label: String,
    /// What people are told before they confirm it; null where that is nothing.
    confirm: Option<String>,
    /// The permission that it needs, where it names one.
    permission: Option<String>,
    /// What may be filled in.
    fields: Vec<ActionFieldJson>,
}

/// A field of an action's form.
#[derive(Serialize, ToSchema)]
#[schema(as = ActionField)]
pub(super) struct ActionFieldJson {
    /// The name in `values`.
    name: String,
    /// The name for people.
    label: String,
    /// Help for people; may be empty.
    help_text: String,
    /// What it takes: `text`, `integer`, `decimal`, `boolean`, `date` or `choice`.
    r#type: &'static str,
    /// Whether it must have a value.
    required: bool,
    /// What it has where it is left out; null where that is no value.
    default: Option<String>,
    /// Of a choice: the values that it takes.
    choices: Vec<String>,
}

/// Links with records of another table.
#[derive(Serialize, ToSchema)]
#[schema(as = ManyToMany)]
pub(super) struct ManyToManyJson {
    /// The name in changes.
    name: String,
    /// The name for people.
    label: String,
    /// Help for people; may be empty.
    help_text: String,
    /// Whether bulk update may change it.
    bulk_editable: bool,
    /// What it leads to.
    reference: ReferenceJson,
}

/// A field of a resource's records.
#[derive(Serialize, ToSchema)]
#[schema(as = Field)]
pub(super) struct FieldJson {
    /// The name in records, filters and changes.
    name: String,
    /// The name for people.
    label: String,
    /// Help for people; may be empty.
    help_text: String,
    /// The kind of its values.
    r#type: FieldType,
    /// The database's own word for its type.
    database_type: String,
    /// Whether it may be null.
    nullable: bool,
    /// Whether the database fills it where it is left out of a new record.
    has_default: bool,
    /// The characters it holds at most; null where any number.
    max_length: Option<u32>,
    /// The values it may have; empty where it is free.
    choices: Vec<String>,
    /// Whether it may be written when a record is created.
    editable: bool,
    /// Whether it may be written when a record is changed.
    updatable: bool,
    /// Whether it is part of the record's key, and so can't be changed later.
    key: bool,
    /// Whether bulk update may change it.
    bulk_editable: bool,
    /// What it can be filtered by, as `name__operator`; `exact` may be left out.
    operators: Vec<&'static str>,
    /// What it refers to, where it is a reference.
    reference: Option<ReferenceJson>,
}

/// What a field refers to.
#[derive(Serialize, ToSchema)]
#[schema(as = Reference)]
pub(super) struct ReferenceJson {
    /// The table.
    table: String,
    /// Its column.
    field: String,
    /// The resource of that table, where there is one.
    resource: Option<String>,
}

/// The kind of a field's values.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum FieldType {
    Boolean,
    Integer,
    Decimal,
    Float,
    Text,
    Date,
    Time,
    DateTime,
    DateTimeTz,
    Uuid,
    Json,
    Bytes,
    Enum,
    Other,
}

/// All resources.
#[derive(Serialize, ToSchema)]
pub(super) struct ResourceList {
    resources: Vec<ResourceJson>,
}

/// All resources
///
/// With their fields: names, types, choices, what may be written and what they refer to.
#[utoipa::path(get, path = "/api/v1/resources", tag = "resources", responses((status = 200, body = ResourceList)))]
pub(super) async fn list(caller: Caller) -> WebResult<Json<ResourceList>> {
    let resources = caller.app().resources().iter().map(|resource| describe(resource)).collect();
    Ok(Json(ResourceList { resources }))
}

/// One resource
#[utoipa::path(
    get, path = "/api/v1/resources/{resource}", tag = "resources",
    params(("resource" = String, Path, description = "The resource's name")),
    responses((status = 200, body = ResourceJson))
)]
pub(super) async fn get(caller: Caller, Path(resource): Path<String>) -> WebResult<Json<ResourceJson>> {
    Ok(Json(describe(caller.app().resource(unmark(&resource))?)))
}

fn describe(resource: &Resource) -> ResourceJson {
    ResourceJson {
        name: resource.name.clone(),
        label: resource.label.clone(),
        label_plural: resource.label_plural.clone(),
        read_only: resource.read_only.clone(),
        key: resource.table.primary_key.clone(),
        no_bulk: resource.table.no_bulk.clone(),
        can_create: resource.can_create(),
        can_update: resource.can_update(),
        can_delete: resource.can_delete(),
        bulk_update: resource.bulk_fields().next().is_some() || resource.bulk_many_to_many().next().is_some(),
        bulk_delete: resource.can_bulk_delete(),
        actions: resource.actions.iter().map(|action| describe_action(action)).collect(),
        fields: resource.fields.iter().map(|field| describe_field(resource, field)).collect(),
        composite_references: resource
            .composite_references
            .iter()
            .map(|reference| CompositeReferenceJson {
                columns: reference.columns.clone(),
                table: reference.model_name.clone(),
                referenced_columns: reference.referenced_columns.clone(),
                resource: reference.resource.clone(),
            })
            .collect(),
        many_to_many: resource
            .many_to_many
            .iter()
            .map(|links| ManyToManyJson {
                name: links.name.clone(),
                label: links.label.clone(),
                help_text: links.help_text.clone(),
                bulk_editable: resource.bulk_many_to_many().any(|other| other.name == links.name),
                reference: describe_reference(&links.reference),
            })
            .collect(),
    }
}

fn describe_action(action: &Action) -> ActionJson {
    let choices = |kind: &ActionFieldKind| match kind {
        ActionFieldKind::Choice(choices) => choices.iter().map(|(value, _)| value.clone()).collect(),
        _ => Vec::new(),
    };
    ActionJson {
        name: action.name.clone(),
        label: action.label.clone(),
        confirm: action.confirm.clone(),
        permission: action.permission.clone(),
        fields: action
            .fields
            .iter()
            .map(|field| ActionFieldJson {
                name: field.name.clone(),
                label: field.label.clone(),
                help_text: field.help.clone(),
                r#type: field.kind.as_str(),
                required: field.required,
                default: field.default.clone(),
                choices: choices(&field.kind),
            })
            .collect(),
    }
}

fn describe_field(resource: &Resource, field: &resource::Field) -> FieldJson {
    let column = &field.column;
    let filtered = resource.filter_fields().any(|other| other.name == field.name);
    let operators = if filtered { Operator::fit_for(column) } else { &[] };
    FieldJson {
        name: field.name.clone(),
        label: field.label.clone(),
        help_text: field.help_text.clone(),
        r#type: kind(&column.column_type),
        database_type: column.database_type.clone(),
        nullable: field.nullable(),
        has_default: column.default.is_some() || column.identity || column.generated,
        max_length: match &column.column_type {
            ColumnType::Text { max_length } => *max_length,
            _ => None,
        },
        choices: column.choices.clone(),
        editable: resource.may_give(field),
        updatable: resource.may_change(field),
        key: field.key,
        bulk_editable: resource.may_bulk_edit(field),
        operators: operators.iter().map(|operator| operator.name()).collect(),
        reference: field.reference.as_ref().map(describe_reference),
    }
}

fn describe_reference(reference: &resource::Reference) -> ReferenceJson {
    ReferenceJson {
        table: reference.table.qualified_name(),
        field: reference.column.name.clone(),
        resource: reference.resource.clone(),
    }
}

fn kind(column_type: &ColumnType) -> FieldType {
    match column_type {
        ColumnType::Boolean => FieldType::Boolean,
        ColumnType::Integer { .. } => FieldType::Integer,
        ColumnType::Decimal { .. } => FieldType::Decimal,
        ColumnType::Float => FieldType::Float,
        ColumnType::Text { .. } => FieldType::Text,
        ColumnType::Date => FieldType::Date,
        ColumnType::Time => FieldType::Time,
        ColumnType::DateTime => FieldType::DateTime,
        ColumnType::DateTimeTz => FieldType::DateTimeTz,
        ColumnType::Uuid => FieldType::Uuid,
        ColumnType::Json => FieldType::Json,
        ColumnType::Bytes => FieldType::Bytes,
        ColumnType::Enum => FieldType::Enum,
        ColumnType::Other => FieldType::Other,
    }
}
