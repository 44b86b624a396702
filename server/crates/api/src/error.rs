use isochrone_export::ExportError;
use isochrone_intake::IntakeError;
use isochrone_intake::dicomweb::DicomwebError;
use isochrone_journal::JournalError;
use isochrone_measure::MeasureError;
use isochrone_segment::SegmentError;
use isochrone_session::SessionError;

/// Why a request was refused. The text says what to do; it holds no path and nothing of the patient.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A field of the request is missing or wrong.
    #[error("{field}: {problem}")]
    Field {
        /// The field's name in the protocol.
        field: String,
        /// What is wrong, and what is right.
        problem: String,
    },
    /// An id that names nothing here.
    #[error("There is no {0} of this id on the server; it may have been closed, or the server was started anew. {1}")]
    Unknown(&'static str, &'static str),
    /// A file or folder that is not there.
    #[error("{0}")]
    Missing(&'static str),
    /// A limit of the server.
    #[error("{0}")]
    Full(String),
    /// A file that a request may not name.
    #[error("This path is not inside the folder that the server may use. Name a file below it")]
    Forbidden,
    /// A PACS that is not allowed.
    #[error("This server may not use a PACS of this name. ListPacs says which ones it may")]
    NoPacs,
    /// An engine that this server should have, and does not.
    #[error("The engine cannot be had on this server: {0}. Tell whoever runs it; the other engines work")]
    NoEngine(String),
    /// From a PACS.
    #[error(transparent)]
    Dicomweb(#[from] DicomwebError),
    /// From measuring.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// The request does not fit the present state.
    #[error("{0}")]
    State(String),
    /// Something is there already.
    #[error("There is a file of this name already. Choose another name, or set overwrite")]
    Exists,
    /// A file that is not to be replaced.
    #[error(
        "There is a file of this name that was not written here for you; such files are never replaced. Choose another name"
    )]
    NotOurs,
    /// Bytes that are not those that were announced.
    #[error("{0}")]
    Damaged(String),
    /// The server's own fault.
    #[error(
        "The server failed at this request ({0}). It goes on serving; repeat the request, and report it if it fails again"
    )]
    Broken(&'static str),
    /// From a session or its engine.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// From the server's folder of sessions.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// From an image file.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// From writing a file.
    #[error(transparent)]
    Export(#[from] ExportError),
}

impl ApiError {
    /// A wrong field.
    pub(crate) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Field { field: field.into(), problem: problem.into() }
    }
}

impl From<SegmentError> for ApiError {
    fn from(error: SegmentError) -> Self {
        Self::Session(error.into())
    }
}
