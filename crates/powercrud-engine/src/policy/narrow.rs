//! All resources as one user sees them.

use std::{collections::BTreeMap, sync::Arc};

use super::{Permission, Policy};
use crate::{
    resource::{Narrowing, Reference, Resource, Rights},
    user::User,
};
use powercrud_db::{Column, Dialect, ForeignKey, Scope, Table};

/// What of a table there is for a user.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    /// All rows, or as many as the table has no resource of which anybody could be asked.
    All,
    /// These.
    Some(Scope),
    /// None.
    Nothing,
}

impl Seen {
    /// What statements about the table are bound to.
    fn scope(self) -> Option<Scope> {
        match self {
            Self::All => None,
            Self::Some(scope) => Some(scope),
            Self::Nothing => Some(Scope::nothing()),
        }
    }

    /// What there is by this or by `other`.
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Nothing, seen) | (seen, Self::Nothing) => seen,
            (Self::Some(one), Self::Some(other)) => Self::Some(one.or(other)),
        }
    }
}

/// The resources that there are for the user, each with what there is of it.
pub(crate) fn narrow(resources: &[Arc<Resource>], policy: &dyn Policy, user: &User, dialect: Dialect) -> Vec<Resource> {
    let visible = resources.iter().filter(|resource| policy.may(user, Permission::View, resource));
    let mut narrowed: Vec<Resource> =
        visible.map(|resource| resource.narrowed(narrowing(resource, policy, user, dialect))).collect();
    let known = Known::of(resources, &narrowed);
    for resource in &mut narrowed {
        known.bind(resource);
    }
    narrowed
}

fn narrowing(resource: &Resource, policy: &dyn Policy, user: &User, dialect: Dialect) -> Narrowing {
    let may = |permission| policy.may(user, permission, resource);
    let fields = policy.fields(user, resource);
    let rows = policy.rows(user, resource);
    // Where the user can't say what makes a new record one of theirs, none is.
    let is_given = |name: &str| !fields.hidden.iter().chain(&fields.read_only).any(|other| other == name);
    let can_own = rows.fixed_columns().all(|name| {
        let filled = resource.table.column(name).is_none_or(|column| column.default.is_some() || column.generated);
        is_given(name) || filled || resource.table.fills_new_rows
    });
    Narrowing {
        rights: Rights {
            create: may(Permission::Create) && can_own,
            change: may(Permission::Change),
            delete: may(Permission::Delete),
            bulk_update: may(Permission::BulkUpdate),
            bulk_delete: may(Permission::BulkDelete),
            revert: may(Permission::Revert),
        },
        actions: resource
            .actions
            .iter()
            .filter(|action| may(Permission::Action(action.asked_permission())))
            .cloned()
            .collect(),
        scope: rows.scope(resource, dialect),
        hidden: fields.hidden,
        fixed: fields.read_only,
    }
}

/// One table's resources, for the user.
struct OfTable {
    seen: Seen,
    /// The first resource over it.
    first: Option<String>,
    /// The field that names its records.
    display: Option<Column>,
}

/// What references lead to, by the table's schema and name.
struct Known(BTreeMap<(Option<String>, String), OfTable>);

impl Known {
    fn of(all: &[Arc<Resource>], narrowed: &[Resource]) -> Self {
        let mut tables = BTreeMap::new();
        for resource in all {
            let nothing = OfTable { seen: Seen::Nothing, first: None, display: None };
            tables.entry(name_of(&resource.table)).or_insert(nothing);
        }
        for resource in narrowed {
            let Some(known) = tables.get_mut(&name_of(&resource.table)) else { continue };
            let seen = resource.table.scope.clone().map_or(Seen::All, Seen::Some);
            known.seen = known.seen.clone().or(seen);
            let display = resource.display_field().map(|field| field.column.clone());
            known.first.get_or_insert_with(|| resource.name.clone());
            known.display = known.display.take().or(display);
        }
        Self(tables)
    }

    /// Binds what a resource refers to to what of it there is.
    fn bind(&self, resource: &mut Resource) {
        for field in &mut resource.fields {
            if let Some(reference) = &mut field.reference {
                self.bind_reference(reference);
            }
        }
        for links in &mut resource.many_to_many {
            self.bind_reference(&mut links.reference);
        }
        for reference in &mut resource.composite_references {
            let is_shown = |name: &String| self.0.values().any(|known| known.first.as_ref() == Some(name));
            reference.resource = reference.resource.take().filter(is_shown);
        }
        let held = self.held_columns(&resource.table);
        let places = &resource.fields;
        resource.bulk_fields.retain(|&place| !held.contains(&places[place].name));
        resource.fixed.extend(held);
    }

    fn bind_reference(&self, reference: &mut Reference) {
        let Some(known) = self.0.get(&name_of(&reference.table)) else { return };
        reference.resource.clone_from(&known.first);
        reference.display = known.display.clone();
        reference.table.scope = known.seen.clone().scope();
    }

    /// The columns of references by several columns to tables of which the user sees but a part: nobody could tell whether what they are
    /// set to is among it.
    fn held_columns(&self, table: &Table) -> Vec<String> {
        let is_part = |key: &&ForeignKey| {
            let name = (key.referenced_schema.clone(), key.referenced_table.clone());
            key.columns.len() > 1 && self.0.get(&name).is_some_and(|known| known.seen != Seen::All)
        };
        table.foreign_keys.iter().filter(is_part).flat_map(|key| key.columns.clone()).collect()
    }
}

fn name_of(table: &Table) -> (Option<String>, String) {
    (table.schema.clone(), table.name.clone())
}
