//! How far a lesion may reach, and whether it has run out.

use crate::{SegmentError, Task, mask_on_grid};
use isochrone_prompt::Polarity;
use isochrone_volume::Grid;
use ndarray::{Array3, Zip};

/// Nothing is likely farther than `within_mm` from every positive prompt, but what is set already; 0: no bound.
/// `probability` is `[k, j, i]` on the task's region.
pub(super) fn clear(probability: &mut Array3<f32>, task: &Task<'_>, within_mm: f32) -> Result<(), SegmentError> {
    if within_mm <= 0.0 {
        return Ok(());
    }
    let [spacing, ..] = task.region.spacing_mm().map(|s| s as f32);
    let (positive, shape) = (task.points(Polarity::Positive), task.region.shape());
    let far = isochrone_guidance::euclidean_distance(shape, &positive, [spacing; 3])
        .map_err(|e| SegmentError::Guidance(e.to_string()))?;
    let known = mask_on_grid(task.previous, &task.previous_box, task.region);
    Zip::from(probability).and(&far).and(&known).for_each(|p, &far, &known| {
        if far > within_mm && !known {
            *p = 0.0;
        }
    });
    Ok(())
}

/// True if something set `[k, j, i]` on a region lies in the first or last voxels of the volume, along an axis that has
/// more than two.
pub(super) fn reaches_the_end(kept: &Array3<bool>, region: &Grid, volume: &Grid) -> bool {
    let at_end = |voxel: [usize; 3]| voxel.iter().zip(volume.size()).any(|(&x, n)| n > 2 && (x == 0 || x + 1 == n));
    kept.indexed_iter().any(|((k, j, i), set)| *set && volume.voxel_at(region.centre_mm([i, j, k])).is_some_and(at_end))
}
