//! From what the application named and what the catalog says to resources, with every mistake reported at once.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Field, Reference, Resource, ResourceBuilder, composite, computed,
    links::{hold_links, link},
    many_to_many,
    secrets::{Secrets, is_secret},
    words,
};
use crate::config::{ResourceSettings, Settings};
use powercrud_db::{Catalog, Column, ColumnType, ForeignKey, Table};

/// Builds every resource that is named, here or in the settings, and one for every other table where `settings.discover`; what is wrong joins `mistakes`.
pub(crate) fn build(
    named: Vec<ResourceBuilder>,
    settings: &Settings,
    catalog: &Catalog,
    mistakes: &mut Vec<String>,
) -> Vec<Resource> {
    let secrets = &Secrets::of(&named, settings, catalog);
    let mut resources: Vec<Resource> = Vec::new();
    let mut covered = BTreeSet::new();
    for builder in named {
        let Some(table) = find_table(catalog, &builder) else {
            let known: Vec<_> = catalog.tables.iter().map(Table::qualified_name).collect();
            mistakes.push(format!(
                "resource {}: the database has no such table; there are: {}",
                builder.table,
                known.join(", ")
            ));
            continue;
        };
        covered.insert(table.qualified_name());
        add(&mut resources, builder, false, table, settings, secrets, mistakes);
    }
    if settings.discover {
        for table in catalog.tables.iter().filter(|table| !covered.contains(&table.qualified_name())) {
            let builder = Resource::table(table.qualified_name());
            add(&mut resources, builder, true, table, settings, secrets, mistakes);
        }
    }
    // What the settings speak of is meant to be there, whoever names it.
    for name in settings.resources.keys().filter(|_| !settings.discover) {
        let builder = Resource::table(name);
        let table = find_table(catalog, &builder).filter(|table| table.qualified_name() == *name);
        if let Some(table) = table.filter(|_| resources.iter().all(|resource| resource.name != *name)) {
            add(&mut resources, builder, false, table, settings, secrets, mistakes);
        }
    }
    for name in settings.resources.keys().filter(|name| !resources.iter().any(|resource| resource.name == **name)) {
        let known: Vec<_> = resources.iter().map(|resource| resource.name.as_str()).collect();
        mistakes.push(format!("resources.{name}: there is no such resource; there are: {}", known.join(", ")));
    }
    link(&mut resources);
    hold_links(&mut resources);
    resources.sort_by(|a, b| a.name.cmp(&b.name));
    resources
}

pub(super) fn find_table<'a>(catalog: &'a Catalog, builder: &ResourceBuilder) -> Option<&'a Table> {
    match &builder.schema {
        Some(schema) => catalog
            .table(Some(schema), &builder.table)
            // An entity may name the default schema.
            .or_else(|| catalog.table(None, &builder.table)),
        None => catalog
            .table(None, &builder.table)
            .or_else(|| catalog.tables.iter().find(|table| table.qualified_name() == builder.table)),
    }
}

/// The table's name, with the suffix that tells several resources over it apart.
pub(super) fn name(builder: &ResourceBuilder, table: &Table) -> String {
    match &builder.settings.suffix {
        Some(suffix) => format!("{}-{suffix}", table.qualified_name()),
        None => table.qualified_name(),
    }
}

/// What the configuration says goes before what the application says.
pub(super) fn settings_of(name: &str, own: ResourceSettings, settings: &Settings) -> ResourceSettings {
    settings.resources.get(name).cloned().unwrap_or_default().or(own)
}

fn add(
    resources: &mut Vec<Resource>,
    builder: ResourceBuilder,
    discovered: bool,
    table: &Table,
    settings: &Settings,
    secrets: &Secrets<'_>,
    mistakes: &mut Vec<String>,
) {
    let mut name = name(&builder, table);
    // A table may be called as another with its suffix; nobody has named it, so nobody can give it a suffix.
    if discovered {
        let taken = |name: &String| resources.iter().any(|other| other.name == *name);
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        name = std::iter::once(name.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(name);
    }
    let mut own = settings_of(&name, builder.settings, settings);
    own.bulk_async_backend.get_or_insert_with(|| settings.bulk_async_backend.clone());
    own.bulk_async_notification.get_or_insert_with(|| settings.bulk_async_notification.clone());
    for (key, mistake) in &builder.mistakes {
        mistakes.push(format!("resources.{name}.{key}: {mistake}"));
    }
    let mut actions = builder.actions;
    actions.extend(own.actions.iter().map(|(name, action)| action.to_action(name)));
    let mut resource = resource(name, own, builder.columns, table, secrets, mistakes);
    resource.actions = actions.into_iter().map(Arc::new).collect();
    resource.extensions = builder.extensions;
    if let Some(model) = builder.model {
        resource.write_through(model, mistakes);
    }
    if resources.iter().any(|other| other.name == resource.name) {
        mistakes.push(format!("resource {}: named twice; give one of them a suffix", resource.name));
        return;
    }
    resources.push(resource);
}

fn resource(
    name: String,
    settings: ResourceSettings,
    columns: Option<Vec<String>>,
    table: &Table,
    hidden: &Secrets<'_>,
    mistakes: &mut Vec<String>,
) -> Resource {
    let catalog = hidden.catalog;
    let mut complain = |key: &str, what: String| mistakes.push(format!("resources.{name}.{key}: {what}"));
    let secrets = hidden.of_table(table, &settings, &mut complain);
    let secret_key = table.primary_key.iter().find(|name| secrets.contains(name));
    let table = &match secret_key {
        Some(_) => table.without_key_over(&secrets),
        None => table.clone(),
    };
    let mut many_to_many = many_to_many::of_table(table, &settings, catalog, &mut complain);
    many_to_many.retain(|links| !hidden.is_hidden(&links.reference.table, &links.reference.column));
    let is_taken = |name: &str| table.column(name).is_some() || many_to_many.iter().any(|links| links.name == name);
    let mut computed = computed::of_table(table, &settings, is_taken, &mut complain);
    let mut fields = Vec::new();
    let all = || columns.unwrap_or_else(|| table.columns.iter().map(|c| c.name.clone()).collect());
    for column in settings.fields.clone().unwrap_or_else(all) {
        if secrets.contains(&column) {
            continue;
        }
        match table.column(&column) {
            Some(column) => fields.push(field(column, table, &settings, catalog)),
            None if many_to_many.iter().any(|links| links.name == column) => {}
            None if computed.iter().any(|field| field.name == column) => {
                fields.extend(computed.extract_if(.., |field| field.name == column));
            }
            None => {
                let links = many_to_many.iter().map(|links| links.name.as_str());
                let known: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).chain(links).collect();
                complain("fields", format!("{} has no column {column:?}; there are: {}", table.name, known.join(", ")));
            }
        }
    }
    fields.append(&mut computed);
    if let Some(chosen) = &settings.fields {
        many_to_many.retain(|links| chosen.contains(&links.name));
    }
    let known = fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(", ");
    let links = many_to_many.iter().map(|links| links.name.as_str()).collect::<Vec<_>>().join(", ");
    let mut positions = |key: &str, chosen: &Option<Vec<String>>, default: &dyn Fn(&Field) -> bool| -> Vec<usize> {
        let Some(chosen) = chosen else {
            return (0..fields.len()).filter(|&index| default(&fields[index])).collect();
        };
        let mut positions = Vec::new();
        for name in chosen {
            match fields.iter().position(|field| field.name == name.trim_start_matches('-')) {
                Some(position) => positions.push(position),
                None if key == "bulk_fields" && !links.is_empty() => {
                    complain(key, format!("there is no field {name:?}; allowed are: {known}, {links}"));
                }
                None if secrets.contains(name) => {
                    complain(
                        key,
                        format!("{name:?} is hidden because it likely holds a secret; `show_secrets` shows it"),
                    );
                }
                None => complain(key, format!("there is no field {name:?}; allowed are: {known}")),
            }
        }
        positions
    };
    let read_only = match table.read_only_reason() {
        // Its address would tell it.
        Some(_) if secret_key.is_some() && table.primary_key.is_empty() => Some(format!(
            "its key ({}) is hidden because it likely holds a secret; the setting `show_secrets` shows it",
            secret_key.map(String::as_str).unwrap_or_default()
        )),
        Some(reason) => Some(reason.to_owned()),
        None if settings.read_only == Some(true) => Some("its settings say so".to_owned()),
        None => None,
    };
    let long = |field: &Field| matches!(field.column.column_type, ColumnType::Bytes | ColumnType::Json);
    let mut list_fields = positions("list_fields", &settings.list_fields, &|field| !long(field));
    if settings.list_fields.is_none() {
        match table.primary_key.is_empty() {
            // Without a key there is no page of a record, so the list shows all there is of it.
            true => list_fields = (0..fields.len()).collect(),
            false => list_fields.truncate(8),
        }
    }
    let filter_fields =
        positions("filter_fields", &settings.filter_fields, &|field| field.column.column_type != ColumnType::Bytes);
    let search_fields = positions("search_fields", &settings.search_fields, &|field| {
        matches!(field.column.column_type, ColumnType::Text { .. })
            && field.column.choices.is_empty()
            && !field.is_computed()
    });
    positions("ordering", &settings.ordering, &|_| false);
    // Many-to-many fields stand beside the others in `bulk_fields`.
    let is_links = |name: &String| many_to_many.iter().any(|links| links.name == *name);
    let chosen = settings.bulk_fields.as_ref();
    let mut bulk_many_to_many: Vec<usize> = (0..many_to_many.len())
        .filter(|&place| chosen.is_none_or(|chosen| chosen.contains(&many_to_many[place].name)))
        .collect();
    let columns = chosen.map(|chosen| chosen.iter().filter(|name| !is_links(name)).cloned().collect());
    let mut bulk_fields = positions("bulk_fields", &columns, &|field| field.editable && !field.key);
    for &place in &bulk_fields {
        if !fields[place].editable {
            let field = &fields[place].name;
            let is_version = settings.version_field.as_ref() == Some(field);
            let reason = match fields[place].is_computed() {
                _ if is_version => "as the version field, every edit sets it",
                true => "it is computed",
                false => "the database fills it",
            };
            mistakes.push(format!("resources.{name}.bulk_fields: {field:?} can't be written: {reason}"));
        }
    }
    if read_only.is_some() || table.no_bulk.is_some() {
        bulk_fields.clear();
        bulk_many_to_many.clear();
    }
    // What the database's role may not do is not offered.
    let denied = &table.denied;
    bulk_fields.retain(|&place| !denied.update && !denied.update_columns.contains(&fields[place].name));
    bulk_many_to_many.retain(|&place| {
        let denied = &many_to_many[place].through.denied;
        denied.everything.is_none() && !denied.insert && !denied.delete
    });
    let version = match version(table, &settings) {
        Ok(version) => version,
        Err(mistake) => {
            mistakes.push(format!("resources.{name}.version_field: {mistake}"));
            None
        }
    };
    let display_field = match &settings.display_field {
        Some(chosen) => {
            let place = fields.iter().position(|field| field.name == *chosen);
            if place.is_none() {
                mistakes.push(format!(
                    "resources.{name}.display_field: there is no field {chosen:?}; allowed are: {known}"
                ));
            }
            place
        }
        None => {
            let shown = |column: &Column| fields.iter().any(|field| field.name == column.name);
            display_column(table, shown).and_then(|column| fields.iter().position(|field| field.name == column.name))
        }
    };
    if let Some(size) = settings.paginate_by
        && !(1..=1000).contains(&size)
    {
        mistakes.push(format!(
            "resources.{name}.paginate_by: {size} is not allowed; allowed is a whole number from 1 to 1000"
        ));
    }
    if settings.bulk_chunk_size == Some(0) {
        mistakes.push(format!("resources.{name}.bulk_chunk_size: 0 is not allowed; allowed is a whole number from 1"));
    }
    if settings.bulk_max_errors == Some(0) {
        mistakes.push(format!("resources.{name}.bulk_max_errors: 0 is not allowed; allowed is a whole number from 1"));
    }
    if let Some(days) = settings.bulk_revert_days
        && !(1..=3650).contains(&days)
    {
        mistakes.push(format!(
            "resources.{name}.bulk_revert_days: {days} is not allowed; allowed is a whole number from 1 to 3650"
        ));
    }
    let singular = words::singular(&words::label(&table.name));
    let place = place(table, catalog);
    let placed = |label: String| place.map_or(label.clone(), |place| format!("{label} ({place})"));
    let bare = settings.label.clone().unwrap_or_else(|| lower_first(&singular));
    let label_plural = settings.label_plural.clone().unwrap_or_else(|| match &settings.label {
        Some(label) => words::plural(label),
        None => placed(words::plural(&bare)),
    });
    let label = settings.label.clone().unwrap_or_else(|| placed(bare));
    Resource {
        name,
        model_name: table.qualified_name(),
        label,
        label_plural,
        table: table.clone(),
        fields,
        many_to_many,
        composite_references: composite::of_table(table, catalog),
        secrets,
        read_only,
        actions: Vec::new(),
        settings,
        extensions: super::Extensions::default(),
        model: None,
        list_fields,
        filter_fields,
        search_fields,
        bulk_fields,
        bulk_many_to_many,
        display_field,
        version,
        rights: super::Rights::default(),
        hidden: Vec::new(),
        fixed: Vec::new(),
        is_narrowed: false,
    }
}

/// The column that the settings name as the version, or why it can't be one.
fn version(table: &Table, settings: &ResourceSettings) -> Result<Option<Column>, String> {
    let Some(name) = &settings.version_field else { return Ok(None) };
    let fits = |column: &&Column| {
        let is_key = table.primary_key.contains(&column.name);
        column.fits_version() && !is_key && table.foreign_keys.iter().all(|key| !key.columns.contains(&column.name))
    };
    let allowed: Vec<_> = table.columns.iter().filter(fits).map(|column| column.name.as_str()).collect();
    let allowed = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
    match table.column(name) {
        None => Err(format!("{} has no column {name:?}; allowed are: {allowed}", table.name)),
        Some(column) if fits(&column) => Ok(Some(column.clone())),
        Some(column) => Err(format!(
            "{name:?} ({}) can't tell versions apart: a version is a whole number or a timestamp, and neither key nor reference; allowed \
             are: {allowed}",
            column.database_type
        )),
    }
}

fn field(column: &Column, table: &Table, settings: &ResourceSettings, catalog: &Catalog) -> Field {
    let text = |texts: &Option<crate::config::Texts>| texts.as_ref().and_then(|texts| texts.get(&column.name)).cloned();
    let reference = reference(column, table, catalog);
    let own_label = || {
        let label = words::label(&column.name);
        // A reference is shown by its record's name: "author_id" reads "Author".
        let bare = label.strip_suffix(" id").filter(|_| reference.is_some()).map(str::to_owned);
        bare.unwrap_or(label)
    };
    Field {
        name: column.name.clone(),
        label: text(&settings.labels).unwrap_or_else(own_label),
        help_text: text(&settings.help_texts).unwrap_or_else(|| column.comment.clone()),
        column: column.clone(),
        reference,
        editable: !column.generated
            && column.column_type != ColumnType::Bytes
            && !column.identity
            && settings.version_field.as_ref() != Some(&column.name),
        key: table.primary_key.contains(&column.name),
    }
}

/// A foreign key of this one column. Where several constraints start here, the first is followed.
fn reference(column: &Column, table: &Table, catalog: &Catalog) -> Option<Reference> {
    let key: &ForeignKey = table.foreign_keys.iter().find(|key| key.columns == [column.name.clone()])?;
    let target = catalog.table(key.referenced_schema.as_deref(), &key.referenced_table)?;
    Some(Reference {
        column: target.column(key.referenced_columns.first()?)?.clone(),
        display: display_column(target, |_| true).cloned(),
        table: target.clone(),
        resource: None,
    })
}

/// The column that most likely names a record, of those that are shown: one called name, or title, which is a person's job where there is
/// a last name; else the first text that is no key and no reference.
pub(super) fn display_column(table: &Table, shown: impl Fn(&Column) -> bool) -> Option<&Column> {
    let fit = |column: &&Column| {
        shown(column)
            && matches!(column.column_type, ColumnType::Text { .. })
            && column.choices.is_empty()
            && !is_secret(table, column)
            && !table.foreign_keys.iter().any(|key| key.columns.contains(&column.name))
    };
    let named = |words: &[&str]| {
        table.columns.iter().filter(fit).find(|column| words.contains(&column.name.to_lowercase().as_str()))
    };
    named(&["name", "full_name", "fullname"])
        .or_else(|| named(&["last_name", "lastname", "surname", "family_name"]))
        .or_else(|| named(&["title", "label", "username", "user_name", "email", "code"]))
        .or_else(|| table.columns.iter().filter(fit).find(|column| !table.primary_key.contains(&column.name)))
}

/// What tells a table from others of the same label: "order (sales)", where another schema has orders as well; "staff (Staff)", where its
/// own has.
fn place<'a>(table: &'a Table, catalog: &Catalog) -> Option<&'a str> {
    let label = |table: &Table| words::singular(&words::label(&table.name));
    let is_other = |other: &&Table| other.name != table.name || other.schema != table.schema;
    let is_alike = |other: &&Table| is_other(other) && label(other).eq_ignore_ascii_case(&label(table));
    let mut alike = catalog.tables.iter().filter(is_alike).peekable();
    alike.peek()?;
    match alike.any(|other| other.schema == table.schema) {
        true => Some(&table.name),
        false => table.schema.as_deref(),
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        // "ISBN list" keeps its capitals.
        Some(first) if !chars.as_str().starts_with(char::is_uppercase) => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}
