//! Many-to-many fields in the bulk edit dialog: what to do, and with which records.

use serde::Serialize;

use super::at_field;
use crate::web::{
    context::{FormData, RequestContext},
    view::{ChoiceView, element_id},
};
use powercrud_db::{Column, Value};
use powercrud_engine::{
    change::{Change, LinkOperation, keys_from_text},
    error::{FieldError, Result},
    query,
    resource::{ManyToMany, Resource},
};

#[derive(Serialize)]
pub(super) struct LinksField {
    pub(super) name: String,
    id: String,
    label: String,
    help: String,
    error: String,
    changed: bool,
    operations: Vec<OperationView>,
    /// The records chosen so far.
    chosen: Vec<ChoiceView>,
    /// What was typed as a key.
    typed: String,
    choices_href: String,
}

#[derive(Serialize)]
struct OperationView {
    word: &'static str,
    label: &'static str,
    selected: bool,
}

fn label(operation: LinkOperation) -> &'static str {
    match operation {
        LinkOperation::Add => "Add",
        LinkOperation::Remove => "Remove",
        LinkOperation::Replace => "Replace all by",
        LinkOperation::Clear => "Remove all",
    }
}

/// The many-to-many fields, as the form has them.
pub(super) async fn fields(
    context: &RequestContext,
    resource: &Resource,
    form: &FormData,
    errors: &[FieldError],
) -> Result<Vec<LinksField>> {
    let mut fields = Vec::new();
    for links in resource.bulk_many_to_many() {
        let name = links.name.clone();
        let operation = form.get(&format!("links.{name}")).unwrap_or_default();
        fields.push(LinksField {
            id: format!("links-{}", element_id(&name)),
            label: links.label.clone(),
            help: links.help_text.clone(),
            error: at_field(errors, &name),
            changed: form.all("change").any(|other| other == name),
            operations: LinkOperation::ALL
                .iter()
                .map(|&one| OperationView {
                    word: one.as_str(),
                    label: label(one),
                    selected: one.as_str() == operation,
                })
                .collect(),
            chosen: chosen(context, links, form).await?,
            typed: form.get(&format!("keys.{name}")).unwrap_or_default().to_owned(),
            choices_href: context.paths.choices(&resource.name, &name),
            name,
        });
    }
    Ok(fields)
}

/// The records ticked in the form, by name.
async fn chosen(context: &RequestContext, links: &ManyToMany, form: &FormData) -> Result<Vec<ChoiceView>> {
    let name = format!("set.{}", links.name);
    let mut keys: Vec<&str> = form.all(&name).collect();
    keys.dedup();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let column = Column { choices: Vec::new(), ..links.reference.column.clone() };
    let values: Vec<_> = keys.iter().filter_map(|key| Value::parse(&column, key).ok()).collect();
    let names = query::names_of(context.app(), &links.reference, &values).await?;
    let repeats = |name: &String| keys.iter().filter(|key| names.get(**key) == Some(name)).count() > 1;
    let label = |key: &str| match names.get(key) {
        Some(name) if repeats(name) => format!("{name} ({key})"),
        Some(name) => name.clone(),
        None => key.to_owned(),
    };
    Ok(keys.iter().map(|key| ChoiceView::new(key, &label(key))).collect())
}

/// What the form says about a ticked many-to-many field. `typed`: whether what stands in its search box counts as a key.
pub(super) fn read(links: &ManyToMany, form: &FormData, typed: bool) -> Result<Change, FieldError> {
    let name = &links.name;
    let word = form.get(&format!("links.{name}")).unwrap_or("add");
    if word == LinkOperation::Clear.as_str() {
        return Ok(Change::Clear);
    }
    let typed = form.get(&format!("keys.{name}")).filter(|_| typed).unwrap_or_default();
    let chosen_name = format!("set.{name}");
    let mut keys: Vec<String> = form.all(&chosen_name).map(str::to_owned).collect();
    keys.extend(keys_from_text(name, typed)?);
    if keys.is_empty() {
        return Err(FieldError::new(name, "NO_VALUE", "choose at least one"));
    }
    Change::of_links(name, word, keys)
}
