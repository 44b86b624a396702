//! What can go wrong at this end of the wire.

use isochrone_volume::VolumeError;

/// Why a server gave no answer, or none that can be used. The text tells the caller what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error("No server answers on {0}; start one with `isochrone serve`, or check the address")]
    Unreachable(String),
    /// The server said no, and why.
    #[error("The server refuses ({:?}): {}", .0.code(), .0.message())]
    Refused(Box<tonic::Status>),
    /// The server said something that the protocol does not know: client and server are of different versions.
    #[error("{0}; client and server should be of one version")]
    Answer(String),
    /// Geometry or a mask change that cannot be used.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// A file that cannot be uploaded.
    #[error("{0}")]
    File(String),
    /// A label that the session does not have.
    #[error("The session has no label {0}; choose one of those it lists, or add one")]
    NoLabel(u32),
}

impl ClientError {
    pub(crate) fn answer(text: impl Into<String>) -> Self {
        Self::Answer(text.into())
    }
}

impl From<tonic::Status> for ClientError {
    fn from(status: tonic::Status) -> Self {
        Self::Refused(Box::new(status))
    }
}
