//! What may be done to a resource's records, by whoever works with it: for the table, the database's role, the settings and a policy allow it.

use std::sync::Arc;

use super::{Field, Resource};
use crate::{
    action::Action,
    error::{Error, Result},
};
use powercrud_db::Column;

impl Resource {
    /// Whether bulk delete is offered.
    pub fn can_bulk_delete(&self) -> bool {
        let is_offered = self.table.no_bulk.is_none() && self.settings.bulk_delete.unwrap_or(true);
        is_offered && self.rights.bulk_delete && self.require_deletable().is_ok()
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
        let is_denied = self.table.denied.insert_columns.contains(&field.name) || self.fixed.contains(&field.name);
        field.editable && self.can_create() && !is_denied
    }

    /// Whether the field of a record may be changed.
    pub fn may_change(&self, field: &Field) -> bool {
        let is_denied = self.table.denied.update_columns.contains(&field.name) || self.fixed.contains(&field.name);
        field.editable && !field.key && self.can_update() && !is_denied
    }

    /// Refuses where no record can be made.
    pub fn require_create(&self) -> Result<()> {
        self.require_right(self.rights.create, "make new {}")?;
        self.require_writable()?;
        self.refuse_if(self.table.denied.insert, "make records of")?;
        let is_required =
            |column: &&Column| !column.nullable && column.default.is_none() && !column.generated && !column.identity;
        let denied = |column: &&Column| self.table.denied.insert_columns.contains(&column.name);
        if let Some(column) = self.table.columns.iter().filter(is_required).find(denied) {
            return self
                .refuse_if(true, &format!("give {:?}, which must have a value, to new records of", column.name));
        }
        let mut required = self.table.columns.iter().filter(is_required);
        if let Some(column) = required.find(|column| self.secrets.contains(&column.name)) {
            return Err(Error::NotAllowed(format!(
                "no record of {} can be made here: {:?} must have a value, and is hidden because it likely holds a secret; the setting \
                 `show_secrets` shows it",
                self.name, column.name
            )));
        }
        let out_of_reach = |column: &&Column| self.hidden.contains(&column.name) || self.fixed.contains(&column.name);
        if self.table.columns.iter().filter(is_required).any(|column| out_of_reach(&column)) {
            return Err(Error::Forbidden(format!(
                "make new {}: not all that one must have is yours to give",
                self.label_plural
            )));
        }
        let is_version = |column: &Column| self.version.as_ref().is_some_and(|version| version.name == column.name);
        let is_filled = |column: &Column| self.table.fills_new_rows || is_version(column);
        let is_hidden = |column: &&Column| self.field(&column.name).is_none() && !is_filled(column);
        if let Some(column) = self.table.columns.iter().filter(is_required).find(is_hidden) {
            return Err(Error::NotAllowed(format!(
                "no record of {} can be made here: {:?} must have a value, and is not among the setting `fields`",
                self.name, column.name
            )));
        }
        Ok(())
    }

    /// Refuses where no record can be edited.
    pub fn require_update(&self) -> Result<()> {
        self.require_right(self.rights.change, "change {}")?;
        self.require_updatable()
    }

    /// Refuses where no record can be changed, whoever asks.
    pub(crate) fn require_updatable(&self) -> Result<()> {
        self.require_writable()?;
        self.refuse_if(self.table.denied.update, "change records of")
    }

    /// Refuses where no record can be deleted.
    pub fn require_delete(&self) -> Result<()> {
        self.require_right(self.rights.delete, "delete {}")?;
        self.require_deletable()
    }

    fn require_deletable(&self) -> Result<()> {
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
        self.require_bulk_delete_right()?;
        self.require_deletable()?;
        match self.can_bulk_delete() {
            true => Ok(()),
            false => Err(Error::NotAllowed(format!("bulk delete is switched off for {}", self.name))),
        }
    }

    /// Refuses whoever may not edit in bulk.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn require_bulk_update(&self) -> Result<()> {
        self.require_right(self.rights.bulk_update, "edit {} in bulk")
    }

    /// Refuses whoever may not delete in bulk.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn require_bulk_delete_right(&self) -> Result<()> {
        self.require_right(self.rights.bulk_delete, "delete {} in bulk")
    }

    /// Refuses whoever may not revert bulk tasks.
    pub(crate) fn require_revert(&self) -> Result<()> {
        self.require_right(self.rights.revert, "revert bulk tasks on {}")
    }

    /// `what` has `{}` where the records are named.
    fn require_right(&self, right: bool, what: &str) -> Result<()> {
        match right {
            true => Ok(()),
            false => Err(Error::Forbidden(what.replace("{}", &self.label_plural))),
        }
    }

    /// Whether bulk edit may change the field.
    pub fn may_bulk_edit(&self, field: &Field) -> bool {
        self.bulk_fields().any(|other| other.name == field.name)
    }

    /// Whether an action that is a named set of changes may set the field: the developer named it and its value, so that bulk edit need
    /// not offer it, and whoever may take the action need not be allowed to write the field by hand.
    pub(crate) fn may_set_by_action(&self, field: &Field) -> bool {
        let is_denied = self.table.denied.update_columns.contains(&field.name);
        field.editable && !field.key && !is_denied && self.require_updatable().is_ok()
    }

    /// Whether a bulk edit or one of the actions may set the field.
    pub(crate) fn may_set_in_bulk(&self, field: &Field) -> bool {
        let names = |action: &Arc<Action>| {
            action.changes().is_some_and(|changes| changes.iter().any(|(name, _)| name == field.name))
        };
        self.may_bulk_edit(field) || (self.may_set_by_action(field) && self.actions.iter().any(names))
    }

    /// Refuses where the resource can't be written.
    pub(crate) fn require_writable(&self) -> Result<()> {
        match &self.read_only {
            Some(reason) => Err(Error::ReadOnly { resource: self.name.clone(), reason: reason.clone() }),
            None => Ok(()),
        }
    }
}
