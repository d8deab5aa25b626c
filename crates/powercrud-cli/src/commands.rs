//! One file for each command; here is what they share.

mod bulk;
mod check;
mod demo;
mod migrate;
mod resources;
mod serve;
mod task;
mod token;
mod uninstall;
mod user;
mod worker;

use anyhow::Result;
use powercrud::{PowerCrud, Secret, db::Database};

use crate::{
    args::{Arguments, Bulk, Command, Connection, Format, TableFormat, Task, TaskCancel, Token, User},
    config::{Config, Draft},
    exit::{Exit, Usage},
};

/// Carries a command out.
pub(crate) async fn run(arguments: Arguments) -> Result<Exit> {
    match arguments.command {
        Command::Demo(demo) => demo::run(demo).await,
        Command::Serve(serve) => serve::run(serve).await,
        Command::Worker(worker) => worker::run(worker).await,
        Command::Migrate(connection) => migrate::run(connection).await,
        Command::Check(connection) => check::run(connection).await,
        Command::Uninstall(uninstall) => uninstall::run(uninstall).await,
        Command::Resources(resources) => resources::run(resources).await,
        Command::Bulk(bulk) => bulk::run(bulk).await,
        Command::Task(task) => task::run(task).await,
        Command::Token(token) => token::run(token).await,
        Command::User(user) => user::run(user).await,
    }
}

/// What is logged unless RUST_LOG says otherwise: servers tell what they do, commands only what is wrong.
pub(crate) fn log_level(arguments: &Arguments) -> &'static str {
    match arguments.command {
        Command::Demo(_) | Command::Serve(_) | Command::Worker(_) => "info,sqlx=warn,sea_orm_migration=warn",
        // What this process does itself needs no other worker.
        _ => "warn,powercrud_engine::backend=error",
    }
}

/// Whether a program reads the answer.
pub(crate) fn wants_json(arguments: &Arguments) -> bool {
    match &arguments.command {
        Command::Resources(resources) => resources.format == TableFormat::Json,
        Command::Bulk(Bulk::Update(update)) => update.run.format == Format::Json,
        Command::Bulk(Bulk::Delete(delete)) => delete.run.format == Format::Json,
        Command::Task(Task::List(list)) => list.format == Format::Json,
        Command::Task(Task::Show(task) | Task::Cancel(TaskCancel { task, .. }) | Task::Retry(task)) => {
            task.format == Format::Json
        }
        Command::Task(Task::Revert(revert)) => revert.task.format == Format::Json,
        Command::Task(Task::Requeue(action) | Task::Release(action)) => action.task.format == Format::Json,
        Command::Task(Task::Purge(purge)) => purge.format == Format::Json,
        Command::Token(Token::Create(token)) => token.format == Format::Json,
        Command::Token(Token::List(tokens)) => tokens.format == Format::Json,
        Command::Token(Token::Revoke(token)) => token.format == Format::Json,
        Command::User(User::List(list)) => list.format == Format::Json,
        _ => false,
    }
}

/// The configuration, or every mistake in it at once: also those that only the database can tell, where it answers.
async fn configuration(connection: &Connection) -> Result<Config> {
    let Draft { config, mut mistakes } = Config::load(connection.config.as_deref())?;
    if mistakes.is_empty() {
        return Ok(config);
    }
    let found = match connect_to_look(connection, &config).await {
        Ok(database) => build(database, config, false).await.err(),
        Err(error) => Some(error),
    };
    if let Some(powercrud::Error::Configuration(found)) = found.and_then(|error| error.downcast().ok()) {
        mistakes.extend(found);
    }
    Err(powercrud::Error::Configuration(mistakes).into())
}

/// The database that the command line, the environment or the configuration names.
async fn connect(connection: &Connection, config: &Config) -> Result<Database> {
    with_settings(Database::connect(address(connection, config)?).await, config)
}

/// The same database, to have a look that leaves no trace.
async fn connect_to_look(connection: &Connection, config: &Config) -> Result<Database> {
    with_settings(Database::connect_to_look(address(connection, config)?).await, config)
}

fn with_settings(database: Result<Database, powercrud::db::Error>, config: &Config) -> Result<Database> {
    let database = database.map_err(powercrud::Error::from)?;
    Ok(powercrud::db::with_settings(database, &config.settings).map_err(|error| config.places.place(error))?)
}

fn address<'a>(connection: &'a Connection, config: &'a Config) -> Result<&'a str> {
    let url = connection.database.as_deref().or(config.database_url.as_ref().map(Secret::reveal)).ok_or_else(|| {
        Usage(
            "which database? Give --database URL, set POWERCRUD_DATABASE_URL, or put database_url into powercrud.toml"
                .into(),
        )
    })?;
    Ok(url)
}

/// A PowerCRUD over that database.
async fn open(connection: &Connection) -> Result<PowerCrud> {
    open_with(connection, configuration(connection).await?).await
}

/// The same, to have a look that leaves no trace.
async fn look_at(connection: &Connection) -> Result<PowerCrud> {
    let config = configuration(connection).await?;
    let database = connect_to_look(connection, &config).await?;
    build(database, config, false).await
}

/// A PowerCRUD over that database, with a configuration that was read already.
async fn open_with(connection: &Connection, config: Config) -> Result<PowerCrud> {
    let database = connect(connection, &config).await?;
    build(database, config, true).await
}

/// A PowerCRUD over `database` with that configuration, whose mistakes are told with their places.
async fn build(database: Database, config: Config, migrate: bool) -> Result<PowerCrud> {
    let builder = PowerCrud::builder(database).all_settings(config.settings).migrate(migrate);
    Ok(builder.build().await.map_err(|error| config.places.place(error))?)
}
