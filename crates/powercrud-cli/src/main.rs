//! The `powercrud` server and command line.

mod args;
mod commands;
mod config;
mod demo;
mod exit;
mod output;
mod report;
mod server;
mod signal;
mod telemetry;
mod wait;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{args::Arguments, exit::Exit};

/// Bytes of a worker thread's stack.
const STACK: usize = 8 << 20;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A reader that has gone away does not matter: the status says it all.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Success }.into();
        }
    };
    let telemetry = telemetry::start(commands::log_level(&arguments));
    let exit = run(arguments);
    telemetry.end();
    exit
}

fn run(arguments: Arguments) -> ExitCode {
    // No request may end the process, however deep its futures are: 8 MiB, of which pages are used that are touched.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build();
    let runtime = match runtime {
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
