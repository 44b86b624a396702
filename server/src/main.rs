//! Isochrone: from a click on a medical image to a 3D mask, and to the slice to look at next.
//!
//! Reads top to bottom: parse the command line, start the log, run the command, and turn its
//! outcome into an exit code (0 done, 64 wrong usage or configuration, 1 anything else).

mod access;
mod cli;
mod client;
mod config;
mod engines;
mod state;
mod transport;

use clap::Parser;
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Wrong usage or configuration (`EX_USAGE` of sysexits).
const EXIT_USAGE: u8 = 64;

fn main() -> ExitCode {
    keep_libraries_quiet();
    if std::env::args_os().nth(1).is_some_and(|command| command == "decode") {
        // The child that decodes files from outside: no command line, no log, no threads but its own.
        return isochrone_intake::run_child();
    }
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(help) if !help.use_stderr() => {
            let _ = help.print();
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            let _ = wrong.print();
            return ExitCode::from(EXIT_USAGE);
        }
    };
    start_log();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("isochrone: {error:#}");
            ExitCode::from(if error.is::<cli::Usage>() { EXIT_USAGE } else { 1 })
        }
    }
}

/// ONNX Runtime sends telemetry to its vendor unless the environment forbids it before it is loaded.
#[allow(unsafe_code)]
fn keep_libraries_quiet() {
    let (name, value) = isochrone_network::TELEMETRY_OFF;
    // SAFETY: the first thing that the program does, while it has one thread: nobody else reads or writes variables.
    unsafe { std::env::set_var(name, value) };
}

/// Log lines go to stderr, filtered by `RUST_LOG` (default `info`); they hold neither patient data
/// nor the paths of images. Of other people's libraries only warnings are heard, whatever `RUST_LOG` says: what they
/// would tell beyond that holds queries, answers and passwords of archives.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours).with_target(false);
    let ours = filter_fn(|about| about.target().starts_with("isochrone") || *about.level() <= tracing::Level::WARN);
    tracing_subscriber::registry().with(lines.with_filter(ours)).with(filter).init();
}
