//! Masks as sets of voxels.

use super::Edited;
use crate::{Mask, VolumeError, VoxelBox};
use ndarray::Zip;

/// Voxels of `a`, of `b`, or of both.
///
/// # Errors
/// The masks' grids differ in size.
pub fn union(a: &Mask, b: &Mask) -> Result<Edited, VolumeError> {
    combine(a, b, |_, b| b, |a, b| a || b)
}

/// Voxels of both `a` and `b`.
///
/// # Errors
/// The masks' grids differ in size.
pub fn intersection(a: &Mask, b: &Mask) -> Result<Edited, VolumeError> {
    combine(a, b, |a, _| a, |a, b| a && b)
}

/// Voxels of `a` that are not of `b`.
///
/// # Errors
/// The masks' grids differ in size.
pub fn difference(a: &Mask, b: &Mask) -> Result<Edited, VolumeError> {
    combine(a, b, |a, b| a.intersection(&b), |a, b| a && !b)
}

/// `a` with `rule` applied in the box in which it can change something.
fn combine(
    a: &Mask,
    b: &Mask,
    affected: fn(VoxelBox, VoxelBox) -> VoxelBox,
    rule: fn(bool, bool) -> bool,
) -> Result<Edited, VolumeError> {
    if a.grid().size() != b.grid().size() {
        return Err(VolumeError::Shape { expected: a.grid().shape(), got: b.grid().shape() });
    }
    let region = affected(a.bounding_box(), b.bounding_box());
    if region.is_empty() {
        return Ok(Edited::unchanged(a));
    }
    let (ours, theirs) = (a.voxels().slice(region.slice()), b.voxels().slice(region.slice()));
    let content = Zip::from(ours).and(theirs).par_map_collect(|&a, &b| rule(a, b));
    Ok(Edited::rewrite(a, &region, content.view()))
}
