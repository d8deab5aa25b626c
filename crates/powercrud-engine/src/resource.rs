//! Resources: a table with its view settings, described at run time so that one engine serves them all.

mod build;
mod composite;
mod computed;
mod field;
mod key_types;
mod links;
mod many_to_many;
mod model;
mod narrowed;
mod rights;
mod secrets;

use std::sync::Arc;

use sea_orm::{EntityTrait, IdenStatic as _, Iterable as _, sea_query::Expr};

use crate::words;
pub use crate::{config::ResourceBuilder, words::grouped};
pub(crate) use build::build;
pub use composite::CompositeReference;
pub(crate) use computed::check as check_computed;
pub use field::{Field, Reference};
pub use many_to_many::ManyToMany;
pub(crate) use narrowed::{Narrowing, Rights};

use crate::{
    action::Action,
    active_model::RecordModel,
    config::{Atomicity, ConflictScope, DATABASE_BACKEND, OnConflict, REVERT_DAYS, ResourceSettings},
    error::{Error, FieldError, Result},
    extensions::Extensions,
};
use powercrud_db::{Column, Dialect, Table};

/// A table or view with its settings: what can be listed, edited and bulk edited under one name.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The name in addresses and on the command line: the table's name, with schema and suffix where it has them.
    pub name: String,
    /// The table's name, with its schema where it is not the default one.
    pub model_name: String,
    /// One record in words, such as "book".
    pub label: String,
    /// Several records in words, such as "books".
    pub label_plural: String,
    /// The table underneath.
    pub table: Table,
    /// In order of display.
    pub fields: Vec<Field>,
    /// The links with records of other tables.
    pub many_to_many: Vec<ManyToMany>,
    /// References by several columns.
    pub composite_references: Vec<CompositeReference>,
    /// Columns that are hidden because they likely hold secrets.
    pub secrets: Vec<String>,
    /// Why it can't be written, where it can't.
    pub read_only: Option<String>,
    /// What can be done to many records beside changing fields and deleting; none where the resource is read-only.
    pub actions: Vec<Arc<Action>>,
    /// What the developer or operator set.
    pub settings: ResourceSettings,
    pub(crate) extensions: Extensions,
    /// What writes its records instead of statements.
    pub(crate) model: Option<Arc<dyn RecordModel>>,
    /// The fields of the list page, as places in `fields`.
    pub(crate) list_fields: Vec<usize>,
    pub(crate) filter_fields: Vec<usize>,
    pub(crate) search_fields: Vec<usize>,
    pub(crate) bulk_fields: Vec<usize>,
    /// The many-to-many fields that may be changed in bulk, by whoever has the right to, as places in `many_to_many`.
    pub(crate) bulk_many_to_many: Vec<usize>,
    pub(crate) display_field: Option<usize>,
    /// The column that tells versions of a record apart.
    pub(crate) version: Option<Column>,
    /// What whoever works with it may do.
    pub(crate) rights: Rights,
    /// The columns that whoever works with it may not see.
    pub(crate) hidden: Vec<String>,
    /// The fields that whoever works with it may see and not write.
    pub(crate) fixed: Vec<String>,
    /// Whether this is the resource as a certain user sees it.
    pub(crate) is_narrowed: bool,
}

impl Resource {
    /// A resource over a table by name, `schema.table` where it is not in the default schema.
    pub fn table(name: impl Into<String>) -> ResourceBuilder {
        ResourceBuilder { table: name.into(), ..ResourceBuilder::default() }
    }

    /// A resource over a SeaORM entity: its table, and its columns in their order. Types, keys and references come from the
    /// database's catalog, which knows more of them.
    pub fn entity<E: EntityTrait>() -> ResourceBuilder {
        let entity = E::default();
        ResourceBuilder {
            schema: entity.schema_name().map(str::to_owned),
            table: entity.table_name().to_owned(),
            columns: Some(E::Column::iter().map(|column| column.as_str().to_owned()).collect()),
            ..ResourceBuilder::default()
        }
    }

    /// The field of exactly that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The field that a person means by `name`, whatever its capitals, underscores and blanks, or an error that lists what there is.
    pub fn require_field(&self, name: &str) -> Result<&Field, FieldError> {
        find_by_name(&self.fields, name, |field| &field.name).ok_or_else(|| {
            let known: Vec<_> = self.fields.iter().map(|field| field.name.as_str()).collect();
            FieldError::new(
                name,
                "UNKNOWN_FIELD",
                format!("{} has no such field; there are: {}", self.name, known.join(", ")),
            )
        })
    }

    /// The fields of the list page.
    pub fn list_fields(&self) -> impl Iterator<Item = &Field> {
        self.list_fields.iter().map(|&index| &self.fields[index])
    }

    /// The fields that can be filtered by.
    pub fn filter_fields(&self) -> impl Iterator<Item = &Field> {
        self.filter_fields.iter().map(|&index| &self.fields[index])
    }

    /// The fields that the search box looks into.
    pub fn search_fields(&self) -> impl Iterator<Item = &Field> {
        self.search_fields.iter().map(|&index| &self.fields[index])
    }

    /// The fields that bulk edit may change; none where the resource is read-only.
    pub fn bulk_fields(&self) -> impl Iterator<Item = &Field> {
        self.bulk_fields.iter().map(|&index| &self.fields[index])
    }

    /// The many-to-many fields that bulk edit may change; none where the resource is read-only.
    pub fn bulk_many_to_many(&self) -> impl Iterator<Item = &ManyToMany> {
        self.many_to_many_for_actions().filter(|links| self.rights.bulk_update && !self.fixed.contains(&links.name))
    }

    /// The many-to-many fields that an action may change, whoever takes it.
    pub(crate) fn many_to_many_for_actions(&self) -> impl Iterator<Item = &ManyToMany> {
        self.bulk_many_to_many.iter().map(|&index| &self.many_to_many[index])
    }

    /// The many-to-many field of exactly that name.
    pub fn many_to_many(&self, name: &str) -> Option<&ManyToMany> {
        self.many_to_many.iter().find(|links| links.name == name)
    }

    /// What people call the field or many-to-many field of that name; the name itself where there is none.
    pub fn label_of(&self, name: &str) -> String {
        let links = || self.many_to_many(name).map(|links| &links.label);
        self.field(name).map(|field| &field.label).or_else(links).cloned().unwrap_or_else(|| name.to_owned())
    }

    /// Whether there is anything that bulk edit may change.
    pub fn can_bulk_edit(&self) -> bool {
        !self.bulk_fields.is_empty() || self.bulk_many_to_many().next().is_some()
    }

    /// The names of all that bulk edit may change.
    pub(crate) fn bulk_names(&self) -> Vec<&str> {
        let links = self.bulk_many_to_many().map(|links| links.name.as_str());
        self.bulk_fields().map(|field| field.name.as_str()).chain(links).collect()
    }

    /// The field that names a record where another refers to it.
    pub fn display_field(&self) -> Option<&Field> {
        self.display_field.map(|index| &self.fields[index])
    }

    /// The action of exactly that name.
    ///
    /// # Errors
    /// [`Error::UnknownAction`], with the names there are.
    pub fn action(&self, name: &str) -> Result<&Arc<Action>> {
        self.actions.iter().find(|action| action.name == name).ok_or_else(|| Error::UnknownAction {
            resource: self.name.clone(),
            name: name.to_owned(),
            known: self.actions.iter().map(|action| action.name.clone()).collect(),
        })
    }

    /// The column that tells versions of a record apart, where the settings name one.
    pub fn version_field(&self) -> Option<&Column> {
        self.version.as_ref()
    }

    /// Records a page, where the request doesn't say.
    pub fn paginate_by(&self) -> u64 {
        self.settings.paginate_by.unwrap_or(25)
    }

    /// What tells workers of its tasks, by name.
    pub fn backend(&self) -> &str {
        self.settings.bulk_async_backend.as_deref().unwrap_or(DATABASE_BACKEND)
    }

    /// Whether a bulk operation on so many records runs in the background.
    pub fn should_process_async(&self, records: u64) -> bool {
        self.settings.bulk_async.unwrap_or(true) && records >= self.settings.bulk_min_async_records.unwrap_or(20)
    }

    /// What stays when a record of a task fails.
    pub fn atomicity(&self, in_background: bool) -> Atomicity {
        self.settings.bulk_atomicity.unwrap_or(if in_background { Atomicity::Chunk } else { Atomicity::All })
    }

    /// Whether bulk tasks keep what they overwrite and delete, so that they can be reverted.
    pub fn can_revert(&self) -> bool {
        self.settings.bulk_revert.unwrap_or(false)
    }

    /// For how many days a bulk task can be reverted.
    pub fn revert_days(&self) -> u64 {
        self.settings.bulk_revert_days.unwrap_or(REVERT_DAYS)
    }

    /// Whether whole-number keys one after the other are frozen as one row. On SQLite the window function that finds such runs costs
    /// more than the rows it saves.
    pub(crate) fn freezes_runs(&self, dialect: Dialect) -> bool {
        matches!(self.key_columns()[..], [column] if dialect.holds_only_integers(column))
            && !dialect.numbers_selected_rows()
    }

    /// What a bulk task keeps others from: the whole model, or its records.
    pub fn conflict_scope(&self) -> ConflictScope {
        self.settings.bulk_async_conflict_scope.unwrap_or_default()
    }

    /// Whether bulk tasks, and edits of single records, keep out of each other's way.
    pub fn checks_conflicts(&self) -> bool {
        self.settings.bulk_async_conflict_checking.unwrap_or(true)
    }

    /// Whether a request in whose way something is waits for its turn.
    pub fn queues_conflicts(&self) -> bool {
        self.settings.bulk_async_on_conflict == Some(OnConflict::Queue)
    }

    /// What a bulk task on this resource locks: the model with its suffix.
    pub fn unique_model_key(&self) -> String {
        match &self.settings.suffix {
            Some(suffix) => format!("{}:{suffix}", self.model_name),
            None => self.model_name.clone(),
        }
    }

    /// So many records in words: "1 book", "12,304 books".
    pub fn count_in_words(&self, count: u64) -> String {
        let label = if count == 1 { &self.label } else { &self.label_plural };
        format!("{} {label}", grouped(count))
    }

    /// The columns of the record's key, in key order.
    pub(crate) fn key_columns(&self) -> Vec<&Column> {
        self.table.primary_key.iter().filter_map(|name| self.table.column(name)).collect()
    }

    /// The record key as a SQL expression over the table.
    pub(crate) fn key_expr(&self, dialect: Dialect) -> Expr {
        let columns = self.key_columns();
        if columns.is_empty() {
            return Expr::cust("NULL");
        }
        dialect.record_key(
            &columns.iter().map(|column| (*column, self.table.column_ref(&column.name))).collect::<Vec<_>>(),
        )
    }
}

/// The item of that name; where none fits to the letter, the only one that differs in nothing but capitals, underscores and blanks.
pub(crate) fn find_by_name<'a, T>(items: &'a [T], name: &str, name_of: impl Fn(&T) -> &str) -> Option<&'a T> {
    let folded = |name: &str| -> String {
        name.chars().filter(|c| *c != '_' && !c.is_whitespace()).flat_map(char::to_lowercase).collect()
    };
    let exact = items.iter().find(|item| name_of(item) == name);
    exact.or_else(|| {
        let wanted = folded(name);
        let mut alike = items.iter().filter(|item| folded(name_of(item)) == wanted);
        alike.next().filter(|_| alike.next().is_none())
    })
}
