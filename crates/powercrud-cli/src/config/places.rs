//! Where each setting was given, so that what only the database can tell of it is told with its place.

use std::collections::BTreeMap;

use figment::value::Value;
use powercrud::Error;

use super::ENVIRONMENT;

/// Where each setting was given, by its full key, such as `resources.Track.paginate_by`: `powercrud.toml: KEY` or `environment: VARIABLE`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(BTreeMap<String, String>);

impl Places {
    /// The setting `key`, and those under it, are given at the place that `of` tells of a key.
    pub(super) fn note(&mut self, key: &str, value: &Value, of: impl Fn(&str) -> String) {
        let Value::Dict(_, resources) = value else {
            self.0.insert(key.to_owned(), of(key));
            return;
        };
        for (name, settings) in resources {
            let resource = format!("{key}.{name}");
            for (setting, value) in settings.as_dict().into_iter().flatten() {
                let key = format!("{resource}.{setting}");
                self.0.insert(key.clone(), of(&key));
                // Of a role: its resources.
                self.note_below(&key, value, &of);
            }
            self.0.entry(resource.clone()).or_insert_with(|| of(&resource));
        }
    }

    /// Where the setting of that key was given; of a part of an action, where the actions were.
    fn of(&self, key: &str) -> Option<String> {
        if let Some(place) = self.0.get(key) {
            return Some(place.clone());
        }
        let (resource, part) = key.split_once(".actions.")?;
        let place = self.0.get(&format!("{resource}.actions"))?;
        Some(format!("{place}.{part}"))
    }

    fn note_below(&mut self, key: &str, value: &Value, of: &impl Fn(&str) -> String) {
        for (name, value) in value.as_dict().into_iter().flatten() {
            let key = format!("{key}.{name}");
            self.0.insert(key.clone(), of(&key));
            self.note_below(&key, value, of);
        }
    }

    /// The error, its mistakes each with its place.
    pub(crate) fn place(&self, error: Error) -> Error {
        let placed =
            |mistake: String| match mistake.split_once(": ").and_then(|(key, what)| Some((self.of(key)?, what))) {
                Some((place, what)) => format!("{place}: {what}"),
                None => mistake,
            };
        match error {
            Error::Configuration(mistakes) => Error::Configuration(mistakes.into_iter().map(placed).collect()),
            other => other,
        }
    }
}

/// As its users write it: `resources.Track.paginate_by` is `environment: POWERCRUD_RESOURCES__Track__PAGINATE_BY`.
pub(super) fn of_variable(key: &str) -> String {
    let name = match key.split_once('.') {
        None => key.to_uppercase(),
        Some((top, rest)) => match rest.rsplit_once('.') {
            Some((resource, setting)) => format!("{}__{resource}__{}", top.to_uppercase(), setting.to_uppercase()),
            None => format!("{}__{rest}", top.to_uppercase()),
        },
    };
    format!("environment: {ENVIRONMENT}{name}")
}
