/// Why no uncertainty or proposal could be made. The text tells the reader what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProposalError {
    /// There is no sample.
    #[error("Uncertainty needs at least one sample; ask for more than 0")]
    NoSamples,
    /// Array and grid differ in size.
    #[error("The uncertainty map has {got:?} voxels along (k, j, i) where its grid has {expected:?}; compute it again")]
    Shape {
        /// Shape the grid asks for, `[k, j, i]`.
        expected: [usize; 3],
        /// Shape that was given.
        got: Vec<usize>,
    },
    /// An option outside its range.
    #[error("{0} must be a finite number of at least 0")]
    Option(&'static str),
    /// A grid that cannot be made.
    #[error(transparent)]
    Volume(#[from] isochrone_volume::VolumeError),
}
