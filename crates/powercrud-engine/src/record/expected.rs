//! What whoever changes a record believes that it holds, so that nothing is overwritten that was not seen.

use crate::{
    error::{Error, Result},
    form::Assignment,
    query::Row,
    resource::Resource,
};
use powercrud_db::fingerprint;

/// What a record is expected to hold before it is changed. Nothing is expected by default: the change is made to whatever is there.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    pub(super) version: Option<String>,
    /// ETags, of which one must be the record's.
    etags: Option<Vec<String>>,
    values: Vec<(String, Seen)>,
    /// Whether NULL is meant for the JSON document `null` too, where that is there.
    pub(super) takes_null_for_null: bool,
}

/// How a field's value was seen.
#[derive(Clone, Debug)]
enum Seen {
    /// As text, NULL as none.
    Text(Option<String>),
    /// As what stands for it.
    Fingerprint(String),
}

impl Expected {
    /// From whom it is all one whether a field is NULL or holds the JSON document `null`, since both read alike: NULL leaves that as it is.
    #[must_use]
    pub fn taking_null_for_null(self) -> Self {
        Self { takes_null_for_null: true, ..self }
    }

    /// The record's version is this one still, as [`crate::query::version`] tells it; for resources with a version field.
    #[must_use]
    pub fn version(self, version: &str) -> Self {
        Self { version: Some(version.to_owned()), ..self }
    }

    /// The record's ETag, as [`etag`] tells it, is one of these still.
    #[must_use]
    pub fn etag<S: Into<String>>(self, etags: impl IntoIterator<Item = S>) -> Self {
        Self { etags: Some(etags.into_iter().map(Into::into).collect()), ..self }
    }

    /// The field holds this value still, as its text; NULL as `None`. It is looked at where the field is changed.
    #[must_use]
    pub fn value(mut self, field: &str, value: Option<&str>) -> Self {
        self.values.push((field.to_owned(), Seen::Text(value.map(str::to_owned))));
        self
    }

    /// As [`Expected::value`], by what stands for the value.
    pub fn fingerprint(mut self, field: &str, fingerprint: &str) -> Self {
        self.values.push((field.to_owned(), Seen::Fingerprint(fingerprint.to_owned())));
        self
    }

    /// Whether the record as a whole is what was expected.
    pub(super) fn check_record(&self, resource: &Resource, row: &Row) -> Result<()> {
        match &self.etags {
            Some(etags) if !etags.contains(&etag(resource, row)) => {
                Err(Error::StaleRecord { record: format!("{} {}", resource.label, row.key) })
            }
            _ => Ok(()),
        }
    }

    /// Whether the fields that are to be changed hold what was expected.
    pub(super) fn check_values(&self, resource: &Resource, row: &Row, changes: &[Assignment]) -> Result<()> {
        let is_as_seen = |field: &str, seen: &Seen| {
            let place = resource.fields.iter().position(|other| other.name == field);
            let Some((field, cell)) = place.and_then(|at| Some((&resource.fields[at], row.cells.get(at)?))) else {
                return true;
            };
            match seen {
                Seen::Text(text) => super::says_the_same(field, cell, text.as_deref()),
                Seen::Fingerprint(fingerprint) => cell.value.fingerprint() == *fingerprint,
            }
        };
        let changed = changes.iter().filter(|change| {
            let mut seen = self.values.iter().filter(|(field, _)| *field == change.field);
            seen.any(|(field, seen)| !is_as_seen(field, seen))
        });
        let fields: Vec<String> = changed.map(|change| change.field.clone()).collect();
        match fields.is_empty() {
            true => Ok(()),
            false => Err(Error::FieldsChanged { record: format!("{} {}", resource.label, row.key), fields }),
        }
    }
}

/// What stands for all that a record shows of itself; another where one of its values is another. Of bytes it knows their number.
pub fn etag(resource: &Resource, row: &Row) -> String {
    let cells = resource.fields.iter().zip(&row.cells);
    let parts: Vec<String> = cells.flat_map(|(field, cell)| [field.name.clone(), cell.value.fingerprint()]).collect();
    fingerprint(parts.iter().map(String::as_bytes))
}
