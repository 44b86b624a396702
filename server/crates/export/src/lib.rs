//! Masks and maps out: NIfTI-1 (`.nii`, `.nii.gz`; nifti1.h of the NIfTI DFWG) and NRRD (`.nrrd`,
//! gzip; "Definition of NRRD file format", Teem).
//!
//! | function | what it writes |
//! |---|---|
//! | [`write_labels`] | a label map of several masks, uint8, or uint16 where a label value needs it |
//! | [`write_segments`] | the same with names, colours and coded terms, as `.seg.nrrd` of 3D Slicer |
//! | [`write_map`] | a probability, uncertainty or guidance map, float32 |
//! | [`write_volume`] | an image in its stored scalar type, with its rescaling |
//! | [`dicom`] | DICOM SEG, RTSTRUCT and SR |
//!
//! The file's name chooses the format. A file appears whole or not at all: it is written beside its
//! place under a temporary name, brought to the disk, and then renamed. LPS becomes NIfTI's RAS
//! here and nowhere else; NRRD keeps LPS.

pub mod dicom;
mod error;
mod file;
mod nifti;
mod nrrd;
mod pixels;
mod slicer;

pub use error::ExportError;

use isochrone_volume::{Grid, Mask, Rescale, Volume, Voxels};
use ndarray::{Array3, ArrayView3};
use pixels::{Image, Scalar};
use std::path::Path;

/// Writes a label map on `grid`: 0 where no mask is set, else the value given with the mask.
/// Where masks overlap, the later one in the list wins.
///
/// # Errors
/// A mask on another grid, a label value of 0 or given twice, an unknown file format, or a disk
/// that fails.
pub fn write_labels(path: &Path, grid: &Grid, masks: &[(u16, &Mask)]) -> Result<(), ExportError> {
    label_map(path, grid, masks, &[])
}

/// Writes labels with their names, colours and coded terms: where the name ends in `.seg.nrrd`, as a segmentation
/// of 3D Slicer; in any other format as [`write_labels`] does, which has no room for them.
///
/// # Errors
/// As [`write_labels`].
pub fn write_segments(path: &Path, grid: &Grid, segments: &[(u16, dicom::Segment, &Mask)]) -> Result<(), ExportError> {
    let masks: Vec<(u16, &Mask)> = segments.iter().map(|(value, _, mask)| (*value, *mask)).collect();
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let keys = if name.ends_with(".seg.nrrd") { slicer::keys(segments) } else { Vec::new() };
    label_map(path, grid, &masks, &keys)
}

fn label_map(path: &Path, grid: &Grid, masks: &[(u16, &Mask)], keys: &[String]) -> Result<(), ExportError> {
    let mut seen = std::collections::BTreeSet::new();
    for (value, mask) in masks {
        if *value == 0 || !seen.insert(*value) {
            return Err(ExportError::Label(*value));
        }
        if mask.grid().as_ref() != grid {
            return Err(ExportError::Grid);
        }
    }
    if seen.iter().all(|v| *v <= 255) {
        write(path, grid, label_array::<u8>(grid, masks, |v| v as u8).view(), Rescale::IDENTITY, keys)
    } else {
        write(path, grid, label_array::<u16>(grid, masks, |v| v).view(), Rescale::IDENTITY, keys)
    }
}

/// Writes values `[k, j, i]` on `grid` as float32: a probability, an uncertainty, a guidance map.
///
/// # Errors
/// An array that does not fit the grid, an unknown file format, or a disk that fails.
pub fn write_map(path: &Path, grid: &Grid, values: ArrayView3<'_, f32>) -> Result<(), ExportError> {
    write(path, grid, values, Rescale::IDENTITY, &[])
}

/// Writes an image in its stored scalar type. NRRD has no field for a rescaling, so a volume that
/// has one is written there as float32 values.
///
/// # Errors
/// An unknown file format, or a disk that fails.
pub fn write_volume(path: &Path, volume: &Volume) -> Result<(), ExportError> {
    let (grid, rescale) = (volume.grid().as_ref(), volume.rescale());
    if rescale != Rescale::IDENTITY && Format::of(path)? == Format::Nrrd {
        let whole = isochrone_volume::VoxelBox::whole(grid.size());
        return write(path, grid, volume.values(&whole).view(), Rescale::IDENTITY, &[]);
    }
    match volume.voxels() {
        Voxels::U8(a) => write(path, grid, a.view(), rescale, &[]),
        Voxels::I8(a) => write(path, grid, a.view(), rescale, &[]),
        Voxels::U16(a) => write(path, grid, a.view(), rescale, &[]),
        Voxels::I16(a) => write(path, grid, a.view(), rescale, &[]),
        Voxels::U32(a) => write(path, grid, a.view(), rescale, &[]),
        Voxels::I32(a) => write(path, grid, a.view(), rescale, &[]),
        Voxels::U64(a) => write(path, grid, a.view(), rescale, &[]),
        Voxels::I64(a) => write(path, grid, a.view(), rescale, &[]),
        Voxels::F32(a) => write(path, grid, a.view(), rescale, &[]),
        Voxels::F64(a) => write(path, grid, a.view(), rescale, &[]),
    }
}

fn label_array<T: Copy + Default>(grid: &Grid, masks: &[(u16, &Mask)], of: fn(u16) -> T) -> Array3<T> {
    let mut labels = Array3::from_elem(grid.shape(), T::default());
    for (value, mask) in masks {
        labels.zip_mut_with(mask.voxels(), |label, &set| {
            if set {
                *label = of(*value);
            }
        });
    }
    labels
}

/// A file format, by the file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Nifti,
    NiftiGzip,
    Nrrd,
}

impl Format {
    fn of(path: &Path) -> Result<Self, ExportError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match name {
            n if n.ends_with(".nii") => Ok(Self::Nifti),
            n if n.ends_with(".nii.gz") => Ok(Self::NiftiGzip),
            n if n.ends_with(".nrrd") => Ok(Self::Nrrd),
            _ => Err(ExportError::Format),
        }
    }
}

fn write<T: Scalar>(
    path: &Path,
    grid: &Grid,
    voxels: ArrayView3<'_, T>,
    rescale: Rescale,
    keys: &[String],
) -> Result<(), ExportError> {
    let format = Format::of(path)?;
    let (k, j, i) = voxels.dim();
    if grid.shape() != [k, j, i] {
        return Err(ExportError::Grid);
    }
    let image = Image { grid, voxels, rescale };
    match format {
        Format::Nifti => {
            let header = nifti::header(&image)?;
            file::write(path, |out| {
                out.write_all(&header)?;
                image.write_to(out)
            })
        }
        Format::NiftiGzip => {
            let header = nifti::header(&image)?;
            file::write(path, |out| file::gzip(out, |out| out.write_all(&header).and_then(|()| image.write_to(out))))
        }
        Format::Nrrd => file::write(path, |out| {
            out.write_all(nrrd::header(&image, keys).as_bytes())?;
            file::gzip(out, |out| image.write_to(out))
        }),
    }
}
