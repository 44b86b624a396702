//! Guidance maps.

use crate::arrays::{self, Image};
use crate::pool;
use isochrone_guidance::{self as guidance, Geodesic};
use numpy::{IntoPyArray, PyArray3, PyUntypedArrayMethods};
use pyo3::prelude::*;

type Map<'py> = PyResult<Bound<'py, PyArray3<f32>>>;

/// Distance in mm from every voxel to the nearest point.
///
/// shape: (k, j, i). points: (N, 3) integers. spacing: mm, (k, j, i).
/// Returns float32 of that shape; +inf everywhere without points.
#[pyfunction]
fn euclidean_distance<'py>(
    py: Python<'py>,
    shape: [usize; 3],
    points: &Bound<'py, PyAny>,
    spacing: [f32; 3],
) -> Map<'py> {
    let points = arrays::points(points)?;
    arrays::filled(py, shape, |out| guidance::euclidean_distance_into(out, &points, spacing))
}

/// Distance in mm from every set voxel to the nearest unset one; 0 at unset voxels.
///
/// mask: bool (or integer) [k, j, i]. spacing: mm, (k, j, i). With border_is_background the voxels
/// just outside the array count as unset, except along axes of length 1.
/// Returns float32; +inf if there is no unset voxel at all.
#[pyfunction]
#[pyo3(signature = (mask, spacing, border_is_background=false))]
fn distance_transform<'py>(
    py: Python<'py>,
    mask: &Bound<'py, PyAny>,
    spacing: [f32; 3],
    border_is_background: bool,
) -> Map<'py> {
    let mask = arrays::mask("mask", mask)?;
    let shape = mask.shape().first_chunk().copied().unwrap_or_default();
    let view = mask.as_array();
    arrays::filled(py, shape, |out| guidance::distance_transform_into(out, view, spacing, border_is_background))
}

/// Geodesic distance to the nearest point, over 26 neighbours.
///
/// A step costs (1 - lam) * |offset| in mm + lam * |difference in intensity|, summed over channels.
/// image: [k, j, i], or [channel, k, j, i]; normalise it first, as a mm counts like one unit.
/// points: (N, 3). spacing: mm, (k, j, i). lam: 0 to 1. cutoff: larger distances become +inf.
/// Returns float32 [k, j, i]; +inf everywhere without points.
#[pyfunction]
#[pyo3(signature = (image, points, spacing, lam=0.5, cutoff=None))]
fn geodesic_distance<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    points: &Bound<'py, PyAny>,
    spacing: [f32; 3],
    lam: f32,
    cutoff: Option<f32>,
) -> Map<'py> {
    let (image, points) = (Image::new(image)?, arrays::points(points)?);
    let metric = Geodesic { spacing_mm: spacing, lambda: lam, cutoff };
    let channels = image.channels();
    let map = pool::run(py, || guidance::geodesic_distance_channels(&channels, &points, &metric))?;
    Ok(map.map_err(arrays::value_error)?.into_pyarray(py))
}

/// exp(-D / tau) of the geodesic distance D: 1 at the points, falling to 0; 0 without points.
///
/// image, points, spacing, lam: see geodesic_distance. tau: decay, in the distance's unit.
/// Returns float32 [k, j, i].
#[pyfunction]
#[pyo3(signature = (image, points, spacing, lam, tau))]
fn exponential_geodesic<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    points: &Bound<'py, PyAny>,
    spacing: [f32; 3],
    lam: f32,
    tau: f32,
) -> Map<'py> {
    let (image, points) = (Image::new(image)?, arrays::points(points)?);
    let metric = Geodesic { spacing_mm: spacing, lambda: lam, cutoff: None };
    let channels = image.channels();
    let map = pool::run(py, || guidance::exponential_geodesic_channels(&channels, &points, &metric, tau))?;
    Ok(map.map_err(arrays::value_error)?.into_pyarray(py))
}

/// A Gaussian bump round every point, the highest wins: max exp(-d^2 / (2 sigma^2)), d in mm.
///
/// shape: (k, j, i). points: (N, 3). spacing: mm. sigma: mm.
/// Returns float32 in [0, 1]; 0 beyond 5 sigma and without points.
#[pyfunction]
fn gaussian<'py>(
    py: Python<'py>,
    shape: [usize; 3],
    points: &Bound<'py, PyAny>,
    spacing: [f32; 3],
    sigma: f32,
) -> Map<'py> {
    let points = arrays::points(points)?;
    arrays::filled(py, shape, |out| guidance::add_gaussian(out, &points, spacing, sigma))
}

/// 1 within radius (mm, inclusive) of a point, else 0.
///
/// shape: (k, j, i). points: (N, 3). spacing: mm. Returns float32; 0 without points.
#[pyfunction]
fn disk<'py>(
    py: Python<'py>,
    shape: [usize; 3],
    points: &Bound<'py, PyAny>,
    spacing: [f32; 3],
    radius: f32,
) -> Map<'py> {
    let points = arrays::points(points)?;
    arrays::filled(py, shape, |out| guidance::add_disk(out, &points, spacing, radius))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(euclidean_distance, module)?)?;
    module.add_function(wrap_pyfunction!(distance_transform, module)?)?;
    module.add_function(wrap_pyfunction!(geodesic_distance, module)?)?;
    module.add_function(wrap_pyfunction!(exponential_geodesic, module)?)?;
    module.add_function(wrap_pyfunction!(gaussian, module)?)?;
    module.add_function(wrap_pyfunction!(disk, module)?)
}
