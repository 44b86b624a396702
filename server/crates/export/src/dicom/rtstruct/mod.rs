//! RT Structure Set (PS3.3 A.19): masks as closed planar contours.

mod keyhole;
mod outline;

use super::item::Item;
use super::object::{Draft, Kind};
use super::{Object, Segment, Series};
use crate::ExportError;
use chrono::Local;
use dicom_core::value::{C, PrimitiveValue};
use dicom_core::{VR, smallvec::smallvec};
use dicom_dictionary_std::{tags, uids};
use isochrone_volume::{DVec3, Grid, Mask};
use ndarray::Axis;
use outline::Vertex;

/// One region of interest a mask, numbered from 1 in the order of the list; contours lie on the grid's slices.
///
/// Outlines are marching squares at one half: they pass midway between a voxel that is set and its neighbour
/// that is not, so whoever asks which voxel centres lie inside gets the mask back, voxel for voxel. Voxels that
/// touch at a corner only are apart. A hole is joined to the outline round it by a keyhole: a channel without
/// width, walked once in and once out, which every reader fills alike, whatever its rule.
///
/// # Errors
/// No mask, masks that are all empty, or masks on different grids.
pub fn structure_set(series: &Series, regions: &[(Segment, &Mask)]) -> Result<Object, ExportError> {
    let Some((_, first)) = regions.first() else { return Err(ExportError::Empty) };
    let grid = first.grid();
    if regions.iter().any(|(_, mask)| mask.grid() != grid) {
        return Err(ExportError::Grid);
    }
    if regions.iter().all(|(_, mask)| mask.count() == 0) {
        return Err(ExportError::Empty);
    }
    let names = regions.iter().map(|(segment, _)| segment.label()).collect::<Vec<_>>().join(", ");
    let kind = Kind {
        sop_class_uid: uids::RT_STRUCTURE_SET_STORAGE,
        modality: "RTSTRUCT",
        description: format!("Structures: {names}"),
        series_number: 9200,
    };
    let now = Local::now();
    let numbered = || (1usize..).zip(regions);
    let draft = Draft::new(series, kind).with(|item| {
        item.with(series.frame_of_reference())
            .text(tags::OPERATORS_NAME, VR::PN, "")
            .text(tags::STRUCTURE_SET_LABEL, VR::SH, "Isochrone")
            .lo(tags::STRUCTURE_SET_NAME, &names)
            .text(tags::STRUCTURE_SET_DATE, VR::DA, super::object::date(&now))
            .text(tags::STRUCTURE_SET_TIME, VR::TM, super::object::time(&now))
            .items(tags::REFERENCED_FRAME_OF_REFERENCE_SEQUENCE, [referenced(series)])
            .items(tags::STRUCTURE_SET_ROI_SEQUENCE, numbered().map(|(n, (segment, _))| region(series, n, segment)))
            .items(
                tags::ROI_CONTOUR_SEQUENCE,
                numbered().map(|(n, (segment, mask))| contours(series, grid, n, segment, mask)),
            )
            .items(tags::RTROI_OBSERVATIONS_SEQUENCE, numbered().map(|(n, (segment, _))| observation(n, segment)))
            .cs(tags::APPROVAL_STATUS, "UNAPPROVED")
    });
    // The contours' numbers outgrow the lengths that explicit encoding has room for.
    draft.finish_as(uids::IMPLICIT_VR_LITTLE_ENDIAN)
}

/// Which study, series and images the contours were drawn on.
fn referenced(series: &Series) -> Item {
    let images = Item::new()
        .uid(tags::SERIES_INSTANCE_UID, &*series.info.series_uid)
        .items(tags::CONTOUR_IMAGE_SEQUENCE, series.instances());
    let study = Item::new()
        // The retired Detached Study Management class is what this attribute has always held.
        .uid(tags::REFERENCED_SOP_CLASS_UID, "1.2.840.10008.3.1.2.3.1")
        .uid(tags::REFERENCED_SOP_INSTANCE_UID, &*series.info.study_uid)
        .items(tags::RT_REFERENCED_SERIES_SEQUENCE, [images]);
    Item::new()
        .uid(tags::FRAME_OF_REFERENCE_UID, &*series.info.frame_of_reference)
        .items(tags::RT_REFERENCED_STUDY_SEQUENCE, [study])
}

fn region(series: &Series, number: usize, segment: &Segment) -> Item {
    let details = segment.algorithm.details();
    let item = Item::new()
        .is(tags::ROI_NUMBER, number)
        .uid(tags::REFERENCED_FRAME_OF_REFERENCE_UID, &*series.info.frame_of_reference)
        .lo(tags::ROI_NAME, &segment.label())
        .cs(tags::ROI_GENERATION_ALGORITHM, segment.algorithm.kind())
        .lo(tags::ROI_GENERATION_DESCRIPTION, &segment.algorithm.name());
    if details.is_empty() {
        item
    } else {
        item.text(tags::ROI_DESCRIPTION, VR::ST, super::item::limited(&details, 1024))
    }
}

fn observation(number: usize, segment: &Segment) -> Item {
    Item::new()
        .is(tags::OBSERVATION_NUMBER, number)
        .is(tags::REFERENCED_ROI_NUMBER, number)
        .code(tags::RTROI_IDENTIFICATION_CODE_SEQUENCE, &segment.kind)
        .cs(tags::RTROI_INTERPRETED_TYPE, "")
        .text(tags::ROI_INTERPRETER, VR::PN, "")
}

/// All contours of one mask.
fn contours(series: &Series, grid: &Grid, number: usize, segment: &Segment, mask: &Mask) -> Item {
    let [r, g, b] = segment.colour.map(|v| v.to_string());
    let mut items = Vec::new();
    for (k, slice) in mask.voxels().axis_iter(Axis(0)).enumerate() {
        if !slice.iter().any(|&set| set) {
            continue;
        }
        for polygon in keyhole::joined(outline::outlines(slice)) {
            items.push(contour(series, grid, k, &polygon));
        }
    }
    let item = Item::new()
        .put(tags::ROI_DISPLAY_COLOR, VR::IS, PrimitiveValue::Strs(smallvec![r, g, b]))
        .is(tags::REFERENCED_ROI_NUMBER, number);
    // An empty sequence is not allowed here; none is.
    if items.is_empty() { item } else { item.items(tags::CONTOUR_SEQUENCE, items) }
}

fn contour(series: &Series, grid: &Grid, k: usize, polygon: &[Vertex]) -> Item {
    let place = |&[i, j]: &Vertex| {
        let voxel = DVec3::new(f64::from(i) / 2.0, f64::from(j) / 2.0, k as f64);
        grid.world_from_voxel().transform_point3(voxel)
    };
    let numbers: C<String> = polygon
        .iter()
        .flat_map(|vertex| place(vertex).to_array())
        // A tenth of a micrometre.
        .map(|v| format!("{:.4}", if v.abs() < 5e-5 { 0.0 } else { v }))
        .collect();
    let mut item = Item::new()
        .cs(tags::CONTOUR_GEOMETRIC_TYPE, "CLOSED_PLANAR")
        .is(tags::NUMBER_OF_CONTOUR_POINTS, polygon.len())
        .put(tags::CONTOUR_DATA, VR::DS, PrimitiveValue::Strs(numbers));
    if let Some(image) = polygon.first().and_then(|vertex| series.image_at(place(vertex))) {
        item = item.items(tags::CONTOUR_IMAGE_SEQUENCE, [image]);
    }
    item
}
