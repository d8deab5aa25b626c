//! `powercrud check`

use anyhow::Result;
use powercrud::{account, backend, db, worker};

use super::{build, configuration, connect_to_look};
use crate::{
    args::Connection,
    exit::Exit,
    output::{grouped, print},
};

/// Tells what it finds, line by line, and changes nothing. A missing migration fails; a missing worker does not, since `bulk` and
/// `serve` bring their own.
pub(super) async fn run(connection: Connection) -> Result<Exit> {
    let config = configuration(&connection).await?;
    let database = connect_to_look(&connection, &config).await?;
    print(&format!("connection     {}", database.url()));
    let powercrud = build(database, config, false).await?;
    let read_only = powercrud.resources().iter().filter(|resource| resource.read_only.is_some()).count();
    let resources = grouped(powercrud.resources().len() as u64);
    print("configuration  no mistakes");
    print(&format!("resources      {resources}, {read_only} of them read-only"));
    for left_out in &powercrud.catalog().left_out {
        print(&format!("left out       {}: {}", left_out.name, left_out.reason));
    }
    for resource in powercrud.resources() {
        let denied = &resource.table.denied;
        if !denied.grants.is_empty() {
            print(&format!("rights         {}: no {}; {}", resource.name, denied.words(), denied.grants.join(" ")));
        }
        if !resource.secrets.is_empty() {
            print(&format!("secrets        {}: {} hidden", resource.name, resource.secrets.join(", ")));
        }
    }
    let own: Vec<_> = powercrud.settings().roles.keys().map(String::as_str).collect();
    let own = if own.is_empty() { String::new() } else { format!(", {}", own.join(", ")) };
    print(&format!("roles          viewer, editor, staff{own}"));
    if let Some(schema) = powercrud.database().own_schema() {
        print(&format!("own tables     in {schema}"));
    }
    if let Some(namespace) = powercrud.database().namespace() {
        print(&format!("own tables     powercrud_{namespace}_…"));
    }
    let pending = db::pending_migrations(powercrud.database()).await?;
    if pending > 0 {
        print(&format!("migrations     {pending} missing; run `powercrud migrate`"));
        return Ok(Exit::Failure);
    }
    print("migrations     up to date");
    let missing = db::missing_tables(powercrud.database()).await?;
    if !missing.is_empty() {
        print(&format!("own tables     {}", db::told_missing(&missing)));
        return Ok(Exit::Failure);
    }
    let grants = db::missing_grants(powercrud.database()).await?;
    if !grants.is_empty() {
        print("own tables     the database's role may not use them; whoever looks after the database can grant it:");
        grants.iter().for_each(|grant| print(grant));
        return Ok(Exit::Failure);
    }
    let users = account::list(powercrud.database()).await?;
    let active = users.iter().filter(|user| user.is_active).count();
    print(&match users.len() {
        0 => "users          none; whoever reaches the server is the operator".to_owned(),
        all => format!("users          {active} of {all} may sign in"),
    });
    let known = |role: &String| {
        ["viewer", "editor", "staff"].contains(&role.as_str()) || powercrud.settings().roles.contains_key(role)
    };
    for user in &users {
        if let Some(role) = user.role.as_ref().filter(|role| !known(role)) {
            print(&format!(
                "users          {} has the role {role:?}, which there is not, and may do nothing",
                user.name
            ));
        }
    }
    for channel in powercrud.channel_status().await {
        let reached = match &channel.unreachable {
            None => "reached".to_owned(),
            Some(why) => format!("CAN'T BE REACHED: {why}"),
        };
        let told = match channel.resources.len() {
            0 => format!(
                "no resource's bulk_async_notification has it{}",
                if channel.name == "webhook" { " (\"callback\")" } else { "" }
            ),
            1 => "for 1 resource".to_owned(),
            many => format!("for {} resources", grouped(many as u64)),
        };
        print(&format!("{:<14} {}, {told}; {reached}", channel.name, channel.endpoint));
    }
    for backend in backend::status(&powercrud).await {
        let told = match backend.resources.len() {
            0 => "no resource has it".to_owned(),
            1 => "for 1 resource".to_owned(),
            many => format!("for {} resources", grouped(many as u64)),
        };
        let reached = match &backend.unreachable {
            None => "reached".to_owned(),
            Some(why) => format!("CAN'T BE REACHED: {why}"),
        };
        print(&format!("backend        {}, {told}; {reached}", backend.name));
    }
    let workers = worker::alive(&powercrud).await?;
    let places: Vec<_> = workers.iter().map(|worker| format!("process {} on {}", worker.pid, worker.host)).collect();
    print(&match workers.len() {
        0 => "workers        none alive; `powercrud worker` and `powercrud serve` run one".to_owned(),
        1 => format!("workers        1 worker alive: {}", places[0]),
        many => format!("workers        {many} workers alive: {}", places.join(", ")),
    });
    Ok(Exit::Success)
}
