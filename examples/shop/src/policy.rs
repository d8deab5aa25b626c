//! Who may do what: a tenant's products are its own.

use powercrud::{
    Resource, User,
    policy::{Fields, Permission, Policy, Rows},
};

/// Everybody works with the products of their tenant. Managers also delete, and see what things cost and what is left.
pub struct Tenants;

/// Who sees costs, and deletes.
pub fn is_manager(user: &User) -> bool {
    user.role.as_deref() == Some("manager")
}

impl Policy for Tenants {
    fn may(&self, user: &User, permission: Permission<'_>, _resource: &Resource) -> bool {
        is_manager(user) || !matches!(permission, Permission::Delete | Permission::BulkDelete)
    }

    fn rows(&self, user: &User, resource: &Resource) -> Rows {
        let column = if resource.table.column("tenant_id").is_some() { "tenant_id" } else { "id" };
        match user.attributes.get("tenant") {
            Some(tenant) => Rows::equal(column, tenant),
            None => Rows::None,
        }
    }

    fn fields(&self, user: &User, _resource: &Resource) -> Fields {
        if is_manager(user) { Fields::all() } else { Fields::all().hide(["cost", "margin"]) }
    }
}
