//! A PACS, by DICOMweb (PS3.18): find series (QIDO-RS), load them (WADO-RS), store objects (STOW-RS).
//!
//! | rule | how it is kept |
//! |---|---|
//! | only servers that the site named | a request gives a name, never an address; [`PacsConfig`] is read from the command line |
//! | TLS is always verified | no option switches it off; plain `http` is refused but on loopback |
//! | redirects lead nowhere | none is followed, to this host or another; addresses in answers are not followed either |
//! | UIDs do not make paths | digits and dots, 64 at most, before they reach an address or a file's name |
//! | answers are bounded | every body has a limit; a multipart that does not end is refused |
//! | a busy PACS is left alone | 429 and 503 wait as `Retry-After` says, else longer and longer, with jitter |
//! | a broken load goes on | instances lie in a folder, each whole or not at all; what is there is not asked for again |
//!
//! Everything here blocks; the caller gives it threads.

mod config;
mod error;
mod find;
mod http;
mod load;
mod multipart;
mod store;

pub use config::{Auth, PacsConfig};
pub use error::DicomwebError;
pub use find::{FoundInstance, FoundSeries, SeriesQuery};
pub use load::{LoadLimits, Progress};
pub use store::Stored;

use ureq::Agent;

/// A DICOMweb server that the site allows.
#[derive(Debug, Clone)]
pub struct Pacs {
    config: PacsConfig,
    agent: Agent,
}

impl Pacs {
    /// Makes a client. Nothing is sent yet.
    ///
    /// # Errors
    /// Certificates that cannot be read.
    pub fn new(config: PacsConfig) -> Result<Self, DicomwebError> {
        let agent = http::agent(&config)?;
        Ok(Self { config, agent })
    }

    /// The name under which the site knows it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.config.name
    }
}

/// A UID that may become part of an address: digits and dots, 1 to 64 of them (PS3.5 9.1).
///
/// # Errors
/// Anything else.
pub fn checked_uid<'a>(what: &'static str, uid: &'a str) -> Result<&'a str, DicomwebError> {
    let good = (1..=64).contains(&uid.len())
        && uid.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && !uid.starts_with('.')
        && !uid.ends_with('.')
        && !uid.contains("..");
    if good { Ok(uid) } else { Err(DicomwebError::Uid(what)) }
}
