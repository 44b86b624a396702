/// What can be wrong with a grid, a volume or a mask. The text tells the reader what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum VolumeError {
    /// A grid without voxels, or with an axis longer than [`crate::Grid::MAX_AXIS`].
    #[error("A volume of {0}×{1}×{2} voxels cannot be used: every axis must hold 1 to 32768 voxels")]
    Size(usize, usize, usize),
    /// The affine holds NaN or infinity, or its columns do not span space.
    #[error(
        "Voxel size or orientation is missing or singular ({0}); the mask could not be placed. Export the image again with its geometry"
    )]
    Geometry(String),
    /// Array and grid differ in size.
    #[error("The voxel array has {got:?} voxels along (k, j, i) where its grid has {expected:?}")]
    Shape {
        /// Shape the grid asks for, `[k, j, i]`.
        expected: [usize; 3],
        /// Shape that was given, `[k, j, i]`.
        got: [usize; 3],
    },
    /// A compressed mask delta could not be read.
    #[error("The mask change is damaged ({0}); send it again")]
    Delta(String),
    /// A box that does not lie inside the grid.
    #[error("The box {0} does not lie inside the volume")]
    Box(String),
    /// A voxel `(i, j, k)` where the mask has nothing.
    #[error("The label has nothing at voxel {0:?} (i, j, k); click on the part that is meant")]
    NotSet([usize; 3]),
    /// A radius that cannot be used.
    #[error("A radius of {got} mm cannot be used; give one above 0 and at most {most} mm")]
    Radius {
        /// What was given, mm.
        got: f64,
        /// Largest, mm.
        most: f64,
    },
    /// Slices between which nothing can be interpolated.
    #[error("Slices {given:?} cannot be interpolated between; give at least two different ones, all below {slices}")]
    Slices {
        /// What was given (at most the first eight).
        given: Vec<usize>,
        /// Slices across the axis.
        slices: usize,
    },
}
