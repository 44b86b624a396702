use isochrone_guidance::GuidanceError;

/// What can be wrong with the input of a robot or a metric. The text tells the reader what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RobotError {
    /// Prediction and truth differ in shape.
    #[error("The prediction has shape {prediction:?} (k, j, i), the truth {truth:?}; resample both to one grid first")]
    ShapesDiffer {
        /// Shape of the prediction, `[k, j, i]`.
        prediction: [usize; 3],
        /// Shape of the truth, `[k, j, i]`.
        truth: [usize; 3],
    },
    /// An axis or slice that the array does not have.
    #[error(
        "There is no slice {index} along axis {axis} of an array of shape {shape:?} (k, j, i); axes are 0 (k), 1 (j) and 2 (i)"
    )]
    NoSuchSlice {
        /// Array axis asked for.
        axis: usize,
        /// Slice asked for.
        index: usize,
        /// Shape of the array, `[k, j, i]`.
        shape: [usize; 3],
    },
    /// A reader that is none.
    #[error("{0:?} is not a reader: choose centre, uncertain, edt, uniform, boundary, perturbed or long-axis")]
    NoSuchReader(String),
    /// The distance inside the mistake could not be computed.
    #[error(transparent)]
    Guidance(#[from] GuidanceError),
}
