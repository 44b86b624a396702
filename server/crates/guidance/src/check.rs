//! Checks that every kernel makes before it starts.
#![allow(clippy::neg_cmp_op_on_partial_ord, reason = "NaN fails every comparison, and must be refused too")]

use crate::GuidanceError;
use ndarray::ArrayView3;
use rayon::prelude::*;

/// Largest magnitude of an image value: differences and their sums stay far from overflow.
const MAX_INTENSITY: f32 = 1e37;

pub(crate) fn shape(shape: [usize; 3]) -> Result<(), GuidanceError> {
    let count = shape.iter().try_fold(1usize, |n, &m| n.checked_mul(m));
    match count {
        Some(1..=0xFFFF_FFFE) => Ok(()),
        _ => Err(GuidanceError::Shape(shape)),
    }
}

pub(crate) fn spacing(spacing_mm: [f32; 3]) -> Result<(), GuidanceError> {
    let usable = spacing_mm.iter().all(|s| (1e-6..=1e6).contains(s));
    if usable { Ok(()) } else { Err(GuidanceError::Spacing(spacing_mm)) }
}

pub(crate) fn points(points: &[[usize; 3]], shape: [usize; 3]) -> Result<(), GuidanceError> {
    let outside = |p: &&[usize; 3]| p.iter().zip(&shape).any(|(x, n)| x >= n);
    match points.iter().find(outside) {
        Some(&point) => Err(GuidanceError::PointOutside { point, shape }),
        None => Ok(()),
    }
}

pub(crate) fn all(shape_: [usize; 3], points_: &[[usize; 3]], spacing_mm: [f32; 3]) -> Result<(), GuidanceError> {
    shape(shape_)?;
    spacing(spacing_mm)?;
    points(points_, shape_)
}

pub(crate) fn positive(name: &'static str, value: f32) -> Result<(), GuidanceError> {
    let range = "a finite number above 0";
    if value > 0.0 && value.is_finite() { Ok(()) } else { Err(GuidanceError::Parameter { name, value, range }) }
}

/// Wide enough that its square neither vanishes nor overflows.
pub(crate) fn measure(name: &'static str, value: f32) -> Result<(), GuidanceError> {
    let range = "between 0.000001 and 1000000";
    if (1e-6..=1e6).contains(&value) { Ok(()) } else { Err(GuidanceError::Parameter { name, value, range }) }
}

pub(crate) fn not_negative(name: &'static str, value: f32) -> Result<(), GuidanceError> {
    let range = "a finite number, 0 or more";
    if value >= 0.0 && value.is_finite() { Ok(()) } else { Err(GuidanceError::Parameter { name, value, range }) }
}

pub(crate) fn percent(value: f32) -> Result<(), GuidanceError> {
    let (name, range) = ("percent", "between 0 and 100");
    if (0.0..=100.0).contains(&value) { Ok(()) } else { Err(GuidanceError::Parameter { name, value, range }) }
}

pub(crate) fn lambda(value: f32) -> Result<(), GuidanceError> {
    let (name, range) = ("lambda", "between 0 (distance only) and 1 (intensity only)");
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(GuidanceError::Parameter { name, value, range }) }
}

pub(crate) fn cutoff(cutoff_mm: Option<f32>) -> Result<(), GuidanceError> {
    let (name, range) = ("cutoff", "0 or more (leave it out for the full map)");
    match cutoff_mm {
        Some(value) if !(value >= 0.0) => Err(GuidanceError::Parameter { name, value, range }),
        _ => Ok(()),
    }
}

/// All channels have one usable shape and finite values; returns the shape.
pub(crate) fn channels(image: &[ArrayView3<'_, f32>]) -> Result<[usize; 3], GuidanceError> {
    let first = image.first().ok_or(GuidanceError::NoChannel)?;
    let expected = shape_of(first);
    shape(expected)?;
    for channel in image {
        let got = shape_of(channel);
        if got != expected {
            return Err(GuidanceError::ShapesDiffer { expected, got });
        }
        let bad_slice =
            channel.axis_iter(ndarray::Axis(0)).into_par_iter().position_first(|slice| match slice.as_slice() {
                // Written without an early exit, so that it becomes SIMD.
                Some(flat) => !flat.iter().fold(true, |ok, v| ok & (v.abs() <= MAX_INTENSITY)),
                None => slice.iter().any(|v| !(v.abs() <= MAX_INTENSITY)),
            });
        let Some(k) = bad_slice else { continue };
        let slice = channel.index_axis(ndarray::Axis(0), k);
        let bad = slice.indexed_iter().find(|(_, v)| !(v.abs() <= MAX_INTENSITY));
        if let Some(((j, i), &value)) = bad {
            return Err(GuidanceError::Intensity { voxel: [k, j, i], value });
        }
    }
    Ok(expected)
}

pub(crate) fn shape_of<T>(array: &ArrayView3<'_, T>) -> [usize; 3] {
    let (k, j, i) = array.dim();
    [k, j, i]
}
