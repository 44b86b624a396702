use crate::RobotError;
use crate::metrics::same_shape;
use isochrone_volume::components;
use ndarray::ArrayView3;

/// Voxels of those parts (26 neighbours) of a mask that do not share a single voxel with another mask.
///
/// Of a prediction and the truth these are false positives (autoPET's FPV, as a number of voxels; there parts are of 18
/// neighbours), of the truth and a prediction false negatives (FNV). Parts that overlap at all do not count.
///
/// # Errors
/// Shapes that differ.
pub fn missed_voxels(mask: ArrayView3<'_, bool>, other: ArrayView3<'_, bool>) -> Result<usize, RobotError> {
    same_shape(mask, other)?;
    let (labels, parts) = components::label(mask);
    let mut met = vec![false; parts.len() + 1];
    for (&label, &other) in labels.iter().zip(other) {
        if let Some(met) = met.get_mut(label as usize) {
            *met |= other;
        }
    }
    Ok(parts.iter().filter(|p| met.get(p.label as usize) == Some(&false)).map(|p| p.count).sum())
}
