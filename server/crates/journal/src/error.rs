use std::io::ErrorKind;

/// Why a file of this crate cannot be used. The text holds no path and nothing of the patient.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk has no room, or the file may not grow.
    #[error(
        "The server's disk is full; your last step was not saved and is not done. Tell whoever runs the server, then repeat it"
    )]
    Full,
    /// The disk refused, or did not confirm that it has the bytes.
    #[error(
        "The server's disk did not confirm ({0}); your last step was not saved and is not done. Tell whoever runs the server, then repeat it"
    )]
    Disk(ErrorKind),
    /// An earlier write failed and could not be taken back.
    #[error(
        "This session cannot be saved since a fault of the server's disk; all that was acknowledged before is kept. Tell whoever runs the server, then repeat the step"
    )]
    Closed,
    /// Another process writes it.
    #[error("Another server has this session open")]
    Busy,
    /// Not a journal, or one of another version.
    #[error(
        "This is not a journal of this version of Isochrone: open the session anew, or with the version that kept it"
    )]
    NotAJournal,
    /// A volume's file is not what its name says.
    #[error("The stored image is damaged. Load the image again")]
    Volume,
    /// A volume's file is not there.
    #[error("The stored image is missing. Load the image again")]
    NoVolume,
}

impl From<std::io::Error> for JournalError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Self::Full,
            kind => Self::Disk(kind),
        }
    }
}
