//! Operations on a whole mask.

use isochrone_volume::operations::{
    Edited, Holes, difference, fill_holes, interpolate_slices, intersection, keep_island, remove_island, smooth, union,
};
use isochrone_volume::{Axis, Mask, VolumeError, VoxelBox};
use serde::{Deserialize, Serialize};

/// What is done to a label's mask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Operation {
    /// The connected part (26 neighbours) that holds a voxel `(i, j, k)`: only it stays, or only it goes.
    Island {
        /// A voxel of the part.
        voxel: [usize; 3],
        /// Whether it stays or goes.
        keep: bool,
    },
    /// Sets background that the mask encloses.
    FillHoles(Holes),
    /// Smooths by a Gaussian; a ball of less than this radius vanishes, and so does a dent.
    Smooth {
        /// Radius, mm.
        radius_mm: f64,
    },
    /// Fills the slices between edited ones by shape.
    Interpolate {
        /// Across which axis the slices lie.
        axis: Axis,
        /// The edited slices.
        slices: Vec<usize>,
        /// Only these voxels are looked at and changed.
        within: VoxelBox,
    },
    /// Becomes the union, intersection or difference with another label.
    Combine {
        /// The other label.
        other: u32,
        /// Which of the three.
        how: SetOperation,
    },
}

/// Labels as sets of voxels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SetOperation {
    /// Voxels of either; they go over from the other label, unless overlap is allowed.
    Union,
    /// Voxels of both.
    Intersection,
    /// Voxels that the other has not.
    Difference,
}

impl Operation {
    /// The label whose voxels go over to this one, whatever the policy.
    pub(crate) fn takes_from(&self) -> Option<u32> {
        match self {
            Self::Combine { other, how: SetOperation::Union } => Some(*other),
            _ => None,
        }
    }

    /// The other label that it looks at.
    pub(crate) fn other(&self) -> Option<u32> {
        match self {
            Self::Combine { other, .. } => Some(*other),
            _ => None,
        }
    }

    /// The mask after it. `other` is the mask of [`Operation::other`].
    pub(crate) fn run(&self, mask: &Mask, other: Option<&Mask>) -> Result<Edited, VolumeError> {
        match self {
            Self::Island { voxel, keep: true } => keep_island(mask, *voxel),
            Self::Island { voxel, keep: false } => remove_island(mask, *voxel),
            Self::FillHoles(holes) => Ok(fill_holes(mask, *holes)),
            Self::Smooth { radius_mm } => smooth(mask, *radius_mm),
            Self::Interpolate { axis, slices, within } => interpolate_slices(mask, *axis, slices, within),
            Self::Combine { how, .. } => {
                let nothing;
                let other = match other {
                    Some(other) => other,
                    // Gone, since an earlier prompt was removed: the empty set.
                    None => {
                        nothing = Mask::empty(mask.grid().clone());
                        &nothing
                    }
                };
                match how {
                    SetOperation::Union => union(mask, other),
                    SetOperation::Intersection => intersection(mask, other),
                    SetOperation::Difference => difference(mask, other),
                }
            }
        }
    }
}
