//! Resources whose records are written by the ActiveModel of an entity.

use std::sync::Arc;

use super::Resource;
use crate::active_model::RecordModel;

impl Resource {
    /// Has its records written by `model`; what it does not know is not written, and where it is another table's that joins `mistakes`.
    pub(super) fn write_through(&mut self, model: Arc<dyn RecordModel>, mistakes: &mut Vec<String>) {
        let (schema, table) = model.table();
        if table != self.table.name
            || schema.is_some_and(|schema| self.table.schema.as_deref().is_some_and(|own| own != schema))
        {
            mistakes.push(format!(
                "resources.{}.through_active_model: the entity is of the table {table:?}; allowed is one of {:?}",
                self.name, self.table.name
            ));
        }
        for field in &mut self.fields {
            field.editable &= model.has_column(&field.name);
        }
        self.bulk_fields.retain(|&place| self.fields[place].editable);
        self.bulk_many_to_many.clear();
        self.model = Some(model);
    }

    /// The columns that are saved where these are changed.
    pub(crate) fn saved_columns<'a>(&'a self, changed: impl Iterator<Item = &'a String>) -> Vec<String> {
        changed.chain(self.version.iter().map(|version| &version.name)).cloned().collect()
    }
}
