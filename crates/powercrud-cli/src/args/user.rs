//! The grammar of `powercrud user`.

use clap::{Args, Subcommand};

use super::{Connection, Format};

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Add a user; prompts for the password, or reads it from POWERCRUD_PASSWORD or standard input
    Add(UserAdd),
    /// List the users
    List(UserList),
    /// Change a user's role or attributes; open pages, tokens and bulk tasks continue with the new rights
    Role(UserRole),
    /// Set a user's password, read as for add; open sessions end
    Password(UserCommand),
    /// Deactivate a user; open sessions end at once
    Deactivate(UserCommand),
    /// Reactivate a user
    Activate(UserCommand),
    /// Remove a user; the user's bulk tasks stay
    Remove(UserCommand),
}

#[derive(Debug, Args)]
pub(crate) struct UserAdd {
    /// The name to sign in with
    pub(crate) name: String,
    /// Make the user staff, who see and control everybody's bulk tasks
    #[arg(long)]
    pub(crate) staff: bool,
    /// Email address
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: Option<String>,
    /// A role of the configuration, or viewer, editor or staff; without it, the user may do everything
    #[arg(long)]
    pub(crate) role: Option<String>,
    /// An attribute that the rows of a role refer to, such as publisher=7; may be repeated
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    pub(crate) attributes: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct UserRole {
    /// The user's name
    pub(crate) name: String,
    /// A role of the configuration, or viewer, editor or staff
    #[arg(required_unless_present = "none")]
    pub(crate) role: Option<String>,
    /// No role: the user may do everything
    #[arg(long, conflicts_with = "role")]
    pub(crate) none: bool,
    /// An attribute that the rows of a role refer to, such as publisher=7; replaces all the user had; may be repeated
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    pub(crate) attributes: Vec<(String, String)>,
    /// Make the user staff, who see and control everybody's bulk tasks; without it, and with a role other than staff, the user no longer is
    #[arg(long)]
    pub(crate) staff: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct UserList {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct UserCommand {
    /// The user's name
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

fn attribute(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair.ok_or_else(|| format!("{text:?} is not allowed; allowed is NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}
