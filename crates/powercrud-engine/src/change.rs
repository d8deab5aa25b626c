//! What a bulk edit does to each of its records: one type for whoever asks for it, for the task's row, and for whoever is told of it.
//!
//! The edges (pages, JSON API, command line, configuration, an application's code) read what they are given into [`Changes`], once. A
//! plan checks those against the resource; they are kept in the task's row as they were checked, and checked again by the worker, since what
//! may be changed may have changed since.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::{names::FieldName, words::listed};
use powercrud_db::{FieldError, rules::WriteKind};

/// What is done to one field.
///
/// The stored form is that of serde. More kinds may be added; what is unknown is refused where it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// Sets the value that this text says for the field's type: digits, a date as ISO 8601, `true` or `false`.
    Set(String),
    /// Sets NULL.
    SetNull,
    /// Of a many-to-many field: links with these records as well; what is linked already stays so.
    Add(Vec<LinkKey>),
    /// Of a many-to-many field: unlinks these records.
    Remove(Vec<LinkKey>),
    /// Of a many-to-many field: links with these records and no others.
    Replace(Vec<LinkKey>),
    /// Of a many-to-many field: unlinks all.
    Clear,
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
    pub(crate) fn is_partial(self) -> bool {
        matches!(self, Self::Add | Self::Remove)
    }
}

/// A record that a many-to-many field links with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkKey {
    /// Its key, as text.
    pub key: String,
    /// Its name when the task was submitted; `None` where nobody has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl<K: ToString> From<K> for LinkKey {
    fn from(key: K) -> Self {
        Self { key: key.to_string(), name: None }
    }
}

impl Change {
    /// [`Change::Set`], or [`Change::SetNull`] of no text.
    pub fn to(text: Option<String>) -> Self {
        text.map_or(Self::SetNull, Self::Set)
    }

    /// The change of the many-to-many field `field` that the word of an operation and keys stand for.
    ///
    /// # Errors
    /// Where there is no such operation, or where `clear` is given keys.
    pub fn of_links(field: &str, word: &str, keys: Vec<String>) -> Result<Self, FieldError> {
        let links = |keys: Vec<String>| keys.into_iter().map(LinkKey::from).collect();
        match word.parse() {
            Ok(LinkOperation::Add) => Ok(Self::Add(links(keys))),
            Ok(LinkOperation::Remove) => Ok(Self::Remove(links(keys))),
            Ok(LinkOperation::Replace) => Ok(Self::Replace(links(keys))),
            Ok(LinkOperation::Clear) if keys.is_empty() => Ok(Self::Clear),
            Ok(LinkOperation::Clear) => {
                Err(FieldError::new(field, "INVALID_VALUE", "clear takes no keys: it removes all"))
            }
            Err(_) => {
                let message = format!("can't be changed by {word:?}; allowed are: {}", listed(LinkOperation::ALL));
                Err(FieldError::new(field, "UNKNOWN_OPERATION", message))
            }
        }
    }

    /// What it does to links, and with which records; `None` where it sets a value.
    pub fn links(&self) -> Option<(LinkOperation, &[LinkKey])> {
        match self {
            Self::Set(_) | Self::SetNull => None,
            Self::Add(keys) => Some((LinkOperation::Add, keys)),
            Self::Remove(keys) => Some((LinkOperation::Remove, keys)),
            Self::Replace(keys) => Some((LinkOperation::Replace, keys)),
            Self::Clear => Some((LinkOperation::Clear, &[])),
        }
    }

    fn links_mut(&mut self) -> &mut [LinkKey] {
        match self {
            Self::Set(_) | Self::SetNull | Self::Clear => &mut [],
            Self::Add(keys) | Self::Remove(keys) | Self::Replace(keys) => keys,
        }
    }
}

/// The keys that a text for the many-to-many field `field` names: separated by commas, or a JSON array, in which any key can be written.
///
/// ```
/// use powercrud_engine::change::keys_from_text;
///
/// assert_eq!(keys_from_text("tags", "1, 2").unwrap(), ["1", "2"]);
/// assert_eq!(keys_from_text("tags", r#"["a,b", 3]"#).unwrap(), ["a,b", "3"]);
/// ```
///
/// # Errors
/// Where the text begins as an array and is none.
pub fn keys_from_text(field: &str, text: &str) -> Result<Vec<String>, FieldError> {
    let text = text.trim();
    if !text.starts_with('[') {
        return Ok(text.split(',').map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect());
    }
    let keys: Vec<Json> = serde_json::from_str(text).map_err(|_| {
        let message = format!("{text} is neither keys separated by commas nor a JSON array of keys");
        FieldError::new(field, "INVALID_VALUE", message)
    })?;
    Ok(keys.into_iter().map(|key| key.as_str().map_or_else(|| key.to_string(), str::to_owned)).collect())
}

/// What a bulk edit does: fields, each with a change. A many-to-many field may be there twice, to add and to remove.
///
/// ```
/// use powercrud_engine::change::Changes;
///
/// let changes = Changes::new().set("status", "archived").set_null("shelf").add("tags", [1, 2]).remove("tags", [3]);
/// assert_eq!(changes.iter().count(), 4);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Changes(Vec<(String, Change)>);

impl Changes {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a field, named by a text or by a SeaORM column, to the value that the text of `value` says: numbers, dates as ISO 8601, `true` and
    /// `false`.
    #[must_use]
    pub fn set<M>(self, field: impl FieldName<M>, value: impl ToString) -> Self {
        self.with(field, Change::Set(value.to_string()))
    }

    /// Sets a field to NULL.
    #[must_use]
    pub fn set_null<M>(self, field: impl FieldName<M>) -> Self {
        self.with(field, Change::SetNull)
    }

    /// Links with the records of these keys as well.
    #[must_use]
    pub fn add<M, K: ToString>(self, field: impl FieldName<M>, keys: impl IntoIterator<Item = K>) -> Self {
        self.with(field, Change::Add(keys.into_iter().map(LinkKey::from).collect()))
    }

    /// Unlinks the records of these keys.
    #[must_use]
    pub fn remove<M, K: ToString>(self, field: impl FieldName<M>, keys: impl IntoIterator<Item = K>) -> Self {
        self.with(field, Change::Remove(keys.into_iter().map(LinkKey::from).collect()))
    }

    /// Links with the records of these keys, and no others.
    #[must_use]
    pub fn replace<M, K: ToString>(self, field: impl FieldName<M>, keys: impl IntoIterator<Item = K>) -> Self {
        self.with(field, Change::Replace(keys.into_iter().map(LinkKey::from).collect()))
    }

    /// Unlinks all records.
    #[must_use]
    pub fn clear<M>(self, field: impl FieldName<M>) -> Self {
        self.with(field, Change::Clear)
    }

    /// Any change of a field.
    #[must_use]
    pub fn with<M>(mut self, field: impl FieldName<M>, change: Change) -> Self {
        self.push(field.field_name(), change);
        self
    }

    /// Adds one.
    pub fn push(&mut self, field: impl Into<String>, change: Change) {
        self.0.push((field.into(), change));
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each field with its change.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Change)> {
        self.0.iter().map(|(field, change)| (field.as_str(), change))
    }

    /// What a field is set to: `None` where it is not set, and within that `None` for NULL.
    pub fn set_to(&self, field: &str) -> Option<Option<&str>> {
        self.iter().find_map(|(name, change)| match change {
            Change::Set(text) if name == field => Some(Some(text.as_str())),
            Change::SetNull if name == field => Some(None),
            _ => None,
        })
    }

    /// As programs are told of them: an object of field name to text, or null; of a many-to-many field, to an object of operation to an
    /// object of key to name.
    pub fn to_json(&self) -> Json {
        let mut json = Map::new();
        for (field, change) in self.iter() {
            match (change, change.links()) {
                (Change::Set(text), _) => _ = json.insert(field.to_owned(), text.as_str().into()),
                (_, Some((operation, keys))) => {
                    let name = |key: &LinkKey| (key.key.clone(), key.name.as_ref().unwrap_or(&key.key).as_str().into());
                    let names: Map<_, _> = keys.iter().map(name).collect();
                    let of_field = json.entry(field).or_insert_with(|| Map::new().into());
                    if let Some(of_field) = of_field.as_object_mut() {
                        of_field.insert(operation.to_string(), names.into());
                    }
                }
                _ => _ = json.insert(field.to_owned(), Json::Null),
            }
        }
        json.into()
    }

    /// Those of the fields that are to stay.
    pub(crate) fn retain(&mut self, mut stays: impl FnMut(&str, &Change) -> bool) {
        self.0.retain(|(field, change)| stays(field, change));
    }

    /// Puts one text in place of all that is done to fields that are not to be shown.
    pub(crate) fn hide(&mut self, is_shown: impl Fn(&str) -> bool, text: &str) {
        let mut seen: Vec<String> = Vec::new();
        self.0.retain_mut(|(field, change)| {
            if is_shown(field) {
                return true;
            }
            *change = Change::Set(text.to_owned());
            let is_first = !seen.contains(field);
            seen.push(field.clone());
            is_first
        });
    }

    /// Without the names of linked records, which may change between two requests; of these fields alone.
    pub(crate) fn without_names(mut self, is_meant: impl Fn(&str) -> bool) -> Self {
        for (_, change) in self.0.iter_mut().filter(|(field, _)| is_meant(field)) {
            change.links_mut().iter_mut().for_each(|key| key.name = None);
        }
        self
    }
}

impl FromIterator<(String, Change)> for Changes {
    fn from_iter<I: IntoIterator<Item = (String, Change)>>(changes: I) -> Self {
        Self(changes.into_iter().collect())
    }
}

/// Fields with the texts that they are set to; `None` sets NULL.
impl FromIterator<(String, Option<String>)> for Changes {
    fn from_iter<I: IntoIterator<Item = (String, Option<String>)>>(values: I) -> Self {
        Self(values.into_iter().map(|(field, text)| (field, Change::to(text))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back_and_programs_are_told_names() {
        let mut changes = Changes::new().set("price", "7.77").set_null("note").clear("shelfs");
        changes.push("tags", Change::Add(vec![LinkKey { key: "1".into(), name: Some("Sale".into()) }, 2.into()]));
        changes.push("tags", Change::Remove(vec![3.into()]));
        let stored = serde_json::to_string(&changes).expect("JSON");
        assert_eq!(
            stored,
            r#"[["price",{"set":"7.77"}],["note","set_null"],["shelfs","clear"],["tags",{"add":[{"key":"1","name":"Sale"},{"key":"2"}]}],["tags",{"remove":[{"key":"3"}]}]]"#
        );
        assert_eq!(serde_json::from_str::<Changes>(&stored).expect("changes"), changes);
        assert_eq!(
            changes.to_json(),
            serde_json::json!({
                "price": "7.77", "note": null, "shelfs": {"clear": {}},
                "tags": {"add": {"1": "Sale", "2": "2"}, "remove": {"3": "3"}},
            })
        );
        for unknown in [
            r#"[["price",{"multiply":"1.1"}]]"#,
            r#"[["price",{"set":7}]]"#,
            r#"[["price","clear_all"]]"#,
            r#"[["tags",{"add":[{"key":"1","order":2}]}]]"#,
            r#"[["tags",{"add":["1"]}]]"#,
            r#"{"price":"7.77"}"#,
        ] {
            assert!(serde_json::from_str::<Changes>(unknown).is_err(), "{unknown}");
        }
    }

    #[test]
    fn keys_and_words_are_read_or_told_what_is_allowed() {
        let refused = |read: Result<Change, FieldError>| read.map_err(|error| (error.code, error.message));
        assert_eq!(refused(Change::of_links("tags", "add", vec!["1".into()])), Ok(Change::Add(vec![1.into()])));
        let (code, message) = refused(Change::of_links("tags", "toggle", Vec::new())).expect_err("no operation");
        assert_eq!(
            (code.as_str(), message.contains("allowed are: add, remove, replace, clear")),
            ("UNKNOWN_OPERATION", true)
        );
        let (code, message) = refused(Change::of_links("tags", "clear", vec!["1".into()])).expect_err("keys");
        assert_eq!((code.as_str(), message.contains("takes no keys")), ("INVALID_VALUE", true));
        let error = keys_from_text("tags", "[1").expect_err("no array");
        assert!(error.message.contains("neither keys separated by commas nor a JSON array"), "{error}");
    }
}
