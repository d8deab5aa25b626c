//! The grammar of `powercrud token`.

use std::time::Duration;

use clap::{Args, Subcommand};
use powercrud::token::Scope;

use super::{Connection, Format};

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Create a token; it is printed once and not stored
    Create(TokenCreate),
    /// List all tokens, without their secrets
    List(TokenList),
    /// Revoke a token
    Revoke(TokenRevoke),
}

#[derive(Debug, Args)]
pub(crate) struct TokenCreate {
    /// A name that says what the token is for
    #[arg(long)]
    pub(crate) name: String,
    /// Scopes beside read: write, bulk, tasks, or admin for all of these; may be repeated or separated by commas
    #[arg(long, value_name = "SCOPE", value_delimiter = ',', default_value = "read")]
    pub(crate) scope: Vec<Scope>,
    /// The user it acts as: a name if users sign in here, else the application's id of the user; without it, the operator
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// The display name of the application's user [default: the id]
    #[arg(long, value_name = "NAME", requires = "user")]
    pub(crate) user_name: Option<String>,
    /// Email address of the application's user
    #[arg(long, value_name = "ADDRESS", requires = "user")]
    pub(crate) user_email: Option<String>,
    /// The application's user is staff and sees everybody's tasks
    #[arg(long, requires = "user")]
    pub(crate) staff: bool,
    /// How long it is valid, such as 12h, 90d or 52w [default: until it is revoked]
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    pub(crate) expires: Option<Duration>,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct TokenList {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct TokenRevoke {
    /// The token's id, as listed by `powercrud token list`
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// A number and a unit: minutes, hours, days or weeks.
fn lifetime(text: &str) -> Result<Duration, String> {
    let seconds = |unit: char| match unit {
        'm' => Some(60u64),
        'h' => Some(60 * 60),
        'd' => Some(24 * 60 * 60),
        'w' => Some(7 * 24 * 60 * 60),
        _ => None,
    };
    let parsed = text.chars().last().and_then(|unit| {
        let number: u64 = text[..text.len() - unit.len_utf8()].parse().ok()?;
        seconds(unit)?.checked_mul(number).filter(|seconds| *seconds > 0)
    });
    parsed
        .map(Duration::from_secs)
        .ok_or_else(|| "a whole number from 1 and m, h, d or w are needed, such as 90d".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_have_a_number_and_a_unit() {
        assert_eq!(lifetime("90d"), Ok(Duration::from_secs(90 * 86_400)));
        assert_eq!(lifetime("5m"), Ok(Duration::from_secs(300)));
        for text in ["", "d", "90", "0d", "-1d", "90é", "99999999999999999999w", "18446744073709551615w"] {
            assert!(lifetime(text).is_err(), "{text}");
        }
    }
}
