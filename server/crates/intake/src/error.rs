use crate::dicom::SeriesSummary;
use isochrone_volume::VolumeError;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io;

/// Why a file did not become a volume. The text says what is wrong and what to do; it holds no
/// path and nothing of the patient.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum IntakeError {
    /// The file could not be opened.
    #[error("The file could not be opened ({0}): check that it exists and that the server may read it")]
    Open(io::ErrorKind),
    /// The disk or the connection failed while the file was being read.
    #[error("The file could not be read to its end ({0}): try again, or copy it anew")]
    Read(io::ErrorKind),
    /// The content is of another kind, named here.
    #[error("This is not a NIfTI, NRRD or DICOM image: {0}")]
    NotAnImage(&'static str),
    /// A well-formed file with a feature that is not read.
    #[error("{what} cannot be read: {instead}")]
    Unsupported {
        /// The feature, by its name in the format.
        what: String,
        /// What to do instead.
        instead: &'static str,
    },
    /// More than one frame (time points, channels, vector components).
    #[error(
        "This {dimensions}-D image holds {frames} frames (time points, channels or components): save the one you need as a 3-D image"
    )]
    Frames {
        /// Number of dimensions that the header declares.
        dimensions: usize,
        /// Number of 3-D frames.
        frames: u64,
    },
    /// A header field contradicts the standard, the rest of the header or the file.
    #[error("The header's {field} cannot be used: {problem}. Export the image again")]
    Header {
        /// Name of the field in the standard.
        field: Cow<'static, str>,
        /// What is wrong with it.
        problem: String,
    },
    /// The file holds fewer voxels than its header declares.
    #[error(
        "The header says {} voxels, which take {expected} bytes, but the file holds no more than {found} bytes of them: \
         it is cut short, or its header is damaged. Copy or export it again",
        times(.size)
    )]
    Truncated {
        /// Voxels along `(i, j, k)` by the header.
        size: [u64; 3],
        /// Bytes that these voxels take.
        expected: u64,
        /// Bytes of them that are there, at most.
        found: u64,
    },
    /// A checksum does not match, or the compressed stream is broken.
    #[error("The file is damaged ({0}): copy or export it again")]
    Damaged(&'static str),
    /// A DICOM file that ends before what it declares.
    #[error("The DICOM file is cut short or damaged ({0}): copy or export it again")]
    DicomCut(String),
    /// One of the files of a series.
    #[error("{faults} of {total} files cannot be read, so the series would be incomplete. The first of them: {fault}")]
    OneOfMany {
        /// Files with a fault.
        faults: usize,
        /// Files in all.
        total: usize,
        /// What is wrong with the first.
        fault: Box<IntakeError>,
    },
    /// Several series, or stacks of slices, where one is needed.
    #[error("There are {} series to choose from; name one: {}", .0.len(), choices(.0))]
    Choose(Vec<SeriesSummary>),
    /// Slices that form no volume.
    #[error("The slices cannot be stacked: {0}")]
    Slices(String),
    /// Slices are missing.
    #[error("{0}. Export the series again with all slices, or allow gaps: they are then left blank")]
    Gap(String),
    /// SUV was asked for and cannot be worked out.
    #[error("SUV cannot be worked out: {0}")]
    Suv(String),
    /// The process that decodes ended without an answer.
    #[error("The file could not be decoded: {0}. It is damaged, or made to do harm; export it again")]
    Decoder(&'static str),
    /// The process that decodes could not be started.
    #[error("The decoder could not be started ({0}): tell whoever runs the server")]
    NoDecoder(io::ErrorKind),
    /// What the decoding process answered.
    #[error("{text}")]
    Answered {
        /// Kind of fault.
        class: FaultClass,
        /// The sentence of the error there.
        text: String,
    },
    /// Beyond what the site allows or the machine can hold.
    #[error("The image is too large: {0}")]
    TooLarge(String),
    /// Size or geometry cannot be used.
    #[error(transparent)]
    Volume(#[from] VolumeError),
}

impl IntakeError {
    /// What kind of fault it is.
    #[must_use]
    pub fn class(&self) -> FaultClass {
        match self {
            Self::Open(io::ErrorKind::NotFound) => FaultClass::Missing,
            Self::Open(io::ErrorKind::PermissionDenied) => FaultClass::Forbidden,
            Self::Open(_) | Self::Read(_) | Self::NoDecoder(_) => FaultClass::Unavailable,
            Self::NotAnImage(_)
            | Self::Unsupported { .. }
            | Self::Frames { .. }
            | Self::Header { .. }
            | Self::Slices(_)
            | Self::Volume(_) => FaultClass::Invalid,
            Self::Choose(_) | Self::Gap(_) | Self::Suv(_) => FaultClass::Choice,
            Self::Truncated { .. } | Self::Damaged(_) | Self::DicomCut(_) => FaultClass::Damaged,
            Self::Decoder(_) => FaultClass::Invalid,
            Self::TooLarge(_) => FaultClass::TooLarge,
            Self::OneOfMany { fault, .. } => fault.class(),
            Self::Answered { class, .. } => *class,
        }
    }

    pub(crate) fn header(field: impl Into<Cow<'static, str>>, problem: impl Into<String>) -> Self {
        Self::Header { field: field.into(), problem: problem.into() }
    }

    pub(crate) fn unsupported(what: impl Into<String>, instead: &'static str) -> Self {
        Self::Unsupported { what: what.into(), instead }
    }
}

/// What kind of fault an error is: a server has a code for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultClass {
    /// There is no such file.
    Missing,
    /// The file may not be read.
    Forbidden,
    /// Disk or machine failed; it may work later.
    Unavailable,
    /// The file is not what can be read.
    Invalid,
    /// The caller must decide something first.
    Choice,
    /// The file is damaged.
    Damaged,
    /// Beyond a limit.
    TooLarge,
}

fn choices(list: &[SeriesSummary]) -> String {
    let shown = list.iter().take(12).enumerate().map(|(n, s)| format!("{}: {} ({})", n + 1, s.line(), s.choice));
    let more = if list.len() > 12 { "; …" } else { "" };
    shown.collect::<Vec<_>>().join("; ") + more
}

fn times([i, j, k]: &[u64; 3]) -> String {
    format!("{i}×{j}×{k}")
}

/// A word from a header as it may appear in a message: short, printable, nothing else.
pub(crate) fn quoted(word: &str) -> String {
    let clean: String = word.chars().take(32).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    format!("\"{clean}\"")
}
