use crate::{Grid, VolumeError, VoxelBox};
use ndarray::Array3;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A binary voxel array on a grid.
///
/// Pages of a new mask take no memory until a voxel in them is set, and none of what makes masks of masks touches
/// those in which none is: a small lesion in a large volume costs little.
#[derive(Debug, PartialEq)]
pub struct Mask {
    grid: Arc<Grid>,
    voxels: Array3<bool>,
}

/// Voxels that are copied or passed over together: some pages.
const CHUNK: usize = 1 << 15;

impl Clone for Mask {
    /// A copy that touches only memory where something is set: fresh pages are zero already.
    fn clone(&self) -> Self {
        let mut copy = Self::empty(self.grid.clone());
        if let Some(to) = copy.voxels.as_slice_mut() {
            to.par_chunks_mut(CHUNK).zip(self.flat().par_chunks(CHUNK)).for_each(|(to, from)| {
                // Without an early exit, so that it becomes SIMD.
                if from.iter().fold(false, |any, &v| any | v) {
                    to.copy_from_slice(from);
                }
            });
        }
        copy
    }
}

impl Mask {
    /// A mask with nothing in it.
    #[must_use]
    pub fn empty(grid: Arc<Grid>) -> Self {
        let voxels = Array3::from_elem(grid.shape(), false);
        Self { grid, voxels }
    }

    /// A mask from an array `[k, j, i]`.
    ///
    /// # Errors
    /// The array's shape is not the grid's.
    pub fn new(grid: Arc<Grid>, voxels: Array3<bool>) -> Result<Self, VolumeError> {
        let (k, j, i) = voxels.dim();
        if grid.shape() != [k, j, i] {
            return Err(VolumeError::Shape { expected: grid.shape(), got: [k, j, i] });
        }
        Ok(Self { grid, voxels: voxels.as_standard_layout().into_owned() })
    }

    /// Where the mask is.
    #[must_use]
    pub fn grid(&self) -> &Arc<Grid> {
        &self.grid
    }

    /// Voxels `[k, j, i]`.
    #[must_use]
    pub fn voxels(&self) -> &Array3<bool> {
        &self.voxels
    }

    /// Voxels `[k, j, i]`, to change.
    pub fn voxels_mut(&mut self) -> &mut Array3<bool> {
        &mut self.voxels
    }

    /// True if the voxel `(i, j, k)` is inside the grid and set.
    #[must_use]
    pub fn contains(&self, [i, j, k]: [usize; 3]) -> bool {
        self.voxels.get([k, j, i]).copied().unwrap_or(false)
    }

    /// Number of voxels set.
    #[must_use]
    pub fn count(&self) -> usize {
        self.flat().par_chunks(1 << 16).map(|c| c.iter().filter(|&&v| v).count()).sum()
    }

    /// Volume of the voxels set, in mL.
    #[must_use]
    pub fn volume_ml(&self) -> f64 {
        self.count() as f64 * self.grid.voxel_volume_mm3() / 1000.0
    }

    /// The smallest box that holds every set voxel; empty if there is none.
    #[must_use]
    pub fn bounding_box(&self) -> VoxelBox {
        differing_box(self.flat(), None, self.grid.size())
    }

    /// The smallest box outside which both masks agree; empty if they are equal.
    #[must_use]
    pub fn changed_box(&self, other: &Self) -> VoxelBox {
        differing_box(self.flat(), Some(other.flat()), self.grid.size())
    }

    /// All voxels, `i` fastest, eight to a byte, lowest bit first (NumPy's `packbits(bitorder="little")`).
    #[must_use]
    pub fn packed(&self) -> Vec<u8> {
        pack(self.flat())
    }

    /// SHA-256 of [`Mask::packed`]: what a client compares after applying a delta.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.packed()).into()
    }

    fn flat(&self) -> &[bool] {
        // Always standard layout: `new` and `empty` see to it.
        self.voxels.as_slice().unwrap_or_default()
    }
}

pub(crate) fn pack(bits: &[bool]) -> Vec<u8> {
    let mut out = vec![0u8; bits.len().div_ceil(8)];
    out.par_chunks_mut(1 << 14).zip(bits.par_chunks(1 << 17)).for_each(|(bytes, bits)| {
        for (byte, eight) in bytes.iter_mut().zip(bits.chunks(8)) {
            *byte = eight.iter().enumerate().fold(0, |b, (n, &v)| b | (u8::from(v) << n));
        }
    });
    out
}

fn differing_box(a: &[bool], b: Option<&[bool]>, [ni, nj, nk]: [usize; 3]) -> VoxelBox {
    let empty = VoxelBox { min: [usize::MAX; 3], max: [0; 3] };
    let join = |p: VoxelBox, q: VoxelBox| p.union(&q);
    let found = (0..nk)
        .into_par_iter()
        .map(|k| {
            let mut slice_box = empty;
            for j in 0..nj {
                let row = (k * nj + j) * ni;
                let Some(a) = a.get(row..row + ni) else { continue };
                let differs = |i: usize, v: bool| match b {
                    Some(b) => b.get(row + i).is_some_and(|&w| w != v),
                    None => v,
                };
                if b.and_then(|b| b.get(row..row + ni)) == Some(a) {
                    continue;
                }
                let Some(first) = a.iter().enumerate().position(|(i, &v)| differs(i, v)) else { continue };
                let last = a.iter().enumerate().rposition(|(i, &v)| differs(i, v)).unwrap_or(first);
                slice_box = slice_box.union(&VoxelBox { min: [first, j, k], max: [last + 1, j + 1, k + 1] });
            }
            slice_box
        })
        .reduce(|| empty, join);
    if found.is_empty() { VoxelBox { min: [0; 3], max: [0; 3] } } else { found }
}
