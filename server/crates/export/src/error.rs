use std::io;

/// Why nothing was written. The text holds no path and nothing of the patient.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The file's name ends in none of the known formats.
    #[error("The file's name must end in .nii, .nii.gz or .nrrd")]
    Format,
    /// Mask or map and reference are not on one grid.
    #[error("The mask or map does not lie on the grid of the image; resample it first")]
    Grid,
    /// A label value that cannot be written.
    #[error("The label value {0} cannot be written: every label needs its own value from 1 to 65535")]
    Label(u16),
    /// An axis that NIfTI-1 cannot count.
    #[error("An axis of {0} voxels does not fit into NIfTI-1 (at most 32767); save as .nrrd")]
    Size(usize),
    /// Nothing to write.
    #[error("There is nothing to write: no voxel is set in the labels that were chosen")]
    Empty,
    /// A code that DICOM cannot hold.
    #[error(
        "This is not a code. Name a term of the dictionary, such as Lung, or write SCHEME:VALUE:MEANING, such as \
         SCT:39607008:Lung (at most 16, 64 and 64 characters)"
    )]
    Code,
    /// The encoder refused.
    #[error(
        "The DICOM object could not be encoded; this is a fault of Isochrone. Report it, and export NIfTI meanwhile"
    )]
    Encode,
    /// The disk refused.
    #[error(
        "The file could not be written ({0}); nothing was saved. Free disk space or choose another folder, then save again"
    )]
    Write(io::ErrorKind),
}
