use serde::{Deserialize, Serialize};
use std::fmt;

/// A half-open box of voxels: `min ≤ (i, j, k) < max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoxelBox {
    /// First voxel `(i, j, k)` inside.
    pub min: [usize; 3],
    /// First voxel `(i, j, k)` past the end.
    pub max: [usize; 3],
}

impl VoxelBox {
    /// The whole of a grid with `size` voxels along `(i, j, k)`.
    #[must_use]
    pub fn whole(size: [usize; 3]) -> Self {
        Self { min: [0; 3], max: size }
    }

    /// Voxels along `(i, j, k)`; 0 where the box is empty.
    #[must_use]
    pub fn size(&self) -> [usize; 3] {
        let [a, b, c] = self.min;
        let [x, y, z] = self.max;
        [x.saturating_sub(a), y.saturating_sub(b), z.saturating_sub(c)]
    }

    /// Number of voxels inside.
    #[must_use]
    pub fn voxel_count(&self) -> usize {
        self.size().iter().product()
    }

    /// True if no voxel is inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.voxel_count() == 0
    }

    /// True if the voxel `(i, j, k)` is inside.
    #[must_use]
    pub fn contains(&self, voxel: [usize; 3]) -> bool {
        (0..3).all(|a| at(self.min, a) <= at(voxel, a) && at(voxel, a) < at(self.max, a))
    }

    /// The smallest box that holds both; an empty box adds nothing.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self.is_empty() {
            return *other;
        }
        if other.is_empty() {
            return *self;
        }
        Self { min: zip(self.min, other.min, usize::min), max: zip(self.max, other.max, usize::max) }
    }

    /// What both have in common (may be empty).
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self { min: zip(self.min, other.min, usize::max), max: zip(self.max, other.max, usize::min) }
    }

    /// `ndarray` ranges for an array indexed `[k, j, i]`.
    #[must_use]
    pub fn slice(&self) -> ndarray::SliceInfo<[ndarray::SliceInfoElem; 3], ndarray::Ix3, ndarray::Ix3> {
        let [a, b, c] = self.min;
        let [x, y, z] = zip(self.max, self.min, usize::max);
        ndarray::s![c..z, b..y, a..x]
    }
}

impl fmt::Display for VoxelBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c] = self.min;
        let [x, y, z] = self.max;
        write!(f, "i {a}..{x}, j {b}..{y}, k {c}..{z}")
    }
}

fn at(v: [usize; 3], axis: usize) -> usize {
    v.get(axis).copied().unwrap_or_default()
}

fn zip(a: [usize; 3], b: [usize; 3], f: fn(usize, usize) -> usize) -> [usize; 3] {
    let ([a0, a1, a2], [b0, b1, b2]) = (a, b);
    [f(a0, b0), f(a1, b1), f(a2, b2)]
}
