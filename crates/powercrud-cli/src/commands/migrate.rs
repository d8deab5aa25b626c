//! `powercrud migrate`

use anyhow::Result;
use powercrud::db;

use super::{configuration, connect};
use crate::{args::Connection, exit::Exit, output::print};

pub(super) async fn run(connection: Connection) -> Result<Exit> {
    let config = configuration(&connection).await?;
    let database = connect(&connection, &config).await?;
    let pending = db::pending_migrations(&database).await?;
    powercrud::db::migrate(&database).await?;
    print(&match pending {
        0 => "PowerCRUD's tables are up to date; there was nothing to do.".to_owned(),
        1 => "PowerCRUD's tables are up to date: 1 migration applied.".to_owned(),
        _ => format!("PowerCRUD's tables are up to date: {pending} migrations applied."),
    });
    Ok(Exit::Success)
}
