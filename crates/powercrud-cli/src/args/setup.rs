//! Commands about the database as a whole.

use clap::Args;

use super::{Connection, TableFormat};

#[derive(Debug, Args)]
pub(crate) struct Uninstall {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Remove them; without it, only list what would be removed
    #[arg(long)]
    pub(crate) yes: bool,
    /// Even while bulk tasks are active
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Resources {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: TableFormat,
}
