//! Looking a whole volume over, window by window, before anybody has pointed anywhere.

use crate::SegmentError;
use isochrone_volume::{Grid, Volume, VoxelBox, resample};
use ndarray::Array3;

/// How an engine looks a whole volume over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SweepPolicy {
    /// Working spacing, mm.
    pub spacing_mm: f64,
    /// Voxels of a window along `(i, j, k)`.
    pub size: [usize; 3],
    /// Windows begin at multiples of this, and overlap by at least as much.
    pub stride: usize,
    /// Answers without a prompt mean something: they make a prediction.
    pub predicts: bool,
}

/// What an engine says of one window.
#[derive(Debug, Clone)]
pub struct Swept {
    /// Samples of the probability, over the window.
    pub samples: crate::Samples,
    /// The probability `[k, j, i]` on the window, where answers without a prompt mean something.
    pub probability: Option<Array3<f32>>,
}

/// Windows over a volume.
#[derive(Debug, Clone)]
pub struct SweepPlan {
    /// The whole volume at working spacing, and what the last windows reach beyond it.
    pub whole: Grid,
    /// Windows, in voxels of `whole`, at least one; those without content are left out.
    pub windows: Vec<VoxelBox>,
    /// Windows that hold nothing but air.
    pub empty: usize,
}

/// Share of a volume's range below which a window counts as empty.
const FLAT: f32 = 0.01;
/// Spacing at which that is judged, in working voxels.
const GLANCE: usize = 4;

impl SweepPlan {
    /// Lays windows over a volume.
    ///
    /// # Errors
    /// A working grid that cannot be made.
    pub fn new(volume: &Volume, policy: &SweepPolicy) -> Result<Self, SegmentError> {
        let grid = volume.grid();
        let extent = grid.size().into_iter().zip(grid.spacing_mm()).map(|(n, s)| n as f64 * s);
        let needed: Vec<usize> = extent.map(|mm| (mm / policy.spacing_mm).ceil() as usize).collect();
        let axis = |n: usize| Along::new(needed.get(n).copied().unwrap_or(1), policy, n);
        let [i, j, k] = [axis(0), axis(1), axis(2)];
        let [ni, nj, nk] = grid.size().map(|n| (n as f64 - 1.0) / 2.0);
        let middle = grid.world_from_voxel().transform_point3(isochrone_volume::DVec3::new(ni, nj, nk));
        let whole = grid.working(middle, policy.spacing_mm, [i.total, j.total, k.total])?;
        let mut windows = Vec::new();
        for &k0 in &k.starts {
            for &j0 in &j.starts {
                for &i0 in &i.starts {
                    let [ni, nj, nk] = policy.size;
                    windows.push(VoxelBox { min: [i0, j0, k0], max: [i0 + ni, j0 + nj, k0 + nk] });
                }
            }
        }
        let all = windows.len();
        retain_content(&mut windows, volume, &whole)?;
        let empty = all - windows.len();
        Ok(Self { whole, windows, empty })
    }
}

/// Where windows begin along one axis, and how many voxels they cover together.
struct Along {
    starts: Vec<usize>,
    total: usize,
}

impl Along {
    fn new(needed: usize, policy: &SweepPolicy, axis: usize) -> Self {
        let size = policy.size.get(axis).copied().unwrap_or(1);
        let stride = policy.stride.clamp(1, size);
        // Whole strides, with an eighth of the window (at least a stride) in common with the next.
        let overlap = (size / 8).next_multiple_of(stride).min(size - 1);
        let step = ((size - overlap) / stride).max(1) * stride;
        let more = needed.saturating_sub(size).div_ceil(step);
        // Spread evenly, so that the last does not hang over into nothing.
        let reach = needed.saturating_sub(size).next_multiple_of(stride);
        let starts: Vec<usize> = (0..=more).map(|n| (reach * n / more.max(1)).next_multiple_of(stride)).collect();
        let total = starts.last().copied().unwrap_or_default() + size;
        Self { starts, total }
    }
}

/// Leaves out windows that hold nothing but air. Where the glance cannot tell (a volume thinner than its step, or of
/// one value), all stay.
fn retain_content(windows: &mut Vec<VoxelBox>, volume: &Volume, whole: &Grid) -> Result<(), SegmentError> {
    let factor = GLANCE as f64;
    let size = whole.size().map(|n| n.div_ceil(GLANCE));
    let affine = whole.world_from_voxel();
    let middle = affine.transform_point3(isochrone_volume::DVec3::splat((factor - 1.0) / 2.0));
    let glance = isochrone_volume::DAffine3 { matrix3: affine.matrix3 * factor, translation: middle };
    let values = resample::volume_to_grid(volume, &Grid::new(size, glance)?, f32::NAN);
    let range = |part: ndarray::ArrayView3<'_, f32>| {
        let seen = part.iter().filter(|v| v.is_finite());
        let (low, high) = seen.fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
        if high >= low { high - low } else { 0.0 }
    };
    let most = range(values.view());
    let content = |window: &VoxelBox| {
        let coarse = VoxelBox { min: window.min.map(|n| n / GLANCE), max: window.max.map(|n| n.div_ceil(GLANCE)) };
        let coarse = coarse.intersection(&VoxelBox::whole(size));
        !coarse.is_empty() && range(values.slice(coarse.slice())) > FLAT * most
    };
    if windows.iter().any(content) {
        windows.retain(content);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_what_is_needed_and_overlap() {
        let policy = SweepPolicy { spacing_mm: 4.0, size: [64, 64, 32], stride: 4, predicts: false };
        for needed in [1, 31, 64, 65, 100, 204, 245, 1000] {
            for axis in 0..3 {
                let size = policy.size[axis];
                let along = Along::new(needed, &policy, axis);
                assert!(along.total >= needed && along.total < needed.max(size) + policy.stride, "{needed}");
                assert_eq!(along.starts[0], 0);
                for pair in along.starts.windows(2) {
                    assert!(pair[1] > pair[0] && pair[1] + 4 <= pair[0] + size, "{:?}", along.starts);
                    assert_eq!(pair[1] % 4, 0);
                }
            }
        }
    }
}
