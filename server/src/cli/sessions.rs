//! `isochrone sessions`: what a server keeps of sessions, beside it or while it is stopped.

use super::Usage;
use super::shared::print;
use crate::state::StateFolder;
use clap::{Args, Subcommand};
use isochrone_api::Vault;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::SystemTime;

/// Options of `isochrone sessions`.
#[derive(Debug, Args)]
pub struct SessionsArgs {
    /// The server's folder, as given to `isochrone serve`
    #[arg(long, value_name = "DIR", env = "ISOCHRONE_STATE", global = true)]
    state: Option<PathBuf>,
    #[command(subcommand)]
    command: SessionsCommand,
}

#[derive(Debug, Subcommand)]
enum SessionsCommand {
    /// Show the sessions, the one that changed last at the end
    List,
    /// Delete sessions, and the images that no other session needs; what a running server has open is left
    Delete {
        /// Their ids
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Delete sessions that have not changed for a while, and the images that no other session needs; what a running
    /// server has open is left
    Prune {
        /// Days without a change
        #[arg(long)]
        days: u16,
    },
}

const DAY_S: u64 = 24 * 60 * 60;

/// Looks after kept sessions.
///
/// # Errors
/// A session that a running server has open; an unknown session; the disk.
pub fn run(args: SessionsArgs) -> anyhow::Result<()> {
    let state = args.state.ok_or_else(|| Usage("--state: name the server's folder".to_owned()))?;
    let state = StateFolder::open(&state)?;
    let vault = Vault::visit(state.path())?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    match args.command {
        SessionsCommand::List => {
            let mut report = String::new();
            for s in vault.list()? {
                let days = now.saturating_sub(s.changed_s) / DAY_S;
                write!(
                    report,
                    "{}  {}  {} changes, {} KiB, last {days} days ago",
                    s.id,
                    isochrone_trust::name_of_account(&s.owner),
                    s.changes,
                    s.bytes / 1024
                )?;
                if let Some(good) = s.damaged_after {
                    write!(report, ", damaged after change {good}")?;
                }
                report.push('\n');
            }
            print(&report)?;
            return Ok(());
        }
        SessionsCommand::Delete { ids } => {
            for id in ids {
                if !vault.delete_at_rest(&id)? {
                    return Err(Usage(format!("There is no session {id}; `isochrone sessions list` shows them")).into());
                }
            }
        }
        SessionsCommand::Prune { days } => {
            let old = |changed_s: u64| now.saturating_sub(changed_s) >= u64::from(days) * DAY_S;
            for session in vault.list()?.iter().filter(|s| old(s.changed_s)) {
                match vault.delete_at_rest(&session.id) {
                    Ok(_) => eprintln!("{} is deleted.", session.id),
                    Err(error) => eprintln!("{} is left: {error}.", session.id),
                }
            }
        }
    }
    let gone = vault.sweep()?;
    eprintln!("{gone} images are deleted.");
    Ok(())
}
