//! `powercrud uninstall`

use anyhow::Result;
use powercrud::db;

use super::{configuration, connect, connect_to_look};
use crate::{
    args::Uninstall,
    exit::Exit,
    output::{grouped, print},
};

/// Tells what would go, and removes it where it is told `--yes`.
pub(super) async fn run(arguments: Uninstall) -> Result<Exit> {
    let config = configuration(&arguments.connection).await?;
    let database = match arguments.yes {
        true => connect(&arguments.connection, &config).await?,
        false => connect_to_look(&arguments.connection, &config).await?,
    };
    let found = db::uninstall(&database, !arguments.yes, arguments.force).await?;
    if found.tables.is_empty() {
        print("There are no tables of PowerCRUD here; there is nothing to do.");
        return Ok(Exit::Success);
    }
    let schema = database.own_schema().map(|schema| format!("{schema}.")).unwrap_or_default();
    for table in &found.tables {
        print(&format!("{} {schema}{table}", if arguments.yes { "removed     " } else { "would remove" }));
    }
    let tasks = match found.active_tasks {
        0 => String::new(),
        1 => " 1 bulk task has not ended: --force removes it too.".to_owned(),
        many => format!(" {} bulk tasks have not ended: --force removes them too.", grouped(many)),
    };
    match arguments.yes {
        true => print("PowerCRUD's tables are gone; the database's own are as they were."),
        false => print(&format!(
            "Nothing was removed; --yes removes them, with all tasks, users, tokens and the audit trail.{tasks}"
        )),
    }
    Ok(Exit::Success)
}
