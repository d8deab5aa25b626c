//! What a role may do, as a configuration says it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What users of a role may do: `[roles.NAME]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleSettings {
    /// What they may do with resources that [`RoleSettings::resources`] does not name: words of permissions, `all`, or `none`; nothing
    /// unless something is said.
    pub default: Words,
    /// What they may do, by resource name.
    pub resources: BTreeMap<String, RoleResource>,
}

/// What users of a role may do with a resource: `[roles.NAME.resources.RESOURCE]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleResource {
    /// Words of permissions, `all`, or `none`.
    pub allow: Words,
    /// The records that there are for them: filters as in the address of a list, all of which hold; `{user.NAME}` stands for an
    /// attribute of the user. All records where none is given.
    pub rows: Words,
    /// Fields that there are not for them.
    pub hide: Words,
    /// Fields that they may see and not write.
    pub read_only: Words,
}

/// One or several words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

impl<S: Into<String>, const N: usize> From<[S; N]> for Words {
    fn from(words: [S; N]) -> Self {
        Self(words.into_iter().map(Into::into).collect())
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum OneOrSeveral {
            One(String),
            Several(Vec<String>),
        }
        Ok(match OneOrSeveral::deserialize(deserializer)? {
            OneOrSeveral::One(word) => Self(vec![word]),
            OneOrSeveral::Several(words) => Self(words),
        })
    }
}

impl RoleSettings {
    /// Sets one key from a configuration value. What is wrong goes to `complain`, as key and what is allowed.
    pub fn set(&mut self, key: &str, value: Value, complain: &mut dyn FnMut(&str, String)) {
        match (key, value) {
            ("default", value) => {
                match read(value, "one word or a list of words of permissions, \"all\" or \"none\"") {
                    Ok(words) => self.default = words,
                    Err(mistake) => complain(key, mistake),
                }
            }
            ("resources", Value::Object(resources)) => {
                for (name, value) in resources {
                    let entry = self.resources.entry(name.clone()).or_default();
                    let place = |rest: &str| format!("resources.{name}{rest}");
                    let Value::Object(keys) = value else {
                        complain(&place(""), "allowed is a table of settings".to_owned());
                        continue;
                    };
                    for (key, value) in keys {
                        let words = match key.as_str() {
                            "allow" => &mut entry.allow,
                            "rows" => &mut entry.rows,
                            "hide" => &mut entry.hide,
                            "read_only" => &mut entry.read_only,
                            _ => {
                                let message = "there is no such setting; allowed are: allow, rows, hide, read_only";
                                complain(&place(&format!(".{key}")), message.to_owned());
                                continue;
                            }
                        };
                        match read(value, "a text or a list of texts") {
                            Ok(read) => *words = read,
                            Err(mistake) => complain(&place(&format!(".{key}")), mistake),
                        }
                    }
                }
            }
            ("resources", _) => complain(key, "allowed is a table for each resource".to_owned()),
            _ => complain(key, "there is no such setting; allowed are: default, resources".to_owned()),
        }
    }
}

fn read(value: Value, allowed: &str) -> Result<Words, String> {
    let shown = value.to_string();
    serde_json::from_value(value).map_err(|_| format!("{shown} is not allowed; allowed is {allowed}"))
}
