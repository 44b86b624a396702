//! Rarer guidance signals.

use crate::arrays::{self, Image, value_error};
use crate::pool;
use isochrone_guidance::{self as guidance, Adaptive, Geodesic};
use numpy::{IntoPyArray, PyArray3};
use pyo3::prelude::*;

type Map<'py> = PyResult<Bound<'py, PyArray3<f32>>>;

/// A Gaussian round each point, wide where the image is flat and narrow where it is not.
///
/// sigma = a * exp(-b * x) voxels, x the mean geodesic distance in the 9 x 9 x 9 voxels round it.
/// image: [k, j, i], or [channel, k, j, i]. points: (N, 3). spacing: mm. Returns float32 in [0, 1].
#[pyfunction]
#[pyo3(signature = (image, points, spacing, lam=0.5, a=13.0, b=0.15))]
fn adaptive_gaussian<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    points: &Bound<'py, PyAny>,
    spacing: [f32; 3],
    lam: f32,
    a: f32,
    b: f32,
) -> Map<'py> {
    let (image, points) = (Image::new(image)?, arrays::points(points)?);
    let metric = Geodesic { spacing_mm: spacing, lambda: lam, cutoff: None };
    let (channels, adaptive) = (image.channels(), Adaptive { a, b, ..Adaptive::default() });
    let map = pool::run(py, || guidance::adaptive_gaussian(&channels, &points, &metric, &adaptive))?;
    Ok(map.map_err(value_error)?.into_pyarray(py))
}

/// 255 at the points, 10 less for each edge voxel entered on the way, at least 0.
///
/// edges: bool [k, j, i]. points: (N, 3). Returns float32; 0 without points.
#[pyfunction]
fn location_prior<'py>(py: Python<'py>, edges: &Bound<'py, PyAny>, points: &Bound<'py, PyAny>) -> Map<'py> {
    let (edges, points) = (arrays::mask("edges", edges)?, arrays::points(points)?);
    let edges = edges.as_array();
    Ok(pool::run(py, || guidance::location_prior(edges, &points))?.map_err(value_error)?.into_pyarray(py))
}

/// The field of charges at the clicks: sum of q / (d^2 + epsilon), d in mm, epsilon in mm^2.
///
/// shape: (k, j, i). positive, negative: (N, 3), q = +1 and -1. Returns float32; 0 without points.
#[pyfunction]
#[pyo3(signature = (shape, positive, negative, spacing, epsilon=1.0))]
fn attraction_field<'py>(
    py: Python<'py>,
    shape: [usize; 3],
    positive: &Bound<'py, PyAny>,
    negative: &Bound<'py, PyAny>,
    spacing: [f32; 3],
    epsilon: f32,
) -> Map<'py> {
    let (positive, negative) = (arrays::points(positive)?, arrays::points(negative)?);
    let map = pool::run(py, || guidance::attraction_field(shape, &positive, &negative, spacing, epsilon))?;
    Ok(map.map_err(value_error)?.into_pyarray(py))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(adaptive_gaussian, module)?)?;
    module.add_function(wrap_pyfunction!(location_prior, module)?)?;
    module.add_function(wrap_pyfunction!(attraction_field, module)?)
}
