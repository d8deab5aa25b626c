//! Columns that likely hold secrets, by their names: passwords, tokens, private keys. They are hidden unless the settings show them.
//!
//! The last words of a name tell what a column holds: `reset_token` is a token, `token_count` a count. Moments, dates, truths and
//! fractions are no secrets, and numbers only where people type secrets as numbers.

use super::words;
use powercrud_db::{Column, ColumnType, Table};

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
    ends(ENDINGS, &name) || hashed() || joined() || keyed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use powercrud_db::TableKind;

    fn secret(table: &str, name: &str, column_type: ColumnType) -> bool {
        let column = Column {
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
        };
        is_secret(&Table::new(table, TableKind::Table), &column)
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
