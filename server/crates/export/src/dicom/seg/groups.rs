//! Functional groups and dimensions (PS3.3 C.7.6.16, C.7.6.17): where each frame lies and what it was made of.

use super::frames::{Frame, Frames};
use crate::dicom::item::Item;
use crate::dicom::{Code, Series, new_uid};
use dicom_core::value::PrimitiveValue;
use dicom_core::{Tag, VR, smallvec::smallvec};
use dicom_dictionary_std::tags;
use isochrone_volume::{DVec3, Grid};
use std::collections::BTreeSet;

/// Shared and per-frame functional groups, and the dimensions by which the frames are counted.
pub(super) fn of(series: &Series, grid: &Grid, frames: &Frames) -> Item {
    let organization = new_uid();
    let positions: BTreeSet<usize> = frames.list.iter().map(|f| f.k).collect();
    let positions: Vec<usize> = positions.into_iter().collect();
    let dimension = |pointer: Tag, group: Tag, label: &str| {
        Item::new()
            .uid(tags::DIMENSION_ORGANIZATION_UID, &*organization)
            .put(tags::DIMENSION_INDEX_POINTER, VR::AT, PrimitiveValue::Tags(smallvec![pointer]))
            .put(tags::FUNCTIONAL_GROUP_POINTER, VR::AT, PrimitiveValue::Tags(smallvec![group]))
            .lo(tags::DIMENSION_DESCRIPTION_LABEL, label)
    };
    let per_frame = frames.list.iter().map(|frame| one(series, grid, frame, &positions));
    Item::new()
        .items(
            tags::DIMENSION_ORGANIZATION_SEQUENCE,
            [Item::new().uid(tags::DIMENSION_ORGANIZATION_UID, &*organization)],
        )
        .items(
            tags::DIMENSION_INDEX_SEQUENCE,
            [
                dimension(tags::REFERENCED_SEGMENT_NUMBER, tags::SEGMENT_IDENTIFICATION_SEQUENCE, "Segment"),
                dimension(tags::IMAGE_POSITION_PATIENT, tags::PLANE_POSITION_SEQUENCE, "Position"),
            ],
        )
        .items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, [shared(grid)])
        .items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, per_frame)
}

/// Pixel measures and orientation: the same for every frame.
fn shared(grid: &Grid) -> Item {
    let directions = grid.direction();
    let (row, column) = (directions.x_axis, directions.y_axis);
    let [between_columns, between_rows, _] = grid.spacing_mm();
    let slices = grid.world_from_voxel().matrix3.z_axis.dot(row.cross(column).normalize()).abs();
    let measures = Item::new()
        .ds(tags::SLICE_THICKNESS, &[slices])
        .ds(tags::SPACING_BETWEEN_SLICES, &[slices])
        .ds(tags::PIXEL_SPACING, &[between_rows, between_columns]);
    let orientation =
        Item::new().ds(tags::IMAGE_ORIENTATION_PATIENT, &[row.x, row.y, row.z, column.x, column.y, column.z]);
    Item::new().items(tags::PIXEL_MEASURES_SEQUENCE, [measures]).items(tags::PLANE_ORIENTATION_SEQUENCE, [orientation])
}

/// Segment, place, and source of one frame.
fn one(series: &Series, grid: &Grid, frame: &Frame, positions: &[usize]) -> Item {
    let nth = positions.binary_search(&frame.k).unwrap_or_default() as u32 + 1;
    let origin = grid.centre_mm([0, 0, frame.k]);
    let [ni, nj, _] = grid.size();
    let [i, j, k] = [(ni as f64 - 1.0) / 2.0, (nj as f64 - 1.0) / 2.0, frame.k as f64];
    let middle = grid.world_from_voxel().transform_point3(DVec3::new(i, j, k));
    let content = Item::new().put(
        tags::DIMENSION_INDEX_VALUES,
        VR::UL,
        PrimitiveValue::U32(smallvec![u32::from(frame.segment), nth]),
    );
    let mut item = Item::new()
        .items(tags::FRAME_CONTENT_SEQUENCE, [content])
        .items(
            tags::PLANE_POSITION_SEQUENCE,
            [Item::new().ds(tags::IMAGE_POSITION_PATIENT, &[origin.x, origin.y, origin.z])],
        )
        .items(tags::SEGMENT_IDENTIFICATION_SEQUENCE, [Item::new().us(tags::REFERENCED_SEGMENT_NUMBER, frame.segment)]);
    if let Some(image) = series.image_at(middle) {
        // Voxel for voxel only where the frame lies on the source's own pixels.
        let preserved = if *grid == *series.grid { "YES" } else { "NO" };
        let source = image
            .code(
                tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE,
                &Code::dcm("121322", "Source image for image processing operation"),
            )
            .cs(tags::SPATIAL_LOCATIONS_PRESERVED, preserved);
        let derivation = Item::new()
            .items(tags::SOURCE_IMAGE_SEQUENCE, [source])
            .code(tags::DERIVATION_CODE_SEQUENCE, &Code::dcm("113076", "Segmentation"));
        item = item.items(tags::DERIVATION_IMAGE_SEQUENCE, [derivation]);
    }
    item
}
