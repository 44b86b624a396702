//! Classical segmentation kernels.

use crate::arrays::{self, Image};
use crate::pool;
use isochrone_classical::graph_cut::{self as cut, Links, Neighbours};
use isochrone_classical::iso_contour::{self as iso, IsoContour, Rule};
use isochrone_classical::morphological::{self, GeodesicContour, geodesic_active_contour};
use isochrone_classical::snake::{self, Pin, Snake};
use numpy::ndarray::ArrayView3;
use numpy::{IntoPyArray, PyArray3, PyArrayMethods, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

type Mask<'py> = PyResult<Bound<'py, PyArray3<bool>>>;

/// The one channel of an image.
fn one<'a>(name: &str, image: &'a Image<'_>) -> PyResult<ArrayView3<'a, f32>> {
    match image {
        Image::One(image) => Ok(image.as_array()),
        Image::Many(_) => Err(PyValueError::new_err(format!("{name} must have 3 axes [k, j, i]; pass one channel"))),
    }
}

fn links(spacing: [f32; 3], sigma: f32, scale: f32, neighbours: usize) -> PyResult<Links> {
    let neighbours = match neighbours {
        6 => Neighbours::Six,
        26 => Neighbours::TwentySix,
        other => return Err(PyValueError::new_err(format!("neighbours must be 6 or 26, not {other}"))),
    };
    Ok(Links { neighbours, scale, sigma, spacing_mm: spacing })
}

/// The object of a minimum cut over the voxel grid.
///
/// image: [k, j, i]. unary: what a voxel gains by being object (+inf and -inf are hard seeds).
/// spacing: mm, (k, j, i). A cut between two neighbours (6 or 26) costs
/// scale * exp(-difference^2 / (2 sigma^2)) / distance in mm. Returns bool [k, j, i].
#[pyfunction]
#[pyo3(signature = (image, unary, spacing, sigma, scale=1.0, neighbours=6))]
fn graph_cut<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    unary: &Bound<'py, PyAny>,
    spacing: [f32; 3],
    sigma: f32,
    scale: f32,
    neighbours: usize,
) -> Mask<'py> {
    let (image, unary) = (Image::new(image)?, Image::new(unary)?);
    let (image, unary) = (one("image", &image)?, one("unary", &unary)?);
    let links = links(spacing, sigma, scale, neighbours)?;
    let object = pool::run(py, || cut::graph_cut(image, unary, &links, &|| false))?.map_err(arrays::value_error)?;
    object.map(|o| o.into_pyarray(py)).ok_or_else(|| arrays::value_error("Stopped"))
}

/// What is at least as bright as a threshold, and connected to a click over 26 neighbours.
///
/// image: [k, j, i]. click: (k, j, i). spacing: mm. rule: ("of_maximum", 0.41), ("fixed", 2.5),
/// ("liver", mean + 2 SD), or ("adaptive", 0.41), background-corrected.
/// Returns the mask, bool [k, j, i], and the threshold.
#[pyfunction]
#[pyo3(signature = (image, click, spacing, rule, search=10.0))]
fn iso_contour<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    click: [usize; 3],
    spacing: [f32; 3],
    rule: (String, f32),
    search: f32,
) -> PyResult<(Bound<'py, PyArray3<bool>>, f32)> {
    let image = Image::new(image)?;
    let image = one("image", &image)?;
    let rule = match (rule.0.as_str(), rule.1) {
        ("of_maximum", share) => Rule::OfMaximum(share),
        ("adaptive", share) => Rule::Adaptive(share),
        ("fixed" | "liver", value) => Rule::Fixed(value),
        (other, _) => {
            return Err(PyValueError::new_err(format!(
                "rule must be of_maximum, fixed, liver or adaptive, not {other:?}"
            )));
        }
    };
    let options = IsoContour { rule, search_mm: search, spacing_mm: spacing };
    let (k, j, i) = image.dim();
    let found = pool::run(py, || iso::iso_contour(&image, &[click], &options))?.map_err(arrays::value_error)?;
    let mask = arrays::zeros::<bool>(py, [k, j, i])?;
    mask.readwrite().as_array_mut().slice_mut(found.region.slice()).assign(&found.mask);
    Ok((mask, found.threshold))
}

/// How a geodesic active contour moves (an object of options, as Python passes them).
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Contour {
    iterations: usize,
    smoothing: usize,
    balloon: f32,
    threshold: Option<f32>,
}

/// Moves the border of a mask to edges of an image by morphology (Marquez-Neila et al. 2014).
///
/// edges: [k, j, i], near 0 at edges and near 1 elsewhere. initial: mask [k, j, i]. options: a dict of
/// iterations, smoothing, balloon and threshold (None: 40th percentile of edges).
/// Returns bool [k, j, i].
#[pyfunction]
fn morphological_geodesic_active_contour<'py>(
    py: Python<'py>,
    edges: &Bound<'py, PyAny>,
    initial: &Bound<'py, PyAny>,
    options: Contour,
) -> Mask<'py> {
    let (edges, initial) = (Image::new(edges)?, arrays::mask("initial", initial)?);
    let (edges, initial) = (one("edges", &edges)?, initial.as_array());
    let Contour { iterations, smoothing, balloon, threshold } = options;
    let options = GeodesicContour { iterations, smoothing, balloon, threshold };
    let mask = pool::run(py, || geodesic_active_contour(edges, initial, None, &options, &|| false))?;
    mask.map_err(arrays::value_error)?.map(|m| m.into_pyarray(py)).ok_or_else(|| arrays::value_error("Stopped"))
}

/// 1 / sqrt(1 + alpha * |gradient of the image smoothed by sigma voxels|), float32 [k, j, i].
#[pyfunction]
#[pyo3(signature = (image, alpha=100.0, sigma=5.0))]
fn inverse_gaussian_gradient<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    alpha: f32,
    sigma: f32,
) -> PyResult<Bound<'py, PyArray3<f32>>> {
    let image = Image::new(image)?;
    let image = one("image", &image)?;
    let edges = pool::run(py, || morphological::inverse_gaussian_gradient(image, alpha, sigma))?;
    Ok(edges.map_err(arrays::value_error)?.into_pyarray(py))
}

/// Moves a closed curve on a slice to edges and lets it rest (Kass, Witkin, Terzopoulos 1988).
///
/// image: float32 [j, i]. curve: points (j, i) in fractional voxels. spacing: mm, (j, i). pins: (index of a point,
/// (j, i)) that hold it. sigma: mm. reach: how far off an edge is felt, mm. Returns the points (j, i).
#[pyfunction]
#[pyo3(signature = (image, curve, spacing, pins=Vec::new(), sigma=1.0, reach=8.0))]
fn active_curve(
    py: Python<'_>,
    image: PyReadonlyArray2<'_, f32>,
    curve: Vec<[f64; 2]>,
    spacing: [f32; 2],
    pins: Vec<(usize, [f64; 2])>,
    sigma: f32,
    reach: f32,
) -> PyResult<Vec<[f64; 2]>> {
    let image = image.as_array();
    let pins: Vec<Pin> = pins.into_iter().map(|(point, target)| Pin { point, target }).collect();
    let options = Snake { sigma_mm: sigma, reach_mm: reach, ..Snake::default() };
    let found = pool::run(py, || snake::evolve(image, spacing, &curve, &pins, &options, &|| false))?;
    found.map_err(arrays::value_error)?.map(|f| f.curve).ok_or_else(|| arrays::value_error("Stopped"))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(graph_cut, module)?)?;
    module.add_function(wrap_pyfunction!(morphological_geodesic_active_contour, module)?)?;
    module.add_function(wrap_pyfunction!(iso_contour, module)?)?;
    module.add_function(wrap_pyfunction!(active_curve, module)?)?;
    module.add_function(wrap_pyfunction!(inverse_gaussian_gradient, module)?)
}
