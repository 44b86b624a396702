//! Untrusted files are decoded in a child process of our own program.
//!
//! Parsers die of hostile files in ways that cannot be caught: a stack that overflows, memory that cannot be
//! had. In a child with limits of its own only the child dies, and the reader gets a sentence.
//!
//! Besides its limits the child gives up what decoding has no use for: it may not open a socket, start a program, or
//! change any file (on Linux, by a filter of system calls). It may still read what the server may read.
//!
//! The parent makes a piece of nameless shared memory and writes the request into it; the child gets it as its
//! standard input, sets its limits, decodes, leaves the voxels in the same memory and everything else as JSON on
//! its standard output. The parent believes neither: sizes and geometry are checked again.

mod child;
mod confine;
mod masks;
mod parent;
mod wire;

pub use child::run_child;

use crate::dicom::SeriesSummary;
use crate::masks::ReadMasks;
use crate::{Image, IntakeError, ReadOptions};
use isochrone_volume::{DAffine3, Grid};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Where files are decoded.
#[derive(Debug, Clone, Default)]
pub enum Decoder {
    /// In the caller's own process: for files that are trusted.
    #[default]
    InProcess,
    /// In a child process: for files from outside.
    Child(Child),
}

/// The program to start for each file, and how much it may use.
#[derive(Debug, Clone)]
pub struct Child {
    /// It is called with the one argument `decode`, which must end in [`run_child`].
    pub program: PathBuf,
    /// Address space above what the voxels themselves may take, bytes. Default 1 GiB.
    pub spare_bytes: u64,
    /// Processor time. Default 5 minutes.
    pub cpu: Duration,
    /// Time from start to end. Default 2 minutes.
    pub wall: Duration,
}

impl Decoder {
    /// A child process of this program, with the usual limits.
    #[must_use]
    pub fn child(program: PathBuf) -> Self {
        let (cpu, wall) = (Duration::from_secs(300), Duration::from_secs(120));
        Self::Child(Child { program, spare_bytes: 1 << 30, cpu, wall })
    }

    /// As [`crate::read_image`].
    ///
    /// # Errors
    /// As there; of a child also that it ended without an answer, or could not be started.
    pub fn read(&self, paths: &[PathBuf], options: &ReadOptions) -> Result<Image, IntakeError> {
        match self {
            Self::InProcess => crate::read_image(paths, options),
            Self::Child(child) => child.read(paths, options),
        }
    }

    /// As [`crate::masks::read`].
    ///
    /// # Errors
    /// As there, and as [`Decoder::read`].
    pub fn masks(
        &self,
        paths: &[PathBuf],
        grid: &Arc<Grid>,
        frame_of_reference: &str,
        options: &ReadOptions,
    ) -> Result<ReadMasks, IntakeError> {
        match self {
            Self::InProcess => crate::masks::read(paths, grid, frame_of_reference, &options.limits),
            Self::Child(child) => child.masks(paths, grid, frame_of_reference, options),
        }
    }

    /// As [`crate::dicom::read_registration`]: from the first frame of reference to the second.
    ///
    /// # Errors
    /// As there, and as [`Decoder::read`].
    pub fn registration(&self, path: &Path, frames: [&str; 2], options: &ReadOptions) -> Result<DAffine3, IntakeError> {
        match self {
            Self::InProcess => crate::dicom::read_registration(path, frames[0], frames[1], &options.limits),
            Self::Child(child) => child.registration(path, frames, options),
        }
    }

    /// As [`crate::list_series`].
    ///
    /// # Errors
    /// As [`Decoder::read`].
    pub fn list(&self, paths: &[PathBuf], options: &ReadOptions) -> Result<Vec<SeriesSummary>, IntakeError> {
        match self {
            Self::InProcess => crate::list_series(paths, options),
            Self::Child(child) => child.list(paths, options),
        }
    }
}
