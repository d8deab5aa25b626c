//! Resources: a table with its view settings, described at run time so that one engine serves them all.

mod build;
mod composite;
mod field;
mod many_to_many;
mod secrets;
mod words;

use sea_orm::{EntityTrait, IdenStatic as _, Iterable as _, sea_query::Expr};

pub(crate) use build::build;
pub use composite::CompositeReference;
pub use field::{Field, Reference};
pub use many_to_many::ManyToMany;
pub use words::grouped;

use crate::{
    config::{Atomicity, ConflictScope, OnConflict, REVERT_DAYS, ResourceSettings},
    error::{Error, FieldError, Result},
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
    /// What the developer or operator set.
    pub settings: ResourceSettings,
    /// The fields of the list page, as places in `fields`.
    pub(crate) list_fields: Vec<usize>,
    pub(crate) filter_fields: Vec<usize>,
    pub(crate) search_fields: Vec<usize>,
    pub(crate) bulk_fields: Vec<usize>,
    /// The many-to-many fields that bulk edit may change, as places in `many_to_many`.
    pub(crate) bulk_many_to_many: Vec<usize>,
    pub(crate) display_field: Option<usize>,
    /// The column that tells versions of a record apart.
    pub(crate) version: Option<Column>,
}

/// A resource as the application names it, before the catalog is known.
#[derive(Clone, Debug, Default)]
pub struct ResourceBuilder {
    pub(crate) schema: Option<String>,
    pub(crate) table: String,
    /// The columns that the entity knows; `None` means all.
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) settings: ResourceSettings,
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
            settings: ResourceSettings::default(),
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
        !self.bulk_fields.is_empty() || !self.bulk_many_to_many.is_empty()
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

    /// Whether bulk delete is offered.
    pub fn can_bulk_delete(&self) -> bool {
        self.can_delete() && self.table.no_bulk.is_none() && self.settings.bulk_delete.unwrap_or(true)
    }

    /// Refuses where the table takes no bulk operations at all.
    pub(crate) fn require_bulk(&self) -> Result<()> {
        self.require_writable()?;
        match &self.table.no_bulk {
            Some(reason) => Err(Error::NotAllowed(format!("{} takes no bulk operations: {reason}", self.name))),
            None => Ok(()),
        }
    }

    /// Whether new records can be made.
    pub fn can_create(&self) -> bool {
        self.require_create().is_ok()
    }

    /// Whether records can be edited.
    pub fn can_update(&self) -> bool {
        self.require_update().is_ok()
    }

    /// Whether records can be deleted.
    pub fn can_delete(&self) -> bool {
        self.require_delete().is_ok()
    }

    /// Whether a new record may be given the field.
    pub fn may_give(&self, field: &Field) -> bool {
        field.editable && self.can_create() && !self.table.denied.insert_columns.contains(&field.name)
    }

    /// Whether the field of a record may be changed.
    pub fn may_change(&self, field: &Field) -> bool {
        field.editable && !field.key && self.can_update() && !self.table.denied.update_columns.contains(&field.name)
    }

    /// Refuses where no record can be made.
    pub fn require_create(&self) -> Result<()> {
        self.require_writable()?;
        self.refuse_if(self.table.denied.insert, "make records of")?;
        let is_required =
            |column: &&Column| !column.nullable && column.default.is_none() && !column.generated && !column.identity;
        let denied = |column: &&Column| self.table.denied.insert_columns.contains(&column.name);
        if let Some(column) = self.table.columns.iter().filter(is_required).find(denied) {
            return self
                .refuse_if(true, &format!("give {:?}, which must have a value, to new records of", column.name));
        }
        if let Some(column) = self.table.columns.iter().filter(is_required).find(|c| self.secrets.contains(&c.name)) {
            return Err(Error::NotAllowed(format!(
                "no record of {} can be made here: {:?} must have a value, and is hidden because it likely holds a secret; the setting \
                 `show_secrets` shows it",
                self.name, column.name
            )));
        }
        Ok(())
    }

    /// Refuses where no record can be edited.
    pub fn require_update(&self) -> Result<()> {
        self.require_writable()?;
        self.refuse_if(self.table.denied.update, "change records of")
    }

    /// Refuses where no record can be deleted.
    pub fn require_delete(&self) -> Result<()> {
        self.require_writable()?;
        self.refuse_if(self.table.denied.delete, "delete records of")
    }

    fn refuse_if(&self, denied: bool, what: &str) -> Result<()> {
        if denied {
            return Err(Error::NotAllowed(format!("the database's role may not {what} {}", self.name)));
        }
        Ok(())
    }

    /// Refuses where bulk delete is not offered.
    pub(crate) fn require_bulk_delete(&self) -> Result<()> {
        self.require_delete()?;
        match self.can_bulk_delete() {
            true => Ok(()),
            false => Err(Error::NotAllowed(format!("bulk delete is switched off for {}", self.name))),
        }
    }

    /// Whether bulk edit may change the field.
    pub fn may_bulk_edit(&self, field: &Field) -> bool {
        self.bulk_fields().any(|other| other.name == field.name)
    }

    /// The column that tells versions of a record apart, where the settings name one.
    pub fn version_field(&self) -> Option<&Column> {
        self.version.as_ref()
    }

    /// Records a page, where the request doesn't say.
    pub fn paginate_by(&self) -> u64 {
        self.settings.paginate_by.unwrap_or(25)
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
    pub(crate) fn queues_conflicts(&self) -> bool {
        self.settings.bulk_async_on_conflict == Some(OnConflict::Queue)
    }

    /// What a bulk task on this resource locks: the model with its suffix.
    pub fn unique_model_key(&self) -> String {
        match &self.settings.suffix {
            Some(suffix) => format!("{}:{suffix}", self.model_name),
            None => self.model_name.clone(),
        }
    }

    /// Fails where the task is about another table than this resource: who shares PowerCRUD's tables may mean another one by the name.
    pub(crate) fn require_table_of(&self, task: &crate::task::BulkTask) -> Result<()> {
        match &task.sql_table {
            Some(table) if *table != self.table.sql_name() => Err(Error::NotAllowed(format!(
                "task {} is about the table {table}, and {} is {} here",
                task.id,
                self.name,
                self.table.sql_name()
            ))),
            _ => Ok(()),
        }
    }

    /// So many records in words: "1 book", "12,304 books".
    pub fn count_in_words(&self, count: u64) -> String {
        let label = if count == 1 { &self.label } else { &self.label_plural };
        format!("{} {label}", grouped(count))
    }

    /// Refuses where the resource can't be written.
    pub(crate) fn require_writable(&self) -> Result<()> {
        match &self.read_only {
            Some(reason) => Err(Error::ReadOnly { resource: self.name.clone(), reason: reason.clone() }),
            None => Ok(()),
        }
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
