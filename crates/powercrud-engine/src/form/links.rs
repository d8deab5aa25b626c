//! Changes of many-to-many fields, as programs and forms name them: `tags__add` with keys of tags, and so on.

use super::{Input, not_changed_here};
use crate::{
    error::{FieldError, Result},
    resource::{ManyToMany, Resource, find_by_name},
    words::listed,
};
use powercrud_db::{Column, Table, Value, rules::WriteKind};

/// What a bulk edit does to one many-to-many field of each record.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkChange {
    /// The many-to-many field, by name.
    pub field: String,
    /// What to do.
    pub operation: LinkOperation,
    /// With which records of the other table, each once; none where all links go.
    pub targets: Vec<LinkTarget>,
}

/// A record of the other table.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkTarget {
    /// Its key.
    pub key: Value,
    /// Its name; its key where it has none, or where nobody has looked.
    pub name: String,
}

/// What to do with links.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum LinkOperation {
    /// Link with these as well; what is linked already stays so.
    Add,
    /// Unlink these.
    Remove,
    /// Link with these and no others.
    Replace,
    /// Unlink all.
    Clear,
}

impl LinkOperation {
    /// All of them.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The word in inputs and in the task table.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether it makes links.
    pub(crate) fn adds(self) -> bool {
        matches!(self, Self::Add | Self::Replace)
    }

    /// What it does to the rows of the join table.
    pub(crate) fn writes(self) -> &'static [WriteKind] {
        match self {
            Self::Add => &[WriteKind::Insert],
            Self::Remove | Self::Clear => &[WriteKind::Delete],
            Self::Replace => &[WriteKind::Delete, WriteKind::Insert],
        }
    }

    /// Whether it changes links one by one, so that it goes together with others of its kind.
    fn is_partial(self) -> bool {
        matches!(self, Self::Add | Self::Remove)
    }
}

impl LinkChange {
    /// The input that it is made from again.
    pub(crate) fn to_input(&self) -> Input {
        let keys: Vec<_> = self.targets.iter().map(|target| target.key.to_text()).collect();
        let text = (self.operation != LinkOperation::Clear).then(|| serde_json::json!(keys).to_string());
        (format!("{}__{}", self.field, self.operation), text)
    }
}

/// More than a person would choose one by one; each is a parameter of every statement.
const MOST_TARGETS: usize = 1_000;

/// Takes the inputs for many-to-many fields out of `inputs`: the changes that are right, one entry for each mistake, and the inputs that are left.
pub(crate) fn sort_link_inputs(
    resource: &Resource,
    allowed: impl Fn(&ManyToMany) -> bool,
    inputs: &[Input],
) -> (Vec<LinkChange>, Vec<FieldError>, Vec<Input>) {
    let (mut changes, mut errors, mut left) = (Vec::<LinkChange>::new(), Vec::new(), Vec::new());
    for input in inputs {
        let (name, text) = (&input.0, input.1.as_deref());
        let Some((links, word)) = named(resource, name) else {
            left.push(input.clone());
            continue;
        };
        let parsed = if allowed(links) {
            parse(links, word, text)
        } else {
            let names: Vec<_> =
                resource.many_to_many.iter().filter(|links| allowed(links)).map(|links| links.name.as_str()).collect();
            Err(FieldError::new(&links.name, "READ_ONLY_FIELD", not_changed_here(&names)))
        };
        match parsed.and_then(|change| compatible(&changes, change)) {
            Ok(change) => changes.push(change),
            Err(error) => errors.push(error),
        }
    }
    (changes, errors, left)
}

/// The many-to-many field that an input is about, and its operation's word; empty where it names the field alone.
pub(super) fn named<'a, 'b>(resource: &'a Resource, name: &'b str) -> Option<(&'a ManyToMany, &'b str)> {
    if resource.field(name).is_some() {
        return None;
    }
    let find = |name: &str| find_by_name(&resource.many_to_many, name, |links| &links.name);
    if let Some(links) = find(name) {
        return Some((links, ""));
    }
    let (field, word) = name.rsplit_once("__")?;
    find(field).map(|links| (links, word))
}

fn parse(links: &ManyToMany, word: &str, text: Option<&str>) -> Result<LinkChange, FieldError> {
    let refuse = |code: &str, message: String| FieldError::new(&links.name, code, message);
    let operation = match (word, text) {
        ("", None) => LinkOperation::Clear,
        ("", Some(_)) => LinkOperation::Replace,
        (word, _) => word.parse().map_err(|_| {
            let allowed = listed(LinkOperation::ALL);
            refuse("UNKNOWN_OPERATION", format!("can't be changed by {word:?}; allowed are: {allowed}"))
        })?,
    };
    let keys = keys(text.unwrap_or_default()).map_err(|message| refuse("INVALID_VALUE", message))?;
    let mut change = LinkChange { field: links.name.clone(), operation, targets: Vec::new() };
    if operation == LinkOperation::Clear {
        return match keys.is_empty() {
            true => Ok(change),
            false => Err(refuse("INVALID_VALUE", "clear takes no keys: it removes all".to_owned())),
        };
    }
    let other = &links.reference.table.name;
    if keys.is_empty() {
        let all = if operation.is_partial() { "" } else { "; clear removes all" };
        return Err(refuse("NO_VALUE", format!("{operation} needs the key of at least one {other}{all}")));
    }
    if keys.len() > MOST_TARGETS {
        let given = keys.len();
        return Err(refuse("TOO_MANY", format!("{operation} takes {MOST_TARGETS} keys at most, not {given}")));
    }
    for key in keys {
        // A key that exists may be one that a check list would refuse today.
        let value = Value::parse(&Column { choices: Vec::new(), ..links.reference.column.clone() }, &key)
            .map_err(|error| refuse(&error.code, format!("{key:?} is no key of {other}: {}", error.message)))?;
        if change.targets.iter().all(|target| target.key != value) {
            change.targets.push(LinkTarget { name: value.to_text(), key: value });
        }
    }
    Ok(change)
}

/// Keys separated by commas, or a JSON array of texts, which any key can be written in.
fn keys(text: &str) -> Result<Vec<String>, String> {
    let text = text.trim();
    if !text.starts_with('[') {
        return Ok(text.split(',').map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect());
    }
    let keys: Vec<serde_json::Value> = serde_json::from_str(text)
        .map_err(|_| format!("{text} is neither keys separated by commas nor a JSON array of keys"))?;
    Ok(keys.into_iter().map(|key| key.as_str().map_or_else(|| key.to_string(), str::to_owned)).collect())
}

/// Refuses what contradicts another change of the same field.
fn compatible(others: &[LinkChange], change: LinkChange) -> Result<LinkChange, FieldError> {
    for other in others.iter().filter(|other| other.field == change.field) {
        if other.operation == change.operation {
            let message = format!("{} is given more than once", change.operation);
            return Err(FieldError::new(&change.field, "DUPLICATE_FIELD", message));
        }
        if !(other.operation.is_partial() && change.operation.is_partial()) {
            let message = format!("{} and {} can't go together", other.operation, change.operation);
            return Err(FieldError::new(&change.field, "CONTRADICTION", message));
        }
        if let Some(both) = change.targets.iter().find(|target| other.targets.contains(target)) {
            let message = format!("{} is to be both added and removed", both.name);
            return Err(FieldError::new(&change.field, "CONTRADICTION", message));
        }
    }
    Ok(change)
}

impl Resource {
    /// The tables that an update with these changes of links writes to.
    pub(crate) fn tables_of(&self, links: &[LinkChange]) -> Vec<&Table> {
        let through = links.iter().filter_map(|change| self.many_to_many(&change.field)).map(|links| &links.through);
        std::iter::once(&self.table).chain(through).collect()
    }
}
