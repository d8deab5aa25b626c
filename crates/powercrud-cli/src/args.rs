//! The command line's grammar. Nothing here does anything.

mod bulk;
mod setup;
mod token;
mod user;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::demo::DEFAULT_BOOKS;
pub(crate) use bulk::{Bulk, Changes};
pub(crate) use setup::{Resources, Uninstall};
pub(crate) use token::{Token, TokenCreate, TokenList, TokenRevoke};
pub(crate) use user::{User, UserList, UserRole};

/// CRUD pages and bulk edits that never time out, for any SQLite, PostgreSQL or MySQL/MariaDB database
#[derive(Debug, Parser)]
#[command(name = "powercrud", version, after_help = EXIT_STATUS)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_STATUS: &str = "\
Exit status: 0 all succeeded, 2 some or all records failed, 3 another bulk task is in the way, 64 wrong usage, 1 any other failure.
Log lines go to standard error; RUST_LOG says which (such as RUST_LOG=powercrud=debug).";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a bookshop of 100,000 books in SQLite and serve it
    Demo(Demo),
    /// Serve the pages of a database, with a worker in the same process
    Serve(Serve),
    /// Run bulk tasks, without pages
    Worker(Worker),
    /// Create or update PowerCRUD's own tables
    Migrate(Connection),
    /// Check configuration, connection, migrations and live workers
    Check(Connection),
    /// Remove PowerCRUD's own tables, and nothing else
    Uninstall(Uninstall),
    /// List what was discovered, and why a thing is read-only
    Resources(Resources),
    /// Change or delete many records, or do an action to them
    #[command(subcommand)]
    Bulk(Bulk),
    /// Look at bulk tasks and control them
    #[command(subcommand)]
    Task(Task),
    /// Make and revoke tokens for the JSON API
    #[command(subcommand)]
    Token(Token),
    /// Add and look after the users who may sign in; as soon as there is one, the server asks for login
    #[command(subcommand)]
    User(User),
}

#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// Database address, such as sqlite:shop.db, postgres://user@host/shop or mysql://user@host/shop; without it,
    /// POWERCRUD_DATABASE_URL counts, then database_url in the configuration
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// Configuration file [default: powercrud.toml where there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Address and port to listen on [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDR")]
    pub(crate) bind: Option<SocketAddr>,
    /// Listen on an address that other machines reach, although there are no users: whoever reaches it can change everything
    #[arg(long)]
    pub(crate) allow_remote: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How many books
    #[arg(long, value_name = "N", default_value_t = DEFAULT_BOOKS, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) rows: u64,
    /// Where the bookshop is kept
    #[arg(long, value_name = "DIR", default_value = "powercrud-demo")]
    pub(crate) data_dir: PathBuf,
    /// Ask for login: makes the users ann (staff) and bob, with new passwords that are printed
    #[arg(long)]
    pub(crate) login: bool,
    /// Throw an existing bookshop away and make it anew
    #[arg(long)]
    pub(crate) reset: bool,
    #[command(flatten)]
    pub(crate) listen: Listen,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) listen: Listen,
    /// Leave bulk tasks to workers of other processes
    #[arg(long)]
    pub(crate) no_worker: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Worker {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// How many tasks run at a time [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) concurrency: Option<u16>,
    /// Serve /metrics, /healthz and /readyz of this process there
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableFormat {
    #[default]
    Table,
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Selection {
    /// Records that match; OP is exact, ne, contains, startswith, gt, gte, lt, lte, in or isnull; may be repeated, all must hold
    #[arg(long, value_name = "FIELD[__OP]=VALUE", value_parser = assignment)]
    pub(crate) filter: Vec<(String, String)>,
    /// Records by key, separated by commas; a composite key is a JSON array of texts, such as ["1","3402"]
    #[arg(long, value_name = "KEYS", value_parser = ids)]
    pub(crate) ids: Option<Ids>,
    /// Every record
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Show what would happen and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Don't wait for the end: leave the work to a worker
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) no_wait: bool,
    /// Refuse to do anything where another number of records is selected
    #[arg(long, value_name = "N")]
    pub(crate) expected_count: Option<u64>,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// The latest bulk tasks
    List(TaskList),
    /// One bulk task, with the records that failed
    Show(TaskCommand),
    /// Stop a bulk task; what is committed stays
    Cancel(TaskCancel),
    /// Run the failed and unattempted records of a bulk task again, as a new task
    Retry(TaskCommand),
    /// Write a task's records by outcome, with what their fields hold now
    Results(TaskResults),
    /// Restore what an ended bulk task overwrote or deleted, as a new task; records that changed since are skipped and named
    Revert(TaskRevert),
    /// Queue a running task again whose worker is dead; refused where it lives
    Requeue(StaffAction),
    /// End a task that no living worker has, so that its locks go; what is committed stays
    Release(StaffAction),
    /// Delete tasks that ended long ago, with all that was kept of them
    Purge(TaskPurge),
}

#[derive(Debug, Args)]
pub(crate) struct TaskList {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct TaskCommand {
    /// The task's id
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct TaskResults {
    /// The task's id
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Which records
    #[arg(long, value_enum)]
    pub(crate) outcome: Outcome,
    /// CSV for spreadsheets (a text that one would run as a formula begins with an apostrophe), or JSON Lines, exactly as stored
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ResultFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Outcome {
    /// Those that were done
    Succeeded,
    /// Those that were refused, each with field and reason
    Failed,
    /// Those that were not tried, or not yet
    Unprocessed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResultFormat {
    #[default]
    Csv,
    Jsonl,
}

#[derive(Debug, Args)]
pub(crate) struct TaskRevert {
    #[command(flatten)]
    pub(crate) task: TaskCommand,
    /// Don't wait for the end: leave the work to a worker
    #[arg(long)]
    pub(crate) no_wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TaskCancel {
    #[command(flatten)]
    pub(crate) task: TaskCommand,
    /// Why; kept in the audit trail. Needed where a user submitted the task
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StaffAction {
    #[command(flatten)]
    pub(crate) task: TaskCommand,
    /// Why; kept in the audit trail
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct TaskPurge {
    /// Those that ended more than so many days ago
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=36_525))]
    pub(crate) older_than: u64,
    /// Why; kept in the audit trail
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// Record keys of `--ids`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ids(pub(crate) Vec<String>);

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((field, value)) if !field.is_empty() => Ok((field.to_owned(), value.to_owned())),
        _ => Err("a field, =, and a value are needed".into()),
    }
}

/// Splits at commas, but not inside the JSON array that a composite key is.
fn ids(text: &str) -> Result<Ids, String> {
    let mut keys = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let key;
        if rest.starts_with('[') {
            let mut parts = serde_json::Deserializer::from_str(rest).into_iter::<Vec<String>>();
            let parsed = parts.next().transpose();
            if !matches!(parsed, Ok(Some(_))) {
                return Err(format!("a composite key is a JSON array of texts, such as [\"1\",\"2\"], not {rest}"));
            }
            (key, rest) = rest.split_at(parts.byte_offset());
        } else {
            (key, rest) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
        }
        if !key.trim().is_empty() {
            keys.push(key.trim().to_owned());
        }
        rest = match rest.trim_start() {
            "" => "",
            more => more.strip_prefix(',').ok_or_else(|| format!("a comma is missing before {more}"))?.trim_start(),
        };
    }
    if keys.is_empty() { Err("at least one key is needed".into()) } else { Ok(Ids(keys)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_ids(text: &str, expected: Option<&[&str]>) {
        let got = ids(text).ok().map(|ids| ids.0);
        assert_eq!(got, expected.map(|keys| keys.iter().map(ToString::to_string).collect()), "{text:?}");
    }

    #[test]
    fn ids_are_split_at_commas_outside_composite_keys() {
        check_ids("1,2, 3", Some(&["1", "2", "3"]));
        check_ids(r#"["1","2"],["3","a,]b"]"#, Some(&[r#"["1","2"]"#, r#"["3","a,]b"]"#]));
        check_ids(r#"["1","2"] , 7"#, Some(&[r#"["1","2"]"#, "7"]));
        check_ids("a[1],b", Some(&["a[1]", "b"]));
        check_ids(r#"["1","2"]["3","4"]"#, None);
        check_ids("[1,2]", None);
        check_ids("[\"1\"", None);
        check_ids(" , ", None);
    }

    #[test]
    fn the_grammar_is_sound_and_refuses_half_requests() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
        let parses = |line: &str| Arguments::try_parse_from(line.split(' ')).is_ok();
        assert!(parses(
            "powercrud bulk update Track --set UnitPrice=1.29 --filter GenreId=1 --filter Name__contains=a=b --format json"
        ));
        assert!(parses("powercrud bulk update Track --null Composer --ids 1,2,3"));
        assert!(parses("powercrud bulk update Track --add Playlists=1,2 --remove Playlists=3 --clear Tags --all"));
        assert!(parses("powercrud bulk delete Genre --all --dry-run"));
        assert!(!parses("powercrud bulk update Track --set UnitPrice=1.29"));
        assert!(!parses("powercrud bulk update Track --all"));
        assert!(!parses("powercrud bulk delete Genre --all --ids 1"));
        assert!(!parses("powercrud bulk delete Genre --filter GenreId"));
        assert!(!parses("powercrud bulk delete Genre --all --dry-run --no-wait"));
        assert!(parses("powercrud task purge --older-than 30 --reason x"));
        assert!(!parses("powercrud task requeue 7"));
    }
}
