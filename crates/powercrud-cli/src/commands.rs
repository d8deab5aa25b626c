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

use anyhow::{Context as _, Result};
use powercrud::{PowerCrud, Secret, db::Database};
use tokio_util::sync::CancellationToken;

use crate::{
    args::{Arguments, Bulk, Command, Connection, Format, TableFormat, Task, TaskCancel, Token, User},
    config::Config,
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
        _ => "warn,powercrud::backend=error",
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
        Command::Task(Task::Requeue(deed) | Task::Release(deed)) => deed.task.format == Format::Json,
        Command::Task(Task::Purge(purge)) => purge.format == Format::Json,
        Command::Token(Token::Create(token)) => token.format == Format::Json,
        Command::Token(Token::List(tokens)) => tokens.format == Format::Json,
        Command::Token(Token::Revoke(token)) => token.format == Format::Json,
        Command::User(User::List(list)) => list.format == Format::Json,
        _ => false,
    }
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
    Ok(match &config.settings.tables_schema {
        Some(schema) => powercrud::db::with_tables_in(database, schema)?,
        None => database,
    })
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
    open_with(connection, Config::load(connection.config.as_deref())?).await
}

/// A PowerCRUD over that database, with a configuration that was read already.
async fn open_with(connection: &Connection, config: Config) -> Result<PowerCrud> {
    let database = connect(connection, &config).await?;
    Ok(PowerCrud::builder(database).settings(config.settings).build().await?)
}

/// Cancelled by Ctrl-C, and by SIGTERM where there is such a thing.
pub(crate) fn stop_signal() -> Result<CancellationToken> {
    let token = CancellationToken::new();
    let stopped = token.clone();
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("can't listen for the signal to stop")?;
    tokio::spawn(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
        stopped.cancel();
    });
    Ok(token)
}
