//! Commands about the database as a whole.

use clap::Args;

use super::{Connection, TableFormat};

#[derive(Debug, Args)]
pub(crate) struct Uninstall {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Remove them; without it, only tell what would go
    #[arg(long)]
    pub(crate) yes: bool,
    /// Also while bulk tasks have not ended
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
