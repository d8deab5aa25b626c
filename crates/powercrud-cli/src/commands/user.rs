//! `powercrud user add | list | role | password | deactivate | activate | remove`

use std::io::{BufRead as _, IsTerminal as _};

use anyhow::{Context as _, Result};
use powercrud::{
    account::{self, Access, Account, NewAccount},
    db::Database,
};

use super::{configuration, connect};
use crate::{
    args::{Connection, Format, User, UserList, UserRole},
    exit::{Exit, Usage},
    output::{print, print_json, table, timestamp},
};

/// The variable that a password is read from.
const PASSWORD: &str = "POWERCRUD_PASSWORD";

pub(super) async fn run(user: User) -> Result<Exit> {
    let by = powercrud::User::operator();
    match user {
        User::Add(arguments) => {
            let (database, roles) = open_with_roles(&arguments.connection).await?;
            let access = access(arguments.role, arguments.attributes, &roles)?;
            let is_staff = arguments.staff || access.role.as_deref() == Some(STAFF);
            let password = read_password()?;
            let new = NewAccount { name: arguments.name, email: arguments.email, password, is_staff };
            let account = account::create_with(&database, &by, new, &access).await?;
            let staff = if account.is_staff { ", who is staff," } else { "" };
            print(&format!("{}{staff} may sign in now.", account.name));
        }
        User::List(arguments) => list(arguments).await?,
        User::Role(arguments) => role(arguments, &by).await?,
        User::Password(arguments) => {
            let database = open(&arguments.connection).await?;
            let known = account::find(&database, &arguments.name).await?;
            let password = read_password()?;
            let account = account::set_password(&database, &by, &known.name, &password).await?;
            print(&format!("{} has a new password; open sessions and tokens have ended.", account.name));
        }
        User::Deactivate(arguments) => {
            let database = open(&arguments.connection).await?;
            let account = account::set_active(&database, &by, &arguments.name, false).await?;
            print(&format!("{} may sign in no more; open sessions have ended.", account.name));
        }
        User::Activate(arguments) => {
            let database = open(&arguments.connection).await?;
            let account = account::set_active(&database, &by, &arguments.name, true).await?;
            print(&format!("{} may sign in again.", account.name));
        }
        User::Remove(arguments) => {
            let database = open(&arguments.connection).await?;
            let account = account::remove(&database, &by, &arguments.name).await?;
            print(&format!("{} is removed.", account.name));
            if !account::any(&database).await? {
                print("No user is left: a server that is started now lets everybody in.");
            }
        }
    }
    Ok(Exit::Success)
}

async fn open(connection: &Connection) -> Result<Database> {
    let config = configuration(connection).await?;
    let database = connect(connection, &config).await?;
    powercrud::db::migrate(&database).await?;
    Ok(database)
}

/// The role of people who see everybody's tasks.
const STAFF: &str = "staff";

/// The database, and the roles that the configuration has.
async fn open_with_roles(connection: &Connection) -> Result<(Database, Vec<String>)> {
    let config = configuration(connection).await?;
    let database = connect(connection, &config).await?;
    powercrud::db::migrate(&database).await?;
    let own = config.settings.roles.into_keys();
    Ok((database, ["viewer", "editor", STAFF].map(str::to_owned).into_iter().chain(own).collect()))
}

fn access(role: Option<String>, attributes: Vec<(String, String)>, roles: &[String]) -> Result<Access> {
    if let Some(role) = role.as_ref().filter(|role| !roles.contains(role)) {
        return Err(Usage(format!("there is no role {role:?}; there are: {}", roles.join(", "))).into());
    }
    Ok(Access { role, attributes: attributes.into_iter().collect() })
}

async fn role(arguments: UserRole, by: &powercrud::User) -> Result<()> {
    let (database, roles) = open_with_roles(&arguments.connection).await?;
    let access = access(arguments.role, arguments.attributes, &roles)?;
    let is_staff = arguments.staff || access.role.as_deref() == Some(STAFF);
    let account = account::set_access(&database, by, &arguments.name, &access, is_staff).await?;
    let attributes = attributes(&account);
    let with = if attributes.is_empty() { String::new() } else { format!(" with {attributes}") };
    print(&match &account.role {
        Some(role) => format!("{} is {role} now{with}.", account.name),
        None => format!("{} has no role now, and may do everything.", account.name),
    });
    Ok(())
}

/// "publisher=7, region=north".
fn attributes(account: &Account) -> String {
    account.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

async fn list(arguments: UserList) -> Result<()> {
    let database = open(&arguments.connection).await?;
    let users = account::list(&database).await?;
    match arguments.format {
        Format::Json => print_json(&serde_json::to_value(users)?),
        Format::Text if users.is_empty() => {
            print("There are no users, so nobody has to sign in. `powercrud user add NAME --staff` adds one.");
        }
        Format::Text => print(&table(
            &["name", "role", "attributes", "staff", "active", "email", "last login"],
            &users.iter().map(row).collect::<Vec<_>>(),
        )),
    }
    Ok(())
}

fn row(account: &Account) -> Vec<String> {
    let word = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    vec![
        account.name.clone(),
        account.role.clone().unwrap_or_default(),
        attributes(account),
        word(account.is_staff),
        word(account.is_active),
        account.email.clone().unwrap_or_default(),
        account.last_login_at.map_or_else(|| "never".into(), timestamp),
    ]
}

/// A password, never from the command line, where other users of the machine would see it: from the environment, else typed without
/// an echo, else the first line of standard input.
fn read_password() -> Result<String> {
    if let Some(password) = std::env::var_os(PASSWORD) {
        return password.into_string().map_err(|_| Usage(format!("{PASSWORD} is not UTF-8")).into());
    }
    if std::io::stdin().is_terminal() {
        let password = rpassword::prompt_password("Password: ").context("the password can't be read")?;
        let again = rpassword::prompt_password("Again: ").context("the password can't be read")?;
        return if password == again { Ok(password) } else { Err(Usage("the two passwords differ".into()).into()) };
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("the password can't be read")?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        let message =
            format!("a password is needed: type it at a terminal, set {PASSWORD}, or give it on standard input");
        return Err(Usage(message).into());
    }
    Ok(password.to_owned())
}
