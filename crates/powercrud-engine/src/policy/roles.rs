//! Roles: what the users of a name may do, as the configuration says.
//!
//! Whoever has no role may do everything, as before there were roles; whoever has one that is not known may do nothing.

mod template;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use self::template::Template;
pub use self::template::is_attribute;
use super::{Fields, Permission, Policy, Rows};
use crate::{
    config::{RoleResource, RoleSettings},
    resource::Resource,
    user::User,
};
use powercrud_db::Dialect;

/// Roles that are there without being configured: who may see everything, and who may do everything.
const VIEWER: &str = "viewer";
const EDITOR: &str = "editor";
/// As an editor, and for people who see everybody's tasks.
const STAFF: &str = "staff";

/// What users of each role may do: the policy of a configuration with `[roles]`, and without.
#[derive(Clone, Debug, Default)]
pub struct Roles(BTreeMap<String, Role>);

#[derive(Clone, Debug, Default)]
struct Role {
    default: Allowed,
    resources: BTreeMap<String, OfResource>,
}

#[derive(Clone, Debug, Default)]
struct OfResource {
    allowed: Allowed,
    rows: Vec<Template>,
    fields: Fields,
}

/// What is permitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Allowed {
    all: bool,
    words: Vec<String>,
}

/// What actions begin with among the words of permissions.
const ACTION: &str = "action:";

impl Allowed {
    /// What `words` say; those that say nothing go to `complain`.
    fn read(words: &[String], mut complain: impl FnMut(String)) -> Self {
        let mut allowed = Self::default();
        for word in words {
            let is_action = word.strip_prefix(ACTION).is_some_and(|name| !name.is_empty());
            match word.as_str() {
                "all" => allowed.all = true,
                "none" => {}
                word if is_action || Permission::ALL.iter().any(|known| known.as_str() == word) => {
                    allowed.words.push(word.to_owned());
                }
                word => {
                    let known: Vec<_> = Permission::ALL.iter().map(Permission::as_str).collect();
                    complain(format!(
                        "{word:?} is no permission; allowed are: {}, {ACTION}NAME, all, none",
                        known.join(", ")
                    ));
                }
            }
        }
        if words.len() > 1 && words.iter().any(|word| word == "none") {
            complain("\"none\" stands alone".to_owned());
        }
        allowed
    }

    /// A mistake for each permission of an action that none of these resources asks for.
    fn unknown_actions(&self, resources: &[Arc<Resource>]) -> Vec<String> {
        let known: BTreeSet<&str> =
            resources.iter().flat_map(|resource| &resource.actions).map(|action| action.asked_permission()).collect();
        let names = self.words.iter().filter_map(|word| word.strip_prefix(ACTION));
        let unknown = names.filter(|name| !known.contains(name));
        let allowed = match known.is_empty() {
            true => "there are no actions".to_owned(),
            false => format!(
                "allowed are: {ACTION}{}",
                known.iter().copied().collect::<Vec<_>>().join(&format!(", {ACTION}"))
            ),
        };
        unknown.map(|name| format!("no action asks for {:?}; {allowed}", format!("{ACTION}{name}"))).collect()
    }

    fn has(&self, permission: Permission<'_>) -> bool {
        self.all
            || self.words.iter().any(|word| match permission {
                Permission::Action(name) => word.strip_prefix(ACTION) == Some(name),
                _ => word == permission.as_str(),
            })
    }
}

impl Roles {
    /// The roles of a configuration. What is wrong with them joins `mistakes`, each with its place.
    pub(crate) fn read(
        settings: &BTreeMap<String, RoleSettings>,
        resources: &[Arc<Resource>],
        dialect: Dialect,
        mistakes: &mut Vec<String>,
    ) -> Self {
        let mut roles = BTreeMap::from([(
            VIEWER.to_owned(),
            Role {
                default: Allowed { all: false, words: vec![Permission::View.as_str().to_owned()] },
                ..Role::default()
            },
        )]);
        for name in [EDITOR, STAFF] {
            roles
                .insert(name.to_owned(), Role { default: Allowed { all: true, words: Vec::new() }, ..Role::default() });
        }
        for (name, role) in settings {
            if roles.contains_key(name) {
                mistakes
                    .push(format!("roles.{name}: there is such a role without being configured; call it otherwise"));
                continue;
            }
            let read = Role::read(name, role, resources, dialect, mistakes);
            roles.insert(name.clone(), read);
        }
        Self(roles)
    }

    /// The names of all roles that there are.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn of_resource(&self, user: &User, resource: &Resource) -> Option<&OfResource> {
        self.0.get(user.role.as_ref()?)?.resources.get(&resource.name)
    }
}

impl Role {
    fn read(
        name: &str,
        settings: &RoleSettings,
        resources: &[Arc<Resource>],
        dialect: Dialect,
        mistakes: &mut Vec<String>,
    ) -> Self {
        let default =
            Allowed::read(&settings.default.0, |mistake| mistakes.push(format!("roles.{name}.default: {mistake}")));
        for mistake in default.unknown_actions(resources) {
            mistakes.push(format!("roles.{name}.default: {mistake}"));
        }
        let mut role = Self { default, resources: BTreeMap::new() };
        for (resource_name, settings) in &settings.resources {
            let place = format!("roles.{name}.resources.{resource_name}");
            let Some(resource) = resources.iter().find(|resource| resource.name == *resource_name) else {
                let known: Vec<_> = resources.iter().map(|resource| resource.name.as_str()).collect();
                mistakes.push(format!("{place}: there is no such resource; there are: {}", known.join(", ")));
                continue;
            };
            let complain = |key: &str, mistake: String| mistakes.push(format!("{place}.{key}: {mistake}"));
            let read = OfResource::read(settings, resource, dialect, complain);
            role.resources.insert(resource_name.clone(), read);
        }
        role
    }
}

impl OfResource {
    fn read(
        settings: &RoleResource,
        resource: &Arc<Resource>,
        dialect: Dialect,
        mut complain: impl FnMut(&str, String),
    ) -> Self {
        let mut rows = Vec::new();
        for text in &settings.rows.0 {
            match Template::read(text, resource, dialect) {
                Ok(template) => rows.push(template),
                Err(mistake) => complain("rows", mistake),
            }
        }
        for (key, names) in [("hide", &settings.hide), ("read_only", &settings.read_only)] {
            for name in &names.0 {
                // What is hidden as a likely secret may be hidden for good.
                let is_secret = key == "hide" && resource.secrets.contains(name);
                if resource.field(name).is_none() && resource.many_to_many(name).is_none() && !is_secret {
                    let fields = resource.fields.iter().map(|field| field.name.as_str());
                    let known = fields.chain(resource.many_to_many.iter().map(|links| links.name.as_str()));
                    let known = known.collect::<Vec<_>>().join(", ");
                    complain(key, format!("{} has no field {name:?}; there are: {known}", resource.name));
                } else if key == "hide" && !resource.may_hide(name) {
                    complain(key, format!("{name:?} can't be hidden: records are found, or told apart, by it"));
                }
            }
        }
        let allowed = Allowed::read(&settings.allow.0, |mistake| complain("allow", mistake));
        for mistake in allowed.unknown_actions(std::slice::from_ref(resource)) {
            complain("allow", mistake);
        }
        Self {
            allowed,
            rows,
            fields: Fields::all().hide(settings.hide.0.clone()).read_only(settings.read_only.0.clone()),
        }
    }
}

impl Policy for Roles {
    fn may(&self, user: &User, permission: Permission<'_>, resource: &Resource) -> bool {
        let Some(name) = &user.role else { return true };
        let Some(role) = self.0.get(name) else { return false };
        match role.resources.get(&resource.name) {
            Some(own) => own.allowed.has(permission),
            None => role.default.has(permission),
        }
    }

    fn rows(&self, user: &User, resource: &Resource) -> Rows {
        let Some(own) = self.of_resource(user, resource) else { return Rows::All };
        if own.rows.is_empty() {
            return Rows::All;
        }
        let filters: Option<Vec<_>> = own.rows.iter().map(|template| template.filter(user)).collect();
        match filters {
            Some(filters) => Rows::Matching(filters),
            None => {
                tracing::warn!(
                    role = user.role,
                    resource = resource.name,
                    "a user lacks an attribute that the rows of the role go by, and is shown none"
                );
                Rows::None
            }
        }
    }

    fn fields(&self, user: &User, resource: &Resource) -> Fields {
        self.of_resource(user, resource).map(|own| own.fields.clone()).unwrap_or_default()
    }

    fn restricts(&self, user: &User) -> bool {
        let Some(name) = &user.role else { return false };
        self.0.get(name).is_none_or(|role| !role.default.all || !role.resources.is_empty())
    }
}
