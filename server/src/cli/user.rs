//! `isochrone user`: accounts of a server.

use super::Usage;
use super::shared::print;
use crate::state::StateFolder;
use anyhow::Context;
use clap::{Args, Subcommand};
use isochrone_trust::{Role, Users, now};
use std::fmt::Write;
use std::path::PathBuf;

/// Options of `isochrone user`.
#[derive(Debug, Args)]
pub struct UserArgs {
    /// The server's folder, as given to `isochrone serve`
    #[arg(long, value_name = "DIR", env = "ISOCHRONE_STATE", global = true)]
    state: Option<PathBuf>,
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Make an account, and print its token: it is shown this once
    Add {
        /// Name: letters, digits, and . _ - @
        name: String,
        /// reader: own images and sessions; study-lead: may look at everybody's; admin: may change everything
        #[arg(long, default_value = "reader")]
        role: Role,
        /// Days for which the account is good [default: always]
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
        days: Option<u16>,
        /// Known by this client certificate (PEM) instead of a token
        #[arg(long, value_name = "PEM")]
        certificate: Option<PathBuf>,
    },
    /// Show the accounts
    List,
    /// Take an account away; a running server refuses it from its next request on
    Remove {
        /// Its name
        name: String,
    },
}

const DAY_S: i64 = 24 * 60 * 60;

/// Looks after accounts.
///
/// # Errors
/// A name that is taken or unknown; a file that cannot be used.
pub fn run(args: UserArgs) -> anyhow::Result<()> {
    let state = args.state.ok_or_else(|| Usage("--state: name the server's folder".to_owned()))?;
    let file = StateFolder::open(&state)?.users();
    match args.command {
        UserCommand::Add { name, role, days, certificate } => {
            let expires = days.map(|days| now() + i64::from(days) * DAY_S);
            let der = certificate.map(|path| certificate_of(&path)).transpose()?;
            let token = Users::edit(&file, |users| match &der {
                None => users.add(&name, role, expires).map(Some),
                Some(der) => users.add_certificate(&name, role, expires, der).map(|()| None),
            })?;
            eprintln!("{name} is a {role} now. A server that had no accounts asks for them after its next start.");
            if let Some(token) = token {
                eprintln!("The token, shown this once; clients send it as \"authorization: Bearer <token>\":");
                print(&format!("{token}\n"))?;
            }
        }
        UserCommand::List => {
            let mut report = String::new();
            for user in Users::load(&file)?.list() {
                let until = match user.expires {
                    None => String::new(),
                    Some(then) if then <= now() => ", expired".to_owned(),
                    Some(then) => format!(", {} more days", (then - now() + DAY_S - 1).div_euclid(DAY_S)),
                };
                writeln!(report, "{} ({}, {}{until})", user.name, user.role, user.known_by())?;
            }
            print(&report)?;
        }
        UserCommand::Remove { name } => {
            Users::edit(&file, |users| users.remove(&name))?;
            eprintln!("{name} is removed.");
        }
    }
    Ok(())
}

/// The first certificate of a PEM file, DER.
fn certificate_of(path: &std::path::Path) -> anyhow::Result<Vec<u8>> {
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    let certificate = CertificateDer::from_pem_file(path).context("--certificate: no PEM certificate in this file")?;
    Ok(certificate.as_ref().to_vec())
}
