//! `[roles.NAME]`: what users of a role may do.

use std::collections::BTreeMap;

use figment::value::Value;
use powercrud::RoleSettings;

/// Adds roles; `complain` hears of each mistake, with the full key.
pub(super) fn apply(roles: &mut BTreeMap<String, RoleSettings>, value: Value, complain: &mut dyn FnMut(&str, String)) {
    let Value::Dict(_, given) = value else {
        return complain("roles", "allowed is a table for each role, such as [roles.clerk]".into());
    };
    for (name, value) in given {
        let place = format!("roles.{name}");
        let Value::Dict(_, keys) = value else {
            complain(&place, "allowed is a table of settings".into());
            continue;
        };
        let role = roles.entry(name).or_default();
        for (key, value) in keys {
            match serde_json::to_value(&value) {
                Ok(value) => role.set(&key, value, &mut |rest, mistake| complain(&format!("{place}.{rest}"), mistake)),
                Err(error) => complain(&format!("{place}.{key}"), error.to_string()),
            }
        }
    }
}
