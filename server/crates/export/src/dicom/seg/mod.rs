//! DICOM Segmentation (PS3.3 A.51, C.8.20).

mod frames;
mod groups;

use super::item::Item;
use super::object::{Draft, Kind};
use super::{Object, Segment, Series};
use crate::ExportError;
use chrono::Local;
use dicom_core::VR;
use dicom_core::value::PrimitiveValue;
use dicom_dictionary_std::{tags, uids};
use frames::Frames;
use isochrone_volume::{Grid, Mask};
use ndarray::ArrayView3;

/// A BINARY segmentation: one bit a voxel, only the frames in which a segment is set. Segments are numbered
/// from 1 in the order of the list; masks may overlap.
///
/// # Errors
/// No mask, masks that are all empty, masks on different grids, or a grid that has no slices in DICOM's sense.
pub fn segmentation(series: &Series, segments: &[(Segment, &Mask)]) -> Result<Object, ExportError> {
    let Some((_, first)) = segments.first() else { return Err(ExportError::Empty) };
    let grid = first.grid();
    if segments.iter().any(|(_, mask)| mask.grid() != grid) {
        return Err(ExportError::Grid);
    }
    let masks: Vec<&Mask> = segments.iter().map(|(_, mask)| *mask).collect();
    let frames = Frames::binary(&masks);
    let described: Vec<&Segment> = segments.iter().map(|(segment, _)| segment).collect();
    object(series, grid, &described, &frames, |item| {
        item.cs(tags::SEGMENTATION_TYPE, "BINARY")
            .us(tags::BITS_ALLOCATED, 1)
            .us(tags::BITS_STORED, 1)
            .us(tags::HIGH_BIT, 0)
    })
}

/// A FRACTIONAL segmentation of one probability map `[k, j, i]` on any grid of the same frame of reference.
/// A probability p becomes `round(255 p)`; frames in which that is 0 everywhere are left out.
///
/// # Errors
/// A map that does not fit its grid, that is 0 everywhere, or a grid that has no slices in DICOM's sense.
pub fn probability(
    series: &Series,
    segment: &Segment,
    grid: &Grid,
    map: ArrayView3<'_, f32>,
) -> Result<Object, ExportError> {
    let (k, j, i) = map.dim();
    if grid.shape() != [k, j, i] {
        return Err(ExportError::Grid);
    }
    let frames = Frames::fractional(map);
    object(series, grid, &[segment], &frames, |item| {
        item.cs(tags::SEGMENTATION_TYPE, "FRACTIONAL")
            .cs(tags::SEGMENTATION_FRACTIONAL_TYPE, "PROBABILITY")
            .us(tags::MAXIMUM_FRACTIONAL_VALUE, 255)
            .us(tags::BITS_ALLOCATED, 8)
            .us(tags::BITS_STORED, 8)
            .us(tags::HIGH_BIT, 7)
    })
}

fn object(
    series: &Series,
    grid: &Grid,
    segments: &[&Segment],
    frames: &Frames,
    depth: impl FnOnce(Item) -> Item,
) -> Result<Object, ExportError> {
    if frames.list.is_empty() {
        return Err(ExportError::Empty);
    }
    let [ni, nj, _] = grid.size();
    let (Ok(columns), Ok(rows)) = (u16::try_from(ni), u16::try_from(nj)) else { return Err(ExportError::Grid) };
    let names = segments.iter().map(|s| s.label()).collect::<Vec<_>>().join(", ");
    let kind = Kind {
        sop_class_uid: uids::SEGMENTATION_STORAGE,
        modality: "SEG",
        description: format!("Segmentation: {names}"),
        series_number: 9100,
    };
    let now = Local::now();
    let described = (1u16..).zip(segments).map(|(number, segment)| segment.described(number));
    let draft = Draft::new(series, kind)
        .with(depth)
        .with(|item| {
            item.with(series.frame_of_reference())
                .cs(tags::IMAGE_TYPE, "DERIVED\\PRIMARY")
                .text(tags::CONTENT_DATE, VR::DA, super::object::date(&now))
                .text(tags::CONTENT_TIME, VR::TM, super::object::time(&now))
                .cs(tags::CONTENT_LABEL, "SEGMENTATION")
                .lo(tags::CONTENT_DESCRIPTION, &names)
                .text(tags::CONTENT_CREATOR_NAME, VR::PN, "")
                .cs(tags::LOSSY_IMAGE_COMPRESSION, lossy(series))
                .us(tags::SAMPLES_PER_PIXEL, 1)
                .cs(tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2")
                .us(tags::PIXEL_REPRESENTATION, 0)
                .us(tags::ROWS, rows)
                .us(tags::COLUMNS, columns)
                .is(tags::NUMBER_OF_FRAMES, frames.list.len())
                .items(tags::SEGMENT_SEQUENCE, described)
                .with(groups::of(series, grid, frames))
                .put(tags::PIXEL_DATA, VR::OB, PrimitiveValue::from(frames.bytes.clone()))
        })
        .with(|item| {
            let instances = Item::new()
                .uid(tags::SERIES_INSTANCE_UID, &*series.info.series_uid)
                .items(tags::REFERENCED_INSTANCE_SEQUENCE, series.instances());
            item.items(tags::REFERENCED_SERIES_SEQUENCE, [instances])
        });
    draft.finish()
}

/// Lossy compression of the source is passed on: `01` once, `01` for ever.
fn lossy(series: &Series) -> &'static str {
    if series.value(tags::LOSSY_IMAGE_COMPRESSION) == Some("01") { "01" } else { "00" }
}
