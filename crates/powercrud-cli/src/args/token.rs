//! The grammar of `powercrud token`.

use std::time::Duration;

use clap::{Args, Subcommand};
use powercrud::token::Scope;

use super::{Connection, Format};

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Make a token; it is printed once and kept nowhere
    Create(TokenCreate),
    /// All tokens, without their secrets
    List(TokenList),
    /// End a token
    Revoke(TokenRevoke),
}

#[derive(Debug, Args)]
pub(crate) struct TokenCreate {
    /// What it is for
    #[arg(long)]
    pub(crate) name: String,
    /// What it may do besides reading: write, bulk, tasks, or admin for all of these; may be repeated or separated by commas
    #[arg(long, value_name = "SCOPE", value_delimiter = ',', default_value = "read")]
    pub(crate) scope: Vec<Scope>,
    /// Whom it acts as: a user's name where users sign in here, else the id that the application knows; without it, the operator
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// The name for people of an application's user [default: the id]
    #[arg(long, value_name = "NAME", requires = "user")]
    pub(crate) user_name: Option<String>,
    /// Where mail reaches an application's user
    #[arg(long, value_name = "ADDRESS", requires = "user")]
    pub(crate) user_email: Option<String>,
    /// An application's user is staff, who see everybody's tasks
    #[arg(long, requires = "user")]
    pub(crate) staff: bool,
    /// How long it lasts, such as 12h, 90d or 52w [default: until it is revoked]
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
    /// The token's id, as `powercrud token list` has it
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
