/// What can be wrong with the input of a kernel. The text tells the caller what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ClassicalError {
    /// Two arrays differ in shape.
    #[error("{what} has shape {got:?} (k, j, i) where the image has {expected:?}; resample both to one grid first")]
    Shape {
        /// Which array.
        what: &'static str,
        /// Shape of the image.
        expected: [usize; 3],
        /// Shape that was given.
        got: [usize; 3],
    },
    /// An array without voxels, or with more than a kernel can index.
    #[error("An array of shape {0:?} (k, j, i) cannot be segmented: it must hold 1 to {max} voxels; choose another region", max = 1u32 << 30)]
    Size([usize; 3]),
    /// A parameter outside its range.
    #[error("{name} is {value}; it must be {wanted}")]
    Parameter {
        /// Which one.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What it may be.
        wanted: &'static str,
    },
    /// A point that the array does not hold.
    #[error("The point {0:?} (k, j, i) lies outside the array of shape {1:?}; click inside the image")]
    Outside([usize; 3], [usize; 3]),
}

/// The value, if it is finite and more than 0.
pub(crate) fn positive(name: &'static str, value: f32) -> Result<f32, ClassicalError> {
    let fine = value.is_finite() && value > 0.0;
    fine.then_some(value).ok_or(ClassicalError::Parameter {
        name,
        value: value.into(),
        wanted: "a finite number above 0",
    })
}

/// The value, if it is finite and not below 0.
pub(crate) fn not_negative(name: &'static str, value: f32) -> Result<f32, ClassicalError> {
    let fine = value.is_finite() && value >= 0.0;
    fine.then_some(value).ok_or(ClassicalError::Parameter {
        name,
        value: value.into(),
        wanted: "a finite number, 0 or more",
    })
}

/// The shape `[k, j, i]`, if it is the image's.
pub(crate) fn same_shape(
    what: &'static str,
    got: (usize, usize, usize),
    image: (usize, usize, usize),
) -> Result<(), ClassicalError> {
    let list = |(k, j, i)| [k, j, i];
    if got == image { Ok(()) } else { Err(ClassicalError::Shape { what, expected: list(image), got: list(got) }) }
}

/// The shape `[k, j, i]`, if it holds voxels, but not too many.
pub(crate) fn usable((k, j, i): (usize, usize, usize)) -> Result<[usize; 3], ClassicalError> {
    let count = k.checked_mul(j).and_then(|n| n.checked_mul(i)).unwrap_or(usize::MAX);
    if (1..=1 << 30).contains(&count) { Ok([k, j, i]) } else { Err(ClassicalError::Size([k, j, i])) }
}
