use isochrone_volume::VolumeError;
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
    #[error("This is not a NIfTI or NRRD file: {0}")]
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
        field: &'static str,
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
    /// Beyond what the site allows or the machine can hold.
    #[error("The image is too large: {0}")]
    TooLarge(String),
    /// Size or geometry cannot be used.
    #[error(transparent)]
    Volume(#[from] VolumeError),
}

impl IntakeError {
    pub(crate) fn header(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Header { field, problem: problem.into() }
    }

    pub(crate) fn unsupported(what: impl Into<String>, instead: &'static str) -> Self {
        Self::Unsupported { what: what.into(), instead }
    }
}

fn times([i, j, k]: &[u64; 3]) -> String {
    format!("{i}×{j}×{k}")
}

/// A word from a header as it may appear in a message: short, printable, nothing else.
pub(crate) fn quoted(word: &str) -> String {
    let clean: String = word.chars().take(32).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    format!("\"{clean}\"")
}
