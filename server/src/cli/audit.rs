//! `isochrone audit`: the trail of a server.

use super::Usage;
use super::shared::print;
use crate::state::StateFolder;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use isochrone_trust::audit;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

/// Options of `isochrone audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// The server's folder, as given to `isochrone serve`
    #[arg(long, value_name = "DIR", env = "ISOCHRONE_STATE", global = true)]
    state: Option<PathBuf>,
    /// The trail itself, if it lies elsewhere (a copy)
    #[arg(long, value_name = "FILE", global = true)]
    file: Option<PathBuf>,
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Follow the chain of hashes: was any line changed, taken out or put in?
    Verify {
        /// The newest hash as you noted it elsewhere: shows that nothing is missing at the end
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
    },
    /// Write the events as audit messages in the shape of DICOM PS3.15 A.5 (XML)
    Export {
        /// Where to
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// The server's name in the messages
        #[arg(long, default_value = "isochrone")]
        source: String,
    },
}

/// Verifies or exports a trail.
///
/// # Errors
/// The trail was tampered with, or a file cannot be used.
pub fn run(args: AuditArgs) -> anyhow::Result<()> {
    let path = match (args.file, args.state) {
        (Some(file), _) => file,
        (None, Some(state)) => StateFolder::open(&state)?.audit(),
        (None, None) => return Err(Usage("--state: name the server's folder".to_owned()).into()),
    };
    let trail = File::open(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    match args.command {
        AuditCommand::Verify { head } => {
            let checked = audit::verify(trail)?;
            if head.is_some_and(|head| head != checked.head) {
                bail!(
                    "The chain of {} events is whole, but its newest hash is {}: events are missing at its end or came after, or all of it was written anew",
                    checked.events,
                    checked.head
                );
            }
            let torn = if checked.torn > 0 { "; a last line is not finished" } else { "" };
            print(&format!("{} events, whole{torn}\nnewest hash {}\n", checked.events, checked.head))?;
        }
        AuditCommand::Export { out, source } => {
            let file = File::create_new(&out).with_context(|| format!("{} cannot be made", out.display()))?;
            let mut writer = BufWriter::new(file);
            let checked = audit::export(trail, &source, &mut writer)?;
            writer.flush().context("The file cannot be written")?;
            print(&format!("{} audit messages\n", checked.events))?;
        }
    }
    Ok(())
}
