//! Columns that likely hold secrets, by their names: passwords, tokens, private keys. They are hidden unless the settings show them.
//!
//! The last words of a name tell what a column holds: `reset_token` is a token, `token_count` a count. Timestamps, dates, booleans and
//! fractions are no secrets, and numbers only where people type secrets as numbers.

use super::{Resource, ResourceBuilder, build, words};
use crate::config::{ResourceSettings, Settings};
use powercrud_db::{Catalog, Column, ColumnType, Table};

/// Which columns are hidden, of all tables.
pub(super) struct Secrets<'a> {
    pub(super) catalog: &'a Catalog,
    /// The settings of each resource that the application or the configuration names, by its table's qualified name.
    settings: Vec<(String, ResourceSettings)>,
}

/// References that are followed one after the other, which may lead back to where they began.
const REFERENCES: usize = 8;

impl<'a> Secrets<'a> {
    pub(super) fn of(named: &[ResourceBuilder], settings: &Settings, catalog: &'a Catalog) -> Self {
        let by_application = named.iter().filter_map(|builder| {
            let table = build::find_table(catalog, builder)?;
            let own = build::settings_of(&build::name(builder, table), builder.settings.clone(), settings);
            Some((table.qualified_name(), own))
        });
        let mut all: Vec<_> = by_application.collect();
        for (name, own) in &settings.resources {
            let table = build::find_table(catalog, &Resource::table(name)).map(Table::qualified_name);
            if table.as_ref() == Some(name) && all.iter().all(|(other, _)| other != name) {
                all.push((name.clone(), own.clone()));
            }
        }
        Self { catalog, settings: all }
    }

    /// The columns of `table` that a resource with these settings hides; mistakes in the settings go to `complain`.
    pub(super) fn of_table(
        &self,
        table: &Table,
        settings: &ResourceSettings,
        mut complain: impl FnMut(&str, String),
    ) -> Vec<String> {
        for (key, names) in [("show_secrets", &settings.show_secrets), ("secret_fields", &settings.secret_fields)] {
            for name in names.iter().flatten().filter(|name| table.column(name).is_none()) {
                let known: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
                complain(key, format!("{} has no column {name:?}; there are: {}", table.name, known.join(", ")));
            }
        }
        let hidden = table.columns.iter().filter(|column| self.hides(table, column, settings));
        hidden.map(|column| column.name.clone()).collect()
    }

    /// Whether a resource over `table` with these settings hides the column: it likely holds a secret, or refers to one.
    fn hides(&self, table: &Table, column: &Column, settings: &ResourceSettings) -> bool {
        self.hides_from(table, column, settings, 0)
    }

    fn hides_from(&self, table: &Table, column: &Column, settings: &ResourceSettings, references: usize) -> bool {
        let names = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|names| names.contains(&column.name));
        let likely = || is_secret(table, column) || self.refers_to_secret(table, column, references);
        !names(&settings.fields) && (names(&settings.secret_fields) || (!names(&settings.show_secrets) && likely()))
    }

    /// Whether it holds, as a foreign key, what no resource shows of the table that it refers to.
    fn refers_to_secret(&self, table: &Table, column: &Column, references: usize) -> bool {
        let mut targets = table.foreign_keys.iter().filter_map(|key| {
            let place = key.columns.iter().position(|name| *name == column.name)?;
            let target = self.catalog.table(key.referenced_schema.as_deref(), &key.referenced_table)?;
            Some((target, target.column(key.referenced_columns.get(place)?)?))
        });
        references < REFERENCES && targets.any(|(target, column)| self.is_hidden_from(target, column, references + 1))
    }

    /// Whether every resource over the table hides the column.
    pub(super) fn is_hidden(&self, table: &Table, column: &Column) -> bool {
        self.is_hidden_from(table, column, 0)
    }

    fn is_hidden_from(&self, table: &Table, column: &Column, references: usize) -> bool {
        let name = table.qualified_name();
        let mut settings =
            self.settings.iter().filter(|(other, _)| *other == name).map(|(_, settings)| settings).peekable();
        match settings.peek() {
            None => self.hides_from(table, column, &ResourceSettings::default(), references),
            Some(_) => settings.all(|settings| self.hides_from(table, column, settings, references)),
        }
    }
}

/// What a name ends with that is a secret.
const ENDINGS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pass",
    "pwd",
    "credential",
    "credentials",
    "pin",
    "ssn",
    "passwort",
    "secret",
    "secrets",
    "token",
    "salt",
    "otp",
    "totp",
    "hotp",
    "cvv",
    "cvc",
    "cvv2",
    "jwt",
    "htpasswd",
    "api key",
    "apikey",
    "secret key",
    "private key",
    "privatekey",
    "privkey",
    "session key",
    "access key",
    "encryption key",
    "signing key",
    "auth key",
    "master key",
    "activation key",
    "reset key",
    "hmac key",
    "session data",
    "recovery code",
    "recovery codes",
    "backup code",
    "backup codes",
    "reset code",
    "verification code",
    "activation code",
    "secret answer",
    "security answer",
    "secret value",
];

/// Hashes and the like of secrets are as good as they are to whoever guesses.
const OF_SECRETS: &[&str] = &["hash", "digest", "encrypted", "cipher", "ciphertext", "enc"];

/// What is hashed or prefixed: `password hash`, `hashed password`, `pw hash`.
const HASHED: &[&str] = &[
    "password", "passwd", "pass", "pwd", "pw", "secret", "token", "api key", "apikey", "key", "session", "otp", "pin",
];

/// Hashes that are called no more than that.
const BARE_HASHES: &[&str] = &["hash", "digest", "md5", "sha1", "sha256", "sha512"];

/// What people sign in by.
const SIGN_INS: &[&str] = &["login", "username", "user name", "user login", "email", "user email", "e mail"];

/// Secrets that people type as numbers.
const NUMBERS: &[&str] =
    &["password", "passwd", "passcode", "pass", "pwd", "pin", "ssn", "otp", "totp", "cvv", "cvc", "cvv2"];

/// Whether a column likely holds a secret.
pub(super) fn is_secret(table: &Table, column: &Column) -> bool {
    let name = words::label(&column.name).to_lowercase();
    let ends = |endings: &[&str], name: &str| {
        endings
            .iter()
            .any(|ending| name.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with(' ')))
    };
    match column.column_type {
        ColumnType::Integer { .. } => return ends(NUMBERS, &name),
        ColumnType::Text { .. } | ColumnType::Bytes | ColumnType::Json | ColumnType::Uuid | ColumnType::Other => {}
        _ => return false,
    }
    let hashed = || {
        OF_SECRETS.iter().any(|word| {
            let rest = name.strip_suffix(word).and_then(|rest| rest.strip_suffix(' '));
            rest.is_some_and(|rest| ends(HASHED, rest))
        })
    };
    // Written as one word: `passwordhash`, `userpassword`, `accesstoken`.
    let joined = || {
        let last = name.rsplit(' ').next().unwrap_or_default();
        ["password", "passwordhash", "passwd", "accesstoken", "refreshtoken", "authtoken", "secretkey", "totpsecret"]
            .iter()
            .any(|ending| last.ends_with(ending))
    };
    // A table of tokens may call them `key`.
    let keyed = || {
        matches!(name.as_str(), "key" | "hash" | "digest" | "value")
            && ends(
                &["token", "tokens", "api key", "api keys", "apikey", "apikeys", "secret", "secrets"],
                &words::label(&table.name).to_lowercase(),
            )
    };
    // A bare hash beside a sign-in's name or another secret is a password's; of a file it is none.
    let bare = || {
        let tells = |other: &Column| {
            let other = words::label(&other.name).to_lowercase();
            ends(ENDINGS, &other) || SIGN_INS.contains(&other.as_str())
        };
        BARE_HASHES.contains(&name.as_str()) && table.columns.iter().any(tells)
    };
    let exactly = matches!(name.as_str(), "bearer" | "bcrypt" | "argon2" | "scrypt");
    ends(ENDINGS, &name) || exactly || hashed() || joined() || keyed() || bare()
}

#[cfg(test)]
mod tests {
    use super::*;
    use powercrud_db::TableKind;

    fn column(name: &str, column_type: ColumnType) -> Column {
        Column {
            name: name.to_owned(),
            column_type,
            database_type: String::new(),
            parameter_type: String::new(),
            dialect: powercrud_db::Dialect::Sqlite,
            any_value: false,
            nullable: true,
            default: None,
            generated: false,
            identity: false,
            choices: Vec::new(),
            comment: String::new(),
            equality: powercrud_db::Equality::default(),
            loose_collation: false,
            computed: None,
        }
    }

    fn secret(table: &str, name: &str, column_type: ColumnType) -> bool {
        is_secret(&Table::new(table, TableKind::Table), &column(name, column_type))
    }

    #[test]
    fn a_bare_hash_is_what_stands_beside_it() {
        let text = |name: &str| column(name, ColumnType::Text { max_length: None });
        let beside = |other: &str, name: &str| {
            let mut table = Table::new("thing", TableKind::Table);
            table.columns = vec![text(other), text(name)];
            is_secret(&table, &table.columns[1])
        };
        assert!(
            beside("email", "hash") && beside("login", "md5") && beside("salt", "hash") && beside("pw_hash", "bearer")
        );
        assert!(!beside("path", "hash") && !beside("size", "md5") && !beside("email", "file_hash"));
    }

    #[test]
    fn names_tell_secrets_from_what_only_sounds_like_them() {
        let text = || ColumnType::Text { max_length: None };
        for name in [
            "password",
            "Password",
            "user_password",
            "userPassword",
            "passwd",
            "password_hash",
            "PasswordHash",
            "hashed_password",
            "encrypted_password",
            "password_salt",
            "salt",
            "secret",
            "client_secret",
            "totp_secret",
            "otp",
            "token",
            "access_token",
            "remember_token",
            "reset_password_token",
            "api_key",
            "apiKey",
            "APIKey",
            "api_key_hash",
            "private_key",
            "session_key",
            "recovery_codes",
            "secret_answer",
            "token_digest",
            "passwordhash",
            "pw_hash",
            "session_data",
            "pass",
            "user_pass",
            "credentials",
            "credential",
            "pin",
            "card_pin",
            "ssn",
        ] {
            assert!(secret("user", name, text()), "{name} is a secret");
        }
        for name in [
            "token_count",
            "tokens",
            "secretary",
            "password_changed_at",
            "password_hint_count",
            "token_type",
            "public_key",
            "key",
            "hash",
            "file_hash",
            "commit_sha",
            "passenger",
            "assault",
            "basalt",
            "salted",
            "secret_santa_name",
            "compass",
            "surpass",
            "bypass",
            "name",
            "code",
            "value",
            "passport",
            "tokenizer",
            "pinned",
            "pin_count",
            "pass_count",
            "spin",
        ] {
            assert!(!secret("user", name, text()), "{name} is no secret");
        }
        assert!(secret("authtoken_token", "key", text()) && secret("api_keys", "hash", text()));
        let whole = || ColumnType::Integer { min: 0, max: 9 };
        assert!(
            secret("card", "pin", whole())
                && secret("person", "ssn", whole())
                && !secret("post", "pin", ColumnType::Boolean)
        );
        assert!(secret("card", "cvv", whole()) && !secret("usage", "token", whole()));
        for not_text in [ColumnType::Boolean, ColumnType::Date, ColumnType::Float, ColumnType::DateTime] {
            assert!(!secret("food", "salt", not_text.clone()) && !secret("ballot", "secret", not_text));
        }
    }
}
