//! Connected parts of a mask, reached from inside: costs what the part costs, not what the volume does.
#![allow(clippy::indexing_slicing)] // Rows and runs are cut at the array's size before they are used.

use isochrone_volume::VoxelBox;
use ndarray::Array3;

/// A box without voxels.
pub(crate) const NOTHING: VoxelBox = VoxelBox { min: [0; 3], max: [0; 3] };

/// Spreads over 26 neighbours, a run of voxels along `i` at a time.
pub(crate) struct Flood<'a> {
    mask: &'a [bool],
    shape: [usize; 3],
    /// Voxels `[k, j, i]` reached so far.
    pub reached: Array3<bool>,
    /// The smallest box round them.
    pub region: VoxelBox,
    stack: Vec<Run>,
}

struct Run {
    k: usize,
    j: usize,
    first: usize,
    end: usize,
}

impl<'a> Flood<'a> {
    /// Nothing reached yet. `mask` is `[k, j, i]` in standard layout.
    pub fn new(mask: &'a Array3<bool>) -> Self {
        let (nk, nj, ni) = mask.dim();
        let reached = Array3::from_elem((nk, nj, ni), false);
        Self {
            mask: mask.as_slice().unwrap_or_default(),
            shape: [nk, nj, ni],
            reached,
            region: NOTHING,
            stack: Vec::new(),
        }
    }

    /// Reaches everything of the mask that is connected to the voxel `(i, j, k)`; true if that was new.
    pub fn reach(&mut self, [i, j, k]: [usize; 3]) -> bool {
        let [nk, nj, ni] = self.shape;
        let Some(reached) = self.reached.as_slice_mut() else { return false };
        if self.mask.is_empty() || k >= nk || j >= nj || i >= ni {
            return false;
        }
        let at = (k * nj + j) * ni + i;
        if !self.mask[at] || reached[at] {
            return false;
        }
        let mut mark = |k: usize, j: usize, i: usize, reached: &mut [bool], stack: &mut Vec<Run>| {
            let row = (k * nj + j) * ni;
            let set = &self.mask[row..row + ni];
            let first = set[..i].iter().rposition(|v| !v).map_or(0, |p| p + 1);
            let end = set[i..].iter().position(|v| !v).map_or(ni, |p| i + p);
            reached[row + first..row + end].fill(true);
            stack.push(Run { k, j, first, end });
            self.region = self.region.union(&VoxelBox { min: [first, j, k], max: [end, j + 1, k + 1] });
            end
        };
        mark(k, j, i, reached, &mut self.stack);
        while let Some(run) = self.stack.pop() {
            let (low, high) = (run.first.saturating_sub(1), (run.end + 1).min(ni));
            for k in run.k.saturating_sub(1)..(run.k + 2).min(nk) {
                for j in run.j.saturating_sub(1)..(run.j + 2).min(nj) {
                    let row = (k * nj + j) * ni;
                    let mut i = low;
                    while i < high {
                        let found = self.mask[row + i] && !reached[row + i];
                        i = if found { mark(k, j, i, reached, &mut self.stack) + 1 } else { i + 1 };
                    }
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isochrone_volume::components;

    #[test]
    fn reaches_what_labelling_finds() {
        let mut state = 12345u32;
        let mask = Array3::from_shape_simple_fn((9, 11, 13), || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 24 < 40
        });
        let (labels, found) = components::label(mask.view());
        assert!(found.len() > 3);
        for component in &found {
            let ((k, j, i), _) = labels.indexed_iter().find(|(_, l)| **l == component.label).unwrap();
            let mut flood = Flood::new(&mask);
            assert!(flood.reach([i, j, k]) && !flood.reach([i, j, k]));
            assert_eq!(flood.region, component.region);
            assert_eq!(flood.reached, labels.map(|l| *l == component.label));
        }
    }
}
