//! Guidance maps.

use crate::arrays::{self, Image};
use isochrone_guidance::{self as guidance, Geodesic, MaskSide, Normalisation};
use numpy::{PyArray3, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
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

/// Distance in mm between voxels inside and outside a mask.
///
/// mask: bool (or integer) [k, j, i]. spacing: mm, (k, j, i). side: "inside" (set voxels, to the
/// nearest unset one; 0 elsewhere), "outside" (unset voxels, to the nearest set one; 0 elsewhere) or
/// "signed" (both; negative inside). With border_is_background the voxels just outside the array
/// count as unset, except along axes of length 1; only for "inside".
/// Returns float32; infinite where there is no voxel of the other kind at all.
#[pyfunction]
#[pyo3(signature = (mask, spacing, border_is_background=false, side="inside"))]
fn distance_transform<'py>(
    py: Python<'py>,
    mask: &Bound<'py, PyAny>,
    spacing: [f32; 3],
    border_is_background: bool,
    side: &str,
) -> Map<'py> {
    let side = match side {
        "inside" => MaskSide::Inside,
        "outside" => MaskSide::Outside,
        "signed" => MaskSide::Signed,
        other => {
            return Err(PyValueError::new_err(format!("side must be 'inside', 'outside' or 'signed', not {other:?}")));
        }
    };
    if border_is_background && side != MaskSide::Inside {
        return Err(PyValueError::new_err("border_is_background needs side='inside'; pad the mask instead"));
    }
    let mask = arrays::mask("mask", mask)?;
    let shape = mask.shape().first_chunk().copied().unwrap_or_default();
    let view = mask.as_array();
    arrays::filled(py, shape, |out| match border_is_background {
        true => guidance::distance_transform_into(out, view, spacing, true),
        false => guidance::mask_distance_into(out, view, spacing, side),
    })
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
    arrays::filled(py, image.shape(), |out| guidance::geodesic_distance_into(out, &channels, &points, &metric))
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
    let decay = Normalisation::Exponential(tau);
    arrays::filled(py, image.shape(), |mut out| {
        decay.check()?;
        guidance::geodesic_distance_into(out.view_mut(), &channels, &points, &metric)?;
        decay.apply(out)
    })
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

/// A map brought to a network's range, as a new array; kind is one of
///
/// "min-max": to [0, 1] by the least and the greatest finite value, +inf becomes 1;
/// "percentile": as "min-max", then what is not above the value-th percentile of the values above 0
/// becomes 0 (theta of Marinov et al. 2023);
/// "exponential": exp(-v / value), 1 at 0 and 0 at +inf.
/// map: [k, j, i]. Returns float32 of that shape.
#[pyfunction]
#[pyo3(signature = (map, kind, value=None))]
fn normalise<'py>(py: Python<'py>, map: &Bound<'py, PyAny>, kind: &str, value: Option<f32>) -> Map<'py> {
    let kind = match (kind, value) {
        ("min-max", None) => Normalisation::MinMax,
        ("percentile", Some(percent)) => Normalisation::Percentile(percent),
        ("exponential", Some(tau)) => Normalisation::Exponential(tau),
        _ => {
            return Err(PyValueError::new_err(
                "kind must be 'min-max' (without value), 'percentile' or 'exponential' (with one)",
            ));
        }
    };
    let from = Image::new(map)?;
    let [channel] = from.channels()[..] else {
        return Err(PyValueError::new_err("map must have 3 axes [k, j, i]"));
    };
    arrays::filled(py, from.shape(), |mut out| {
        out.assign(&channel);
        kind.apply(out)
    })
}

/// The instruction set that kernels run on: "scalar", "avx2", "avx512" or "neon".
///
/// ISOCHRONE_SIMD=scalar (or avx2) in the environment lowers it; the maps are the same in every bit.
#[pyfunction]
fn instruction_set() -> &'static str {
    guidance::instruction_set()
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(euclidean_distance, module)?)?;
    module.add_function(wrap_pyfunction!(distance_transform, module)?)?;
    module.add_function(wrap_pyfunction!(geodesic_distance, module)?)?;
    module.add_function(wrap_pyfunction!(exponential_geodesic, module)?)?;
    module.add_function(wrap_pyfunction!(gaussian, module)?)?;
    module.add_function(wrap_pyfunction!(disk, module)?)?;
    module.add_function(wrap_pyfunction!(normalise, module)?)?;
    module.add_function(wrap_pyfunction!(instruction_set, module)?)
}
