//! RT Structure Set: contours to masks.

use super::dataset::{items, number, numbers, text};
use super::{ReadMask, ReadMasks, other_frame};
use crate::IntakeError;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use isochrone_volume::{DVec3, Grid, Mask};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far, in slices, the points of one contour may lie from its plane.
const FLAT: f64 = 0.1;

/// A closed contour in voxels of the target: its plane, and its points within it.
struct Contour {
    k: f64,
    points: Vec<[f64; 2]>,
}

pub(super) fn read(
    header: &InMemDicomObject,
    target: &Arc<Grid>,
    frame_of_reference: &str,
) -> Result<ReadMasks, IntakeError> {
    let mut found = ReadMasks::default();
    let mut elsewhere = 0;
    let contours: BTreeMap<u32, &InMemDicomObject> = items(header, tags::ROI_CONTOUR_SEQUENCE)
        .iter()
        .filter_map(|roi| Some((number(roi, tags::REFERENCED_ROI_NUMBER)?, roi)))
        .collect();
    let frames = items(header, tags::REFERENCED_FRAME_OF_REFERENCE_SEQUENCE);
    let only = frames.first().filter(|_| frames.len() == 1).map(|f| text(f, tags::FRAME_OF_REFERENCE_UID));
    for roi in items(header, tags::STRUCTURE_SET_ROI_SEQUENCE) {
        let Some(id) = number(roi, tags::ROI_NUMBER) else { continue };
        let named = text(roi, tags::REFERENCED_FRAME_OF_REFERENCE_UID);
        // Some old systems leave it out with the region and give it once for all.
        let frame = if named.is_empty() { only.clone().unwrap_or_default() } else { named };
        if frame != frame_of_reference {
            elsewhere += 1;
            continue;
        }
        let drawn = contours.get(&id).map(|roi| items(roi, tags::CONTOUR_SEQUENCE)).unwrap_or_default();
        let mut skipped = 0;
        let mut usable = Vec::with_capacity(drawn.len());
        for contour in drawn {
            match text(contour, tags::CONTOUR_GEOMETRIC_TYPE).as_str() {
                "CLOSED_PLANAR" | "CLOSEDPLANAR_XOR" | "CLOSED_PLANAR_XOR" => usable.push(placed(contour, target)?),
                _ => skipped += 1,
            }
        }
        if skipped > 0 {
            found
                .warnings
                .push(format!("{skipped} contours of the region {id} are points or open lines, and enclose nothing"));
        }
        let mask = filled(target, &usable);
        found.masks.push(ReadMask { number: id, name: text(roi, tags::ROI_NAME), mask });
    }
    if found.masks.is_empty() && elsewhere > 0 {
        return Err(other_frame());
    }
    if elsewhere > 0 {
        found.warnings.push(format!("{elsewhere} regions lie in another frame of reference and were left out"));
    }
    Ok(found)
}

fn placed(contour: &InMemDicomObject, target: &Grid) -> Result<Contour, IntakeError> {
    let wrong = |why: &'static str| IntakeError::header("Contour Data", why);
    let numbers = numbers(contour, tags::CONTOUR_DATA).ok_or_else(|| wrong("a contour has no points"))?;
    if numbers.len() < 3 || numbers.len() % 3 != 0 {
        return Err(wrong("a contour's numbers are not threes"));
    }
    let voxel = |point: &[f64]| match point {
        &[x, y, z] => target.voxel_from_world().transform_point3(DVec3::new(x, y, z)),
        _ => DVec3::NAN,
    };
    let points: Vec<DVec3> = numbers.chunks_exact(3).map(voxel).collect();
    let k = points.iter().map(|p| p.z).sum::<f64>() / points.len() as f64;
    if points.iter().any(|p| (p.z - k).abs() > FLAT) {
        return Err(wrong(
            "the contours are not parallel to the slices of the image; load the image they were drawn on",
        ));
    }
    Ok(Contour { k, points: points.iter().map(|p| [p.x, p.y]).collect() })
}

/// Fills contours by the even-odd rule, each plane for itself. Where planes are further apart than slices, a
/// plane stands for all slices that are nearer to it than to its neighbours, half a gap at most.
fn filled(target: &Arc<Grid>, contours: &[Contour]) -> Mask {
    let mut mask = Mask::empty(target.clone());
    let mut planes: Vec<f64> = contours.iter().map(|c| c.k).collect();
    planes.sort_by(f64::total_cmp);
    planes.dedup_by(|a, b| (*a - *b).abs() < FLAT);
    let mut gaps: Vec<f64> = planes.iter().zip(planes.iter().skip(1)).map(|(a, b)| b - a).collect();
    gaps.sort_by(f64::total_cmp);
    let usual = gaps.get(gaps.len() / 2).copied().unwrap_or(1.0).max(1.0);
    for (k, mut slice) in mask.voxels_mut().axis_iter_mut(ndarray::Axis(0)).enumerate() {
        let distance = |plane: &f64| (plane - k as f64).abs();
        let nearest = planes.iter().copied().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        // Half open, so that a slice midway between two planes belongs to one of them.
        let Some(plane) = nearest.filter(|p| distance(p) <= usual / 2.0 + 1e-6) else { continue };
        for contour in contours.iter().filter(|c| (c.k - plane).abs() < FLAT) {
            for (j, mut row) in slice.outer_iter_mut().enumerate() {
                toggle(&contour.points, j as f64, |from, to| {
                    row.iter_mut().take(to).skip(from).for_each(|voxel| *voxel = !*voxel);
                });
            }
        }
    }
    mask
}

/// Calls `span` with the voxels of row `y` that lie inside, first and one past the last.
fn toggle(points: &[[f64; 2]], y: f64, mut span: impl FnMut(usize, usize)) {
    let following = points.iter().cycle().skip(1);
    let mut crossings: Vec<f64> = points
        .iter()
        .zip(following)
        .filter(|([_, y0], [_, y1])| (*y0 > y) != (*y1 > y))
        .map(|([x0, y0], [x1, y1])| x0 + (y - y0) / (y1 - y0) * (x1 - x0))
        .collect();
    crossings.sort_by(f64::total_cmp);
    let voxel = |x: f64| x.ceil().max(0.0) as usize;
    for pair in crossings.chunks_exact(2) {
        if let &[from, to] = pair {
            span(voxel(from), voxel(to));
        }
    }
}
