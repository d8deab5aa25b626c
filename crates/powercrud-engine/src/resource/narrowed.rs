//! A resource as a certain user sees it: fields and rows left out, and what the user may do.

use std::{collections::BTreeSet, sync::Arc};

use super::Resource;
use crate::action::Action;
use powercrud_db::Scope;

/// What somebody may do to a resource's records, beyond seeing them. Everybody may do everything unless a policy says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) create: bool,
    pub(crate) change: bool,
    pub(crate) delete: bool,
    pub(crate) bulk_update: bool,
    pub(crate) bulk_delete: bool,
    pub(crate) revert: bool,
}

impl Default for Rights {
    fn default() -> Self {
        Self { create: true, change: true, delete: true, bulk_update: true, bulk_delete: true, revert: true }
    }
}

/// How a resource is narrowed for somebody.
pub(crate) struct Narrowing {
    pub(crate) rights: Rights,
    pub(crate) actions: Vec<Arc<Action>>,
    /// `None`: all rows.
    pub(crate) scope: Option<Scope>,
    /// Columns and many-to-many fields that are not shown.
    pub(crate) hidden: Vec<String>,
    /// Fields and many-to-many fields that are shown and not written.
    pub(crate) fixed: Vec<String>,
}

impl Resource {
    /// Whether a field of that name may be left out: not what records are found and told apart by.
    pub(crate) fn may_hide(&self, name: &str) -> bool {
        let is_version = self.version.as_ref().is_some_and(|version| version.name == name);
        !is_version && !self.table.primary_key.iter().any(|key| key == name)
    }

    /// The resource with what is left of it for somebody. What its references lead to is seen to by whoever knows all resources.
    pub(crate) fn narrowed(&self, narrowing: Narrowing) -> Self {
        let Narrowing { rights, actions, scope, hidden, fixed } = narrowing;
        let hidden: BTreeSet<String> = hidden.into_iter().filter(|name| self.may_hide(name)).collect();
        let mut narrowed = Self { rights, fixed, is_narrowed: true, ..self.clone() };
        let kept: Vec<usize> =
            (0..self.fields.len()).filter(|&place| !hidden.contains(&self.fields[place].name)).collect();
        let moved = |place: &usize| kept.iter().position(|old| old == place);
        narrowed.fields = kept.iter().map(|&place| self.fields[place].clone()).collect();
        for (list, old) in [
            (&mut narrowed.list_fields, &self.list_fields),
            (&mut narrowed.filter_fields, &self.filter_fields),
            (&mut narrowed.search_fields, &self.search_fields),
        ] {
            *list = old.iter().filter_map(moved).collect();
        }
        let is_written = |place: &&usize| rights.bulk_update && !narrowed.fixed.contains(&self.fields[**place].name);
        narrowed.bulk_fields = self.bulk_fields.iter().filter(is_written).filter_map(moved).collect();
        if narrowed.list_fields.is_empty() && !narrowed.fields.is_empty() {
            narrowed.list_fields = vec![0];
        }
        narrowed.display_field = self.display_field.as_ref().and_then(moved);
        let links: Vec<usize> =
            (0..self.many_to_many.len()).filter(|&place| !hidden.contains(&self.many_to_many[place].name)).collect();
        narrowed.many_to_many = links.iter().map(|&place| self.many_to_many[place].clone()).collect();
        let moved = |place: &usize| links.iter().position(|old| old == place);
        narrowed.bulk_many_to_many = self.bulk_many_to_many.iter().filter_map(moved).collect();
        // What sets what somebody may not see is not theirs to do.
        let sets_hidden = |action: &Arc<Action>| {
            action.changes().is_some_and(|changes| changes.iter().any(|(name, _)| hidden.contains(name)))
        };
        narrowed.actions = actions.into_iter().filter(|action| !sets_hidden(action)).collect();
        narrowed.composite_references.retain(|reference| !reference.columns.iter().any(|name| hidden.contains(name)));
        // An order tells of values too.
        let shows = |name: &String| !hidden.contains(name.strip_prefix('-').unwrap_or(name)) && !hidden.contains(name);
        narrowed.settings.ordering = narrowed.settings.ordering.map(|names| names.into_iter().filter(shows).collect());
        if scope.is_some() {
            // The database guesses of all rows.
            narrowed.table.estimated_rows = None;
        }
        narrowed.table.scope = scope;
        narrowed.hidden = hidden.into_iter().collect();
        narrowed
    }
}
