#![allow(clippy::indexing_slicing)] // Rows and runs are cut at the array's size before they are used.

use isochrone_volume::VoxelBox;
use ndarray::{Array3, ArrayView3};

/// What a flood reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Flooded {
    /// Voxels `[k, j, i]`.
    pub mask: Array3<bool>,
    /// The smallest box round them; empty if there are none.
    pub region: VoxelBox,
}

/// Voxels of at least `threshold` that are connected to a seed `[k, j, i]` over 26 neighbours.
///
/// Costs what the component costs, a row at a time. Seeds outside or below the threshold reach
/// nothing. The same as `skimage.segmentation.flood(image >= threshold, seed)` on the seed's component.
#[must_use]
pub fn flood(image: ArrayView3<'_, f32>, seeds: &[[usize; 3]], threshold: f32) -> Flooded {
    let (nk, nj, ni) = image.dim();
    let values = image.as_standard_layout();
    let mut mask = Array3::from_elem((nk, nj, ni), false);
    let mut flood = Flood {
        values: values.as_slice().unwrap_or_default(),
        reached: mask.as_slice_mut().unwrap_or_default(),
        shape: [nk, nj, ni],
        threshold,
        stack: Vec::new(),
        region: VoxelBox { min: [0; 3], max: [0; 3] },
    };
    for &[k, j, i] in seeds.iter().filter(|[k, j, i]| *k < nk && *j < nj && *i < ni) {
        flood.from(k, j, i);
    }
    let region = flood.region;
    Flooded { mask, region }
}

struct Flood<'a> {
    values: &'a [f32],
    reached: &'a mut [bool],
    shape: [usize; 3],
    threshold: f32,
    /// Runs to look round: slice, row, first voxel and end.
    stack: Vec<[usize; 4]>,
    region: VoxelBox,
}

impl Flood<'_> {
    fn from(&mut self, k: usize, j: usize, i: usize) {
        let [nk, nj, ni] = self.shape;
        if !self.open(k, j, i) {
            return;
        }
        self.take(k, j, i);
        while let Some([k, j, first, end]) = self.stack.pop() {
            let (low, high) = (first.saturating_sub(1), (end + 1).min(ni));
            for k in k.saturating_sub(1)..(k + 2).min(nk) {
                for j in j.saturating_sub(1)..(j + 2).min(nj) {
                    let mut i = low;
                    while i < high {
                        i = if self.open(k, j, i) { self.take(k, j, i) + 1 } else { i + 1 };
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn open(&self, k: usize, j: usize, i: usize) -> bool {
        let [_, nj, ni] = self.shape;
        let at = (k * nj + j) * ni + i;
        self.values[at] >= self.threshold && !self.reached[at]
    }

    /// Takes the run of voxels that holds `(k, j, i)`; returns its end.
    fn take(&mut self, k: usize, j: usize, i: usize) -> usize {
        let [_, nj, ni] = self.shape;
        let row = (k * nj + j) * ni;
        let values = &self.values[row..row + ni];
        let below = |v: &f32| *v < self.threshold || v.is_nan();
        let first = values[..i].iter().rposition(below).map_or(0, |p| p + 1);
        let end = values[i..].iter().position(below).map_or(ni, |p| i + p);
        self.reached[row + first..row + end].fill(true);
        self.stack.push([k, j, first, end]);
        self.region = self.region.union(&VoxelBox { min: [first, j, k], max: [end, j + 1, k + 1] });
        end
    }
}
