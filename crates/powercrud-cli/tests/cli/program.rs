//! Running the program.

use std::process::{Command, Stdio};

use sea_orm::{ConnectionTrait as _, Statement};
use serde_json::Value;

use crate::support::TestDatabase;

/// How a run ended.
pub(crate) struct Run {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self}"))
    }

    /// Fails unless the exit status is `exit`.
    pub(crate) fn exits(self, exit: i32) -> Self {
        assert_eq!(self.exit, exit, "{self}");
        self
    }

    /// Fails unless standard error holds every one of `parts`.
    pub(crate) fn complains(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is missing in {self}");
        }
        self
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\nstdout: {}\nstderr: {}", self.exit, self.stdout, self.stderr)
    }
}

/// The program, alone with its arguments: no configuration and no variables of ours.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_powercrud"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("POWERCRUD_") || name == "RUST_LOG") {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn powercrud(arguments: &[&str]) -> Run {
    finish(command(arguments))
}

/// Runs a command to its end.
pub(crate) fn finish(mut command: Command) -> Run {
    let output = command.output().expect("the program starts");
    Run {
        exit: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs the program on a database.
pub(crate) fn on(database: &TestDatabase, arguments: &[&str]) -> Run {
    powercrud(&[arguments, &["--database", &database.url]].concat())
}

/// One number, from a SELECT that the test writes by itself.
pub(crate) async fn number(database: &TestDatabase, sql: &str) -> i64 {
    let connection = database.connection();
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await.unwrap().expect("a row");
    row.try_get_by_index(0).unwrap()
}
