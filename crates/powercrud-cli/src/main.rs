//! The `powercrud` server and command line.

mod args;
mod commands;
mod config;
mod demo;
mod exit;
mod output;
mod report;
mod wait;

use std::{io::IsTerminal as _, process::ExitCode};

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::{args::Arguments, exit::Exit};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A reader that has gone away does not matter: the status says it all.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Success }.into();
        }
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(commands::log_level(&arguments)));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: can't start: {error}");
            return Exit::Failure.into();
        }
    };
    let json = commands::wants_json(&arguments);
    match runtime.block_on(commands::run(arguments)) {
        Ok(exit) => exit.into(),
        Err(error) => {
            if json {
                output::print_json(&exit::to_json(&error));
            } else {
                eprintln!("error: {error:#}");
            }
            Exit::of(&error).into()
        }
    }
}
