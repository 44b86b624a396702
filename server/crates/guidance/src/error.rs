/// What can be wrong with the input of a guidance map. The text tells the reader what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GuidanceError {
    /// An array without voxels, or with more than `u32` can count.
    #[error(
        "An array of shape {0:?} (k, j, i) cannot be used: every axis must hold at least 1 voxel, all together at most 4294967294"
    )]
    Shape([usize; 3]),
    /// Two arrays that should lie on one grid differ in shape.
    #[error("Shapes differ: expected {expected:?} (k, j, i), got {got:?}. Resample both to one grid first")]
    ShapesDiffer {
        /// Shape of the first array, `[k, j, i]`.
        expected: [usize; 3],
        /// Shape of the other, `[k, j, i]`.
        got: [usize; 3],
    },
    /// A spacing that is not finite and positive.
    #[error("Spacing {0:?} mm (k, j, i) cannot be used: give three lengths between 0.000001 and 1000000")]
    Spacing([f32; 3]),
    /// A point that is not a voxel of the array.
    #[error("Point {point:?} (k, j, i) lies outside the array of shape {shape:?}; drop it or check the axis order")]
    PointOutside {
        /// The point, `[k, j, i]`.
        point: [usize; 3],
        /// Shape of the array, `[k, j, i]`.
        shape: [usize; 3],
    },
    /// A point to be removed that was never inserted.
    #[error("Point {0:?} (k, j, i) is not in the set, so it cannot be removed")]
    PointUnknown([usize; 3]),
    /// An image without channels.
    #[error("No image channel was given; give at least one array")]
    NoChannel,
    /// Another number of channels than a field can follow, or than it was made for.
    #[error(
        "The image has {got} channels where {expected} can be used; give the channels the field was made for, 1 to 3"
    )]
    Channels {
        /// Number it was made for, or the most it can follow.
        expected: usize,
        /// Number that was given.
        got: usize,
    },
    /// An array whose voxels do not follow each other in `[k, j, i]` order.
    #[error("The image is not contiguous in [k, j, i] order; copy it first")]
    Layout,
    /// NaN, infinity or an absurdly large number in the image.
    #[error("The image holds {value} at {voxel:?} (k, j, i); replace NaN and infinities, and keep below 1e37")]
    Intensity {
        /// Voxel, `[k, j, i]`.
        voxel: [usize; 3],
        /// Its value.
        value: f32,
    },
    /// A parameter outside its range.
    #[error("{name} = {value} cannot be used: it must be {range}")]
    Parameter {
        /// Name of the parameter.
        name: &'static str,
        /// What was given.
        value: f32,
        /// What is allowed.
        range: &'static str,
    },
}
