use std::io;

/// Why a PACS did not do what it was asked. The text holds no address, no credential and nothing of the patient.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DicomwebError {
    /// A setting that cannot be used.
    #[error("{0}")]
    Config(String),
    /// A field that is no UID.
    #[error("{0}: not a DICOM UID (digits and dots, at most 64 characters)")]
    Uid(&'static str),
    /// A field that cannot be searched for.
    #[error("{0}: at most 64 characters, none of them a control character")]
    Query(&'static str),
    /// Nobody answers.
    #[error(
        "The PACS {0:?} cannot be reached. Check that it runs and that this machine may connect to it, then try again"
    )]
    Unreachable(String),
    /// Its certificate is not good.
    #[error(
        "The PACS {0:?} could not be trusted: its TLS certificate did not verify. Give the server the hospital's own \
         certificate authority with --pacs-ca, or have the certificate renewed"
    )]
    Untrusted(String),
    /// It wants credentials, or others.
    #[error("The PACS {0:?} refused the credentials it was given. Check --pacs-auth, and the rights of that user")]
    Denied(String),
    /// It sends elsewhere.
    #[error("The PACS {0:?} redirects to another address, which is not followed. Enter its final address")]
    Redirect(String),
    /// It has no such thing.
    #[error("The PACS {0:?} has no such study, series or instance. Search for it again")]
    NotFound(String),
    /// It stays busy.
    #[error("The PACS {0:?} is busy and stayed so. Try again in some minutes; what has arrived is kept")]
    Busy(String),
    /// It says no.
    #[error("The PACS {0:?} answered with HTTP status {1}")]
    Status(String, u16),
    /// Its answer cannot be understood.
    #[error("The answer of the PACS {0:?} cannot be used: {1}")]
    Answer(String, &'static str),
    /// More than is allowed.
    #[error("{0}")]
    TooLarge(String),
    /// It did not take an object.
    #[error("The PACS {0:?} did not store the object (failure reason {1}). Its log says more")]
    NotStored(String, u32),
    /// The local disk.
    #[error("What the PACS sent could not be written to the server's disk ({0}). Free disk space, then try again")]
    Disk(io::ErrorKind),
    /// Whoever asked went away.
    #[error("The load was stopped; what has arrived is kept, and asking again goes on from there")]
    Stopped,
}
