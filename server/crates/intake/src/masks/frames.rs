//! Where the frames of a segmentation lie: one grid for all of them.

use super::dataset::{first, number, numbers, point};
use crate::IntakeError;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use isochrone_volume::{DAffine3, DMat3, DVec3, Grid};

/// One frame.
pub(super) struct Frame {
    /// The segment it belongs to; 0 in a label map, whose pixels say it.
    pub segment: u32,
    /// Its slice of the grid.
    pub k: usize,
}

/// The grid that all frames lie on, and each frame's place on it.
pub(super) fn place(header: &InMemDicomObject, columns: usize, rows: usize) -> Result<(Grid, Vec<Frame>), IntakeError> {
    let wrong = |why: &'static str| IntakeError::header("functional groups", why);
    let shared = first(header, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    let per_frame = super::dataset::items(header, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    // A group stands with the frame, or with all of them.
    let group = |frame: Option<&InMemDicomObject>, tag| -> Option<InMemDicomObject> {
        frame.and_then(|f| first(f, tag)).or_else(|| shared.and_then(|s| first(s, tag))).cloned()
    };
    let mut origins = Vec::with_capacity(per_frame.len());
    let mut geometry: Option<[f64; 8]> = None;
    for frame in per_frame {
        let origin = group(Some(frame), tags::PLANE_POSITION_SEQUENCE)
            .and_then(|g| point(&numbers(&g, tags::IMAGE_POSITION_PATIENT)?))
            .ok_or_else(|| wrong("a frame has no position"))?;
        let orientation = group(Some(frame), tags::PLANE_ORIENTATION_SEQUENCE)
            .and_then(|g| numbers(&g, tags::IMAGE_ORIENTATION_PATIENT));
        let spacing = group(Some(frame), tags::PIXEL_MEASURES_SEQUENCE).and_then(|g| numbers(&g, tags::PIXEL_SPACING));
        let (Some(&[a, b, c, d, e, f]), Some(&[rows, columns])) = (orientation.as_deref(), spacing.as_deref()) else {
            return Err(wrong("a frame has no orientation or no pixel spacing"));
        };
        let here = [a, b, c, d, e, f, rows, columns];
        match geometry {
            Some(known) if known.iter().zip(here).any(|(k, h)| (k - h).abs() > 1e-4) => {
                return Err(wrong("frames of several orientations or spacings are in one object"));
            }
            Some(_) => {}
            None => geometry = Some(here),
        }
        let segment = group(Some(frame), tags::SEGMENT_IDENTIFICATION_SEQUENCE)
            .and_then(|g| number(&g, tags::REFERENCED_SEGMENT_NUMBER));
        origins.push((segment.unwrap_or_default(), origin));
    }
    let Some([a, b, c, d, e, f, between_rows, between_columns]) = geometry else {
        return Err(wrong("there is no frame"));
    };
    let (row, column) = (DVec3::new(a, b, c), DVec3::new(d, e, f));
    let normal = row.cross(column).normalize_or_zero();
    let thickness = group(per_frame.first(), tags::PIXEL_MEASURES_SEQUENCE).and_then(|g| {
        let found = numbers(&g, tags::SPACING_BETWEEN_SLICES).or_else(|| numbers(&g, tags::SLICE_THICKNESS))?;
        found.first().copied().filter(|t| *t > 0.0)
    });
    let (first_origin, step, slices) = stack(&origins, normal, thickness)
        .ok_or_else(|| wrong("the frames are not evenly spaced along one direction"))?;
    let affine = DAffine3 {
        matrix3: DMat3::from_cols(row * between_columns, column * between_rows, step),
        translation: first_origin,
    };
    let grid = Grid::new([columns, rows, slices], affine)?;
    let frames = origins
        .iter()
        .map(|&(segment, origin)| {
            let k = (origin - first_origin).dot(normal) / step.dot(normal);
            Frame { segment, k: k.round().max(0.0) as usize }
        })
        .collect();
    Ok((grid, frames))
}

/// First origin, step, and number of slices of a stack in which slices may be missing.
fn stack(origins: &[(u32, DVec3)], normal: DVec3, thickness: Option<f64>) -> Option<(DVec3, DVec3, usize)> {
    let mut sorted: Vec<(f64, DVec3)> = origins.iter().map(|(_, o)| (o.dot(normal), *o)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (low, first) = *sorted.first()?;
    let (high, last) = *sorted.last()?;
    let gaps = sorted.iter().zip(sorted.iter().skip(1)).map(|(a, b)| b.0 - a.0);
    let smallest = gaps.filter(|g| *g > 1e-3).fold(f64::INFINITY, f64::min);
    if !smallest.is_finite() {
        // All frames in one plane.
        return Some((first, normal * thickness.unwrap_or(1.0), 1));
    }
    // Slices may be missing between any two frames: the step is the spacing that is given, where it divides the
    // smallest gap, else that gap.
    let whole = |step: f64| sorted.iter().all(|(at, _)| ((at - low) / step - ((at - low) / step).round()).abs() < 0.02);
    let step =
        thickness.filter(|t| *t <= smallest * 1.02 && whole(*t)).or_else(|| whole(smallest).then_some(smallest))?;
    let slices = ((high - low) / step).round() as usize;
    // From first to last, so that the shear of a tilted gantry is kept.
    (slices < Grid::MAX_AXIS).then(|| (first, (last - first) / slices as f64, slices + 1))
}
