//! Configuration: powercrud.toml, then `POWERCRUD_…` variables, every mistake reported at once.

mod places;
mod roles;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use figment::{
    Figment,
    providers::{Env, Format as _, Toml},
    value::{Dict, Value},
};
use powercrud::{Error, LoginMode, MetricsAccess, Notification, ResourceSettings, Secret, Settings};
use serde::de::DeserializeOwned;

pub(crate) use places::Places;

const DEFAULT_FILE: &str = "powercrud.toml";
const ENVIRONMENT: &str = "POWERCRUD_";

/// What the file and the environment say.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Where the database is, if they say.
    pub(crate) database_url: Option<Secret>,
    /// Where to listen.
    pub(crate) bind: SocketAddr,
    /// Everything that the library knows of.
    pub(crate) settings: Settings,
    /// Where each setting was given.
    pub(crate) places: Places,
}

/// A configuration as far as it could be read, and what is wrong with the rest of it.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) config: Config,
    pub(crate) mistakes: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database_url: None,
            bind: SocketAddr::from(([127, 0, 0, 1], 8000)),
            // The server is pointed at a database that nobody has described.
            settings: Settings { discover: true, login: LoginMode::WhenUsersExist, ..Settings::default() },
            places: Places::default(),
        }
    }
}

impl Config {
    /// Reads `file`, or powercrud.toml where there is one, and the environment. Keys that don't exist and values that don't fit are
    /// the draft's mistakes, each with its place and what is allowed.
    ///
    /// # Errors
    /// A file that is named but can't be read, and TOML that is none.
    pub(crate) fn load(file: Option<&Path>) -> Result<Draft> {
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("can't read the configuration {}", path.display()));
            }
        };
        Self::read(&path.display().to_string(), &text)
    }

    fn read(file: &str, text: &str) -> Result<Draft> {
        let toml: Dict = Figment::from(Toml::string(text)).extract().map_err(|error| {
            Error::Configuration(error.into_iter().map(|mistake| format!("{file}: {}", mistake.kind)).collect())
        })?;
        let mut config = Self::default();
        let mut mistakes = Vec::new();
        for (key, value) in toml {
            config.places.note(&key, &value, |key| format!("{file}: {key}"));
            config.apply(&key, value, &mut |key, mistake| mistakes.push(format!("{file}: {key}: {mistake}")));
        }
        for (key, value) in environment()? {
            // Other programs' variables may begin alike: Kubernetes sets POWERCRUD_PORT for a service of that name.
            if !KEYS.contains(&key.as_str()) {
                tracing::warn!("{ENVIRONMENT}{} is no setting and is ignored", key.to_uppercase());
                continue;
            }
            config.places.note(&key, &value, places::of_variable);
            config.apply(&key, value, &mut |key, mistake| {
                mistakes.push(format!("{}: {mistake}", places::of_variable(key)));
            });
        }
        Ok(Draft { config, mistakes })
    }

    /// Applies one top-level key; `complain` hears of each mistake under it, with the full key.
    fn apply(&mut self, key: &str, value: Value, complain: &mut dyn FnMut(&str, String)) {
        let settings = &mut self.settings;
        let done = match key {
            "database_url" => {
                secret(value, "an address such as \"sqlite:shop.db\"").map(|it| self.database_url = Some(it))
            }
            "bind" => read(value, "an address and port such as \"127.0.0.1:8000\"").map(|it| self.bind = it),
            "title" => read(value, "a text").map(|it| settings.title = it),
            "discover" => read(value, "true or false").map(|it| settings.discover = it),
            "templates_dir" => read::<PathBuf>(value, "a folder").map(|it| settings.templates_dir = Some(it)),
            "concurrency" => within(value, 1..=64).map(|it| settings.concurrency = it as usize),
            "body_limit" => within(value, 1024..=1 << 30).map(|it| settings.body_limit = it as usize),
            "request_memory" => within(value, 1 << 20..=1 << 40).map(|it| settings.request_memory = it),
            "lease_seconds" => within(value, 1..=3600).map(|it| settings.lease = Duration::from_secs(it)),
            "max_attempts_without_progress" => {
                within(value, 1..=1_000).map(|it| settings.max_attempts_without_progress = it)
            }
            "poll_interval_milliseconds" => {
                within(value, 10..=60_000).map(|it| settings.poll_interval = Duration::from_millis(it))
            }
            "session_hours" => {
                within(value, 1..=8760).map(|it| settings.session_lifetime = Duration::from_secs(it * 3600))
            }
            "tables_schema" => read(value, "a schema's or database's name").map(|it| settings.tables_schema = Some(it)),
            "namespace" => read(value, "a name of small letters, digits and _").map(|it| settings.namespace = Some(it)),
            "audit_days" => within(value, 0..=36_525).map(|it| settings.audit_days = it),
            "allowed_hosts" => {
                let allowed = "a list of hosts, such as [\"shop.example.org\", \"*.example.com\"]";
                names(value, allowed).map(|it| settings.allowed_hosts = it)
            }
            "trusted_proxies" => {
                let allowed = "a list of addresses and networks, such as [\"127.0.0.1\", \"10.0.0.0/8\"]";
                names(value, allowed).map(|it| settings.trusted_proxies = it)
            }
            "public_prefix" => read(value, "a path such as \"/tools\"").map(|it| settings.public_prefix = Some(it)),
            "trusted_origins" => {
                let allowed = "a list of origins, such as [\"https://shop.example.org\"]";
                names(value, allowed).map(|it| settings.trusted_origins = it)
            }
            "event_streams" => within(value, 0..=100_000).map(|it| settings.event_streams = it as usize),
            "secure_cookies" => read(value, "true or false").map(|it| settings.secure_cookies = it),
            "access_log" => read(value, "true or false").map(|it| settings.access_log = it),
            "metrics" => {
                read::<MetricsAccess>(value, "\"staff\", \"anyone\" or \"nobody\"").map(|it| settings.metrics = it)
            }
            "base_url" => {
                read(value, "an address such as \"https://shop.example.org\"").map(|it| settings.base_url = Some(it))
            }
            "email_url" => secret(value, "an address such as \"smtps://USER:PASSWORD@HOST:PORT\"")
                .map(|it| settings.email_url = Some(it)),
            "email_from" => {
                read(value, "an address such as \"shop@example.org\"").map(|it| settings.email_from = Some(it))
            }
            "webhook_url" => {
                secret(value, "an address such as \"https://HOST/PATH\"").map(|it| settings.webhook_url = Some(it))
            }
            "webhook_secret" => {
                secret(value, "whsec_ and base64 of 24 to 64 bytes").map(|it| settings.webhook_secret = Some(it))
            }
            "webhook_allow_private" => read(value, "true or false").map(|it| settings.webhook_allow_private = it),
            "tls_ca_file" => read::<PathBuf>(value, "a file").map(|it| settings.tls_ca_file = Some(it)),
            "bulk_async_backend" => read(value, "the name of a backend, such as \"database\", \"redis\" or \"celery\"")
                .map(|it| settings.bulk_async_backend = it),
            "redis_url" => secret(value, "an address such as \"redis://:PASSWORD@HOST:6379/0\"")
                .map(|it| settings.redis_url = Some(it)),
            "redis_channel" => read(value, "the name of a channel").map(|it| settings.redis_channel = it),
            "celery_broker_url" => secret(value, "an address such as \"amqp://USER:PASSWORD@HOST:5672/VHOST\"")
                .map(|it| settings.celery_broker_url = Some(it)),
            "celery_result_backend" => secret(value, "an address such as \"redis://:PASSWORD@HOST:6379/0\"")
                .map(|it| settings.celery_result_backend = Some(it)),
            "celery_queue" => read(value, "the name of a queue").map(|it| settings.celery_queue = it),
            "bulk_async_notification" => notification(value).map(|it| settings.bulk_async_notification = it),
            "resources" => {
                self.apply_resources(value, complain);
                Ok(())
            }
            "roles" => {
                roles::apply(&mut settings.roles, value, complain);
                Ok(())
            }
            _ => Err(format!("there is no such setting; allowed are: {}", KEYS.join(", "))),
        };
        if let Err(mistake) = done {
            complain(key, mistake);
        }
    }

    fn apply_resources(&mut self, value: Value, complain: &mut dyn FnMut(&str, String)) {
        let Value::Dict(_, resources) = value else {
            return complain("resources", "allowed is a table for each resource, such as [resources.Track]".into());
        };
        for (name, value) in resources {
            let place = format!("resources.{name}");
            let Value::Dict(_, keys) = value else {
                complain(&place, "allowed is a table of settings".into());
                continue;
            };
            let settings: &mut ResourceSettings = self.settings.resources.entry(name).or_default();
            for (key, value) in keys {
                if key == "actions" {
                    match serde_json::to_value(&value) {
                        Ok(value) => settings.read_actions(value, &mut |under, mistake| {
                            complain(&format!("{place}.actions{under}"), mistake);
                        }),
                        Err(error) => complain(&format!("{place}.actions"), error.to_string()),
                    }
                    continue;
                }
                let set = serde_json::to_value(&value)
                    .map_err(|error| error.to_string())
                    .and_then(|value| settings.set(&key, value));
                if let Err(mistake) = set {
                    complain(&format!("{place}.{key}"), mistake);
                }
            }
        }
    }
}

/// Every top-level key.
pub(crate) const KEYS: [&str; 39] = [
    "database_url",
    "bind",
    "title",
    "discover",
    "templates_dir",
    "concurrency",
    "body_limit",
    "request_memory",
    "lease_seconds",
    "max_attempts_without_progress",
    "poll_interval_milliseconds",
    "session_hours",
    "secure_cookies",
    "allowed_hosts",
    "trusted_proxies",
    "public_prefix",
    "trusted_origins",
    "event_streams",
    "access_log",
    "metrics",
    "base_url",
    "email_url",
    "email_from",
    "webhook_url",
    "webhook_secret",
    "webhook_allow_private",
    "tls_ca_file",
    "bulk_async_backend",
    "redis_url",
    "redis_channel",
    "celery_broker_url",
    "celery_result_backend",
    "celery_queue",
    "bulk_async_notification",
    "audit_days",
    "tables_schema",
    "namespace",
    "resources",
    "roles",
];

/// `POWERCRUD_TITLE`, and `POWERCRUD_RESOURCES__Track__paginate_by`, where only the resource's name keeps its capitals. Variables
/// for tests of this program are not its settings, nor is the password of `powercrud user`.
fn environment() -> Result<Dict> {
    let variables = Env::prefixed(ENVIRONMENT)
        .filter(|key| !key.starts_with("TEST_") && key != "PASSWORD")
        .map(|key| {
            let parts = key.as_str().split("__").enumerate();
            let parts = parts.map(|(place, part)| if place == 1 { part.to_owned() } else { part.to_lowercase() });
            parts.collect::<Vec<_>>().join("__").into()
        })
        .split("__")
        // Last: every other step sets it back.
        .lowercase(false);
    Ok(Figment::from(variables).extract()?)
}

fn read<T: DeserializeOwned>(value: Value, allowed: &str) -> Result<T, String> {
    let json = serde_json::to_value(&value).map_err(|error| error.to_string())?;
    // A variable that reads like a number may be meant as a text.
    serde_json::from_value(json.clone())
        .or_else(|_| serde_json::from_value(serde_json::Value::String(json.to_string())))
        .map_err(|_| format!("{json} is not allowed; allowed is {allowed}"))
}

/// A list of texts; one text holds several separated by commas.
fn names(value: Value, allowed: &str) -> Result<Vec<String>, String> {
    let value = match value {
        Value::String(_, text) => return Ok(text.split(',').map(|name| name.trim().to_owned()).collect()),
        value => value,
    };
    let json = serde_json::to_value(&value).map_err(|error| error.to_string())?;
    serde_json::from_value(json.clone()).map_err(|_| format!("{json} is not allowed; allowed is {allowed}"))
}

/// A text that no message shows.
fn secret(value: Value, allowed: &str) -> Result<Secret, String> {
    match value {
        Value::String(_, text) => Ok(text.into()),
        _ => Err(format!("that is no text; allowed is {allowed}")),
    }
}

/// What resources have of the same name.
fn notification(value: Value) -> Result<Notification, String> {
    let value = serde_json::to_value(&value).map_err(|error| error.to_string())?;
    let mut as_resource = ResourceSettings::default();
    as_resource.set("bulk_async_notification", value)?;
    Ok(as_resource.bulk_async_notification.unwrap_or_default())
}

fn within(value: Value, range: std::ops::RangeInclusive<u64>) -> Result<u64, String> {
    let allowed = format!("a whole number from {} to {}", range.start(), range.end());
    let number: u64 = read(value, &allowed)?;
    if range.contains(&number) { Ok(number) } else { Err(format!("{number} is not allowed; allowed is {allowed}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read() {
        let config = Config::read(
            "shop.toml",
            r#"
            database_url = "sqlite:shop.db"
            bind = "127.0.0.1:9000"
            lease_seconds = 30

            [resources.Track]
            bulk_fields = ["UnitPrice"]
            paginate_by = 50
            bulk_atomicity = "all"
            "#,
        )
        .unwrap()
        .config;
        assert_eq!(config.database_url, Some("sqlite:shop.db".into()));
        assert_eq!(config.bind.port(), 9000);
        assert_eq!(config.settings.lease, Duration::from_secs(30));
        assert!(config.settings.discover);
        let track = &config.settings.resources["Track"];
        assert_eq!((track.paginate_by, track.bulk_fields.as_deref()), (Some(50), Some(&["UnitPrice".to_owned()][..])));
    }

    #[test]
    fn every_mistake_is_reported_with_file_key_and_what_is_allowed() {
        let error = Config::read(
            "shop.toml",
            r#"
            colour = "red"
            concurrency = 0
            discover = "perhaps"

            [resources.Track]
            paginate_by = "many"
            bulk_feilds = []
            "#,
        )
        .unwrap()
        .mistakes
        .join("\n");
        for part in [
            "shop.toml: colour: there is no such setting; allowed are: database_url, bind",
            "shop.toml: concurrency: 0 is not allowed; allowed is a whole number from 1 to 64",
            "shop.toml: discover: \"perhaps\" is not allowed; allowed is true or false",
            "shop.toml: resources.Track.paginate_by: \"many\" is not allowed; allowed is a whole number from 1 to 1000",
            "shop.toml: resources.Track.bulk_feilds: there is no such setting; allowed are: label",
        ] {
            assert!(error.contains(part), "{part:?} is not in {error}");
        }
    }

    #[test]
    fn secrets_are_read_and_never_shown() {
        let config = Config::read(
            "shop.toml",
            r#"
            database_url = "postgres://ann:s3cret@localhost/shop"
            email_url = "smtps://ann:s3cret@mail.example.org"
            webhook_secret = "whsec_s3cret"
            webhook_url = "https://hooks.example.org/s3cret"
            bulk_async_notification = ["messages", "email", "callback"]
            "#,
        )
        .unwrap()
        .config;
        assert_eq!(config.settings.email_url, Some("smtps://ann:s3cret@mail.example.org".into()));
        assert!(config.settings.bulk_async_notification.includes(powercrud::Channel::Email));
        assert!(!format!("{config:?}").contains("s3cret"));
        let error =
            Config::read("shop.toml", "webhook_secret = [\"whsec_s3cret\"]\nbulk_async_notification = \"pigeon\"");
        let error = error.unwrap().mistakes.join("\n");
        assert!(!error.contains("s3cret"), "{error}");
        for part in
            ["webhook_secret: that is no text; allowed is whsec_", "\"pigeon\" is not allowed; allowed is \"none\", or"]
        {
            assert!(error.contains(part), "{part:?} is not in {error}");
        }
    }

    #[test]
    fn every_listed_key_is_known() {
        for key in KEYS {
            let mut said = Vec::new();
            Config::default().apply(key, Value::from(-1), &mut |_, mistake| said.push(mistake));
            assert!(!said.iter().any(|mistake| mistake.contains("no such setting")), "{key}: {said:?}");
        }
    }

    #[test]
    fn toml_that_is_none_says_where() {
        let error = Config::read("shop.toml", "title = ").unwrap_err().to_string();
        assert!(error.contains("shop.toml") && error.contains("line 1"), "{error}");
    }
}
