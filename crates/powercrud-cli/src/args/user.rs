//! The grammar of `powercrud user`.

use clap::{Args, Subcommand};

use super::{Connection, Format};

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Add a user; the password is asked for, or read from POWERCRUD_PASSWORD or standard input
    Add(UserAdd),
    /// Who may sign in
    List(UserList),
    /// Give a user another role, or other attributes; open pages, tokens and bulk tasks go on with the new rights
    Role(UserRole),
    /// Give a user another password, read as for add; open sessions end
    Password(UserCommand),
    /// Let a user sign in no more; open sessions end at once
    Deactivate(UserCommand),
    /// Let a user sign in again
    Activate(UserCommand),
    /// Remove a user; the user's bulk tasks stay
    Remove(UserCommand),
}

#[derive(Debug, Args)]
pub(crate) struct UserAdd {
    /// What the user signs in with
    pub(crate) name: String,
    /// Staff see and control everybody's bulk tasks
    #[arg(long)]
    pub(crate) staff: bool,
    /// Where mail reaches the user
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: Option<String>,
    /// What the user may do: a role of the configuration, or viewer, editor or staff; without it, everything
    #[arg(long)]
    pub(crate) role: Option<String>,
    /// What the rows of a role go by, such as publisher=7; may be repeated
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
    /// What the rows of a role go by, such as publisher=7, instead of what the user had; may be repeated
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    pub(crate) attributes: Vec<(String, String)>,
    /// Staff see and control everybody's bulk tasks; without it, and with another role than staff, the user does no longer
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
