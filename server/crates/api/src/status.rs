//! The one table from errors to gRPC codes.

use crate::ApiError;
use isochrone_export::ExportError;
use isochrone_intake::dicomweb::DicomwebError;
use isochrone_intake::{FaultClass, IntakeError};
use isochrone_journal::JournalError;
use isochrone_prompt::PromptError;
use isochrone_segment::SegmentError;
use isochrone_session::SessionError;
use isochrone_volume::VolumeError;
use std::io::ErrorKind;
use tonic::{Code, Status};

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        let code = code(&error);
        // The text may hold what a reader typed: it goes to the reader alone, unless the fault is ours.
        match code {
            Code::Internal => tracing::error!("a request failed: {error}"),
            code => tracing::debug!("a request was refused: {code:?}"),
        }
        Self::new(code, error.to_string())
    }
}

fn code(error: &ApiError) -> Code {
    match error {
        ApiError::Field { .. } => Code::InvalidArgument,
        ApiError::Unknown(..) | ApiError::Missing(_) => Code::NotFound,
        ApiError::Full(_) => Code::ResourceExhausted,
        ApiError::NoEngine(_) => Code::Unavailable,
        ApiError::Forbidden | ApiError::NoPacs | ApiError::NotOurs => Code::PermissionDenied,
        ApiError::Dicomweb(error) => of_dicomweb(error),
        ApiError::Measure(_) => Code::FailedPrecondition,
        ApiError::State(_) => Code::FailedPrecondition,
        ApiError::Exists => Code::AlreadyExists,
        ApiError::Damaged(_) => Code::DataLoss,
        ApiError::Broken(_) => Code::Internal,
        ApiError::Session(error) => of_session(error),
        ApiError::Intake(error) => of_intake(error),
        ApiError::Export(error) => of_export(error),
        ApiError::Journal(error) => of_journal(error),
    }
}

fn of_journal(error: &JournalError) -> Code {
    match error {
        JournalError::Full | JournalError::Disk(_) | JournalError::Closed => Code::ResourceExhausted,
        JournalError::Busy => Code::Unavailable,
        JournalError::NotAJournal | JournalError::Volume | JournalError::NoVolume => Code::DataLoss,
    }
}

fn of_session(error: &SessionError) -> Code {
    match error {
        SessionError::UnknownLabel(_) | SessionError::UnknownPrompt(_) | SessionError::NoPolygon(_) => Code::NotFound,
        SessionError::Nothing(_)
        | SessionError::Taken(..)
        | SessionError::Locked(_)
        | SessionError::Name { .. }
        | SessionError::Prompt(PromptError::NoVertex { .. }) => Code::FailedPrecondition,
        SessionError::NotAlone | SessionError::NoClass { .. } => Code::InvalidArgument,
        SessionError::OfPrompt { source, .. } => of_session(source),
        SessionError::Revision { .. } => Code::Aborted,
        SessionError::Slice { .. } => Code::OutOfRange,
        SessionError::Prompt(PromptError::Outside { .. } | PromptError::NothingInside { .. }) => Code::OutOfRange,
        SessionError::Limit { .. } | SessionError::Marked(_) | SessionError::Memory(_) | SessionError::NotKept(_) => {
            Code::ResourceExhausted
        }
        SessionError::Record(_) => Code::DataLoss,
        SessionError::Prompt(_) | SessionError::Volume(_) => Code::InvalidArgument,
        SessionError::Proposal(_) => Code::Internal,
        SessionError::Segment(error) => of_segment(error),
    }
}

fn of_segment(error: &SegmentError) -> Code {
    match error {
        SegmentError::Cancelled => Code::Aborted,
        SegmentError::TooLong => Code::ResourceExhausted,
        SegmentError::NoPositivePrompt | SegmentError::NoSamples(_) | SegmentError::Unsupported(_) => {
            Code::FailedPrecondition
        }
        SegmentError::Volume(VolumeError::NotSet(_)) => Code::FailedPrecondition,
        SegmentError::Parameter(_) | SegmentError::Volume(_) => Code::InvalidArgument,
        SegmentError::Network(_) | SegmentError::Guidance(_) => Code::Internal,
    }
}

fn of_intake(error: &IntakeError) -> Code {
    match error.class() {
        FaultClass::Missing => Code::NotFound,
        FaultClass::Forbidden => Code::PermissionDenied,
        FaultClass::Unavailable => Code::Unavailable,
        FaultClass::Invalid => Code::InvalidArgument,
        FaultClass::Choice => Code::FailedPrecondition,
        FaultClass::Damaged => Code::DataLoss,
        FaultClass::TooLarge => Code::ResourceExhausted,
    }
}

fn of_dicomweb(error: &DicomwebError) -> Code {
    match error {
        DicomwebError::Uid(_) | DicomwebError::Query(_) => Code::InvalidArgument,
        DicomwebError::NotFound(_) => Code::NotFound,
        DicomwebError::TooLarge(_) => Code::ResourceExhausted,
        DicomwebError::Disk(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => Code::ResourceExhausted,
        DicomwebError::Stopped => Code::Cancelled,
        DicomwebError::Unreachable(_) | DicomwebError::Busy(_) | DicomwebError::Disk(_) => Code::Unavailable,
        DicomwebError::Config(_)
        | DicomwebError::Untrusted(_)
        | DicomwebError::Denied(_)
        | DicomwebError::Redirect(_)
        | DicomwebError::Status(..)
        | DicomwebError::Answer(..)
        | DicomwebError::NotStored(..) => Code::FailedPrecondition,
    }
}

fn of_export(error: &ExportError) -> Code {
    match error {
        ExportError::Format | ExportError::Label(_) | ExportError::Size(_) | ExportError::Code => Code::InvalidArgument,
        ExportError::Empty => Code::FailedPrecondition,
        ExportError::Grid | ExportError::Encode => Code::Internal,
        ExportError::Write(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => Code::ResourceExhausted,
        ExportError::Write(ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => Code::PermissionDenied,
        ExportError::Write(_) => Code::Unavailable,
    }
}
