//! Masks in: DICOM Segmentation and RT Structure Set, onto the grid of an image, to be refined.
//!
//! | object | what is read |
//! |---|---|
//! | Segmentation, BINARY and FRACTIONAL (1.2.840.10008.5.1.4.1.1.66.4) | 1 and 8 bits, frames in any order, with or without the empty ones; a fraction counts from one half |
//! | Label Map Segmentation (….66.7) | 8 and 16 bits |
//! | the same, compressed | 8 and 16 bits, in the lossless syntaxes of images: RLE, JPEG, JPEG-LS, JPEG 2000 |
//! | RT Structure Set (….481.3) | closed planar contours parallel to the image's slices; nested contours make holes, keyholes are understood |
//!
//! The object must lie in the image's frame of reference: masks are not registered, they are refused. Voxels are
//! taken from the nearest one of the object, so on the image's own grid they come back one for one.

mod contours;
mod dataset;
mod frames;
mod segments;

use crate::dicom::{Fields, Part10, Pixels, format, gather};
use crate::gate::human;
use crate::{IntakeError, Limits};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use isochrone_volume::{Grid, Mask};
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

/// One mask of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadMask {
    /// Segment or ROI number.
    pub number: u32,
    /// What it was called; may be empty.
    pub name: String,
    /// On the image's grid; may be empty, if the object lies elsewhere.
    pub mask: Mask,
}

/// All masks of an object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadMasks {
    /// By number.
    pub masks: Vec<ReadMask>,
    /// What the reader should know, one sentence each.
    pub warnings: Vec<String>,
}

/// Takes the masks of an object onto a grid. `pixels` are those of the object, not compressed; a structure set has none.
///
/// # Errors
/// Another frame of reference, another kind of object, a structure that cannot be, or geometry that does not fit.
pub fn from_object(
    header: &InMemDicomObject,
    pixels: &[u8],
    grid: &Arc<Grid>,
    frame_of_reference: &str,
) -> Result<ReadMasks, IntakeError> {
    match dataset::text(header, tags::SOP_CLASS_UID).as_str() {
        "1.2.840.10008.5.1.4.1.1.66.4" | "1.2.840.10008.5.1.4.1.1.66.7" => {
            segments::read(header, pixels, grid, frame_of_reference)
        }
        "1.2.840.10008.5.1.4.1.1.481.3" => contours::read(header, grid, frame_of_reference),
        _ => Err(IntakeError::unsupported(
            "This kind of DICOM object",
            "name a DICOM Segmentation or an RT Structure Set",
        )),
    }
}

/// An object of another patient space.
fn other_frame() -> IntakeError {
    IntakeError::header(
        "frame of reference",
        "the masks lie in another frame of reference than the image; load the image that they were drawn on",
    )
}

/// Reads the masks of DICOM files, or of all files of a folder, onto a grid. In the caller's own process: for files
/// from outside use [`Decoder::masks`](crate::Decoder::masks).
///
/// # Errors
/// As [`from_object`]; a file that cannot be opened, is not DICOM, is damaged or beyond the limits.
pub fn read(
    paths: &[PathBuf],
    grid: &Arc<Grid>,
    frame_of_reference: &str,
    limits: &Limits,
) -> Result<ReadMasks, IntakeError> {
    let mut all = ReadMasks::default();
    for input in gather(paths, limits)? {
        let file = Part10::open(input.bytes()?, limits)?;
        let header = file.header()?;
        let pixels = match &file.layout.pixels {
            Some(Pixels::Native { bytes, .. }) => Cow::Borrowed(file.bytes.get(bytes.clone()).unwrap_or_default()),
            Some(Pixels::Fragments { .. }) => Cow::Owned(unpacked(&file, &header, limits)?),
            None => Cow::Borrowed(&[][..]),
        };
        let found = from_object(&header, &pixels, grid, frame_of_reference)?;
        all.masks.extend(found.masks);
        all.warnings.extend(found.warnings);
    }
    Ok(all)
}

/// The pixels of a compressed object, frame by frame.
fn unpacked(file: &Part10, header: &InMemDicomObject, limits: &Limits) -> Result<Vec<u8>, IntakeError> {
    let fields = Fields(header);
    if fields.count(tags::BITS_ALLOCATED)? == Some(1) {
        return Err(IntakeError::unsupported(
            "A compressed segmentation of one bit a pixel",
            "store it uncompressed, or as FRACTIONAL or LABELMAP",
        ));
    }
    let format = format(fields, false)?;
    let frames = fields.count(tags::NUMBER_OF_FRAMES)?.unwrap_or(1);
    let one = u64::from(format.rows) * u64::from(format.columns) * u64::from(format.allocated / 8);
    let bytes = one.saturating_mul(u64::from(frames));
    if bytes > limits.max_voxel_bytes {
        return Err(IntakeError::TooLarge(format!(
            "its {frames} frames take {}, beyond the limit of {} set by your site",
            human(bytes),
            human(limits.max_voxel_bytes)
        )));
    }
    let mut pixels = Vec::new();
    for frame in 0..frames {
        let unpacked = file.frame(&format, frames as usize, frame)?;
        let whole = unpacked.get(..one as usize).ok_or(IntakeError::Damaged("a compressed frame is too short"))?;
        pixels.extend_from_slice(whole);
    }
    Ok(pixels)
}
