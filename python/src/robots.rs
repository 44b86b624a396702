//! Simulated readers and metrics.

use crate::arrays::{self, Image, value_error};
use crate::pool;
use isochrone_robot::{self as robot, Click, Reader, RobotError, Sight};
use numpy::{PyReadonlyArray3, PyReadonlyArrayDyn};
use pyo3::prelude::*;

type PyClick = Option<((usize, usize, usize), bool)>;

fn answer(click: Result<Option<Click>, RobotError>) -> PyResult<PyClick> {
    Ok(click.map_err(value_error)?.map(|click| (click.voxel_kji.into(), click.positive)))
}

fn optional_mask<'py>(object: Option<&Bound<'py, PyAny>>) -> PyResult<Option<PyReadonlyArray3<'py, bool>>> {
    object.map(|o| arrays::mask("prediction", o)).transpose()
}

/// The voxel deepest inside the largest mistake, and whether it belongs to the truth.
///
/// prediction: bool [k, j, i], or None before the first. truth: bool [k, j, i]. spacing: mm.
/// Returns ((k, j, i), positive), or None if both agree. Ties: first in scan order. What lies
/// outside the array counts as outside the mistake.
#[pyfunction]
#[pyo3(signature = (prediction, truth, spacing))]
fn centre_click(
    py: Python<'_>,
    prediction: Option<&Bound<'_, PyAny>>,
    truth: &Bound<'_, PyAny>,
    spacing: [f32; 3],
) -> PyResult<PyClick> {
    let (prediction, truth) = (optional_mask(prediction)?, arrays::mask("truth", truth)?);
    let (prediction, truth) = (prediction.as_ref().map(PyReadonlyArray3::as_array), truth.as_array());
    answer(pool::run(py, || robot::centre_click(prediction, truth, spacing))?)
}

/// As centre_click, looking only at one slice: axis 0 (k), 1 (j) or 2 (i), index in voxels.
///
/// Returns ((k, j, i), positive), or None if both agree on that slice.
#[pyfunction]
#[pyo3(signature = (prediction, truth, spacing, axis, index))]
fn centre_click_on_slice(
    py: Python<'_>,
    prediction: Option<&Bound<'_, PyAny>>,
    truth: &Bound<'_, PyAny>,
    spacing: [f32; 3],
    axis: usize,
    index: usize,
) -> PyResult<PyClick> {
    let (prediction, truth) = (optional_mask(prediction)?, arrays::mask("truth", truth)?);
    let (prediction, truth) = (prediction.as_ref().map(PyReadonlyArray3::as_array), truth.as_array());
    answer(pool::run(py, || robot::centre_click_on_slice(prediction, truth, spacing, axis, index))?)
}

/// One click of a simulated reader, the same for the same seed and turn.
///
/// reader: "centre", "uncertain", "edt", "uniform", "boundary", "perturbed" or "long-axis". prediction: bool
/// [k, j, i], or None before the first. uncertainty: float [k, j, i] for "uncertain", in any unit; without it that
/// reader clicks as "centre". Returns ((k, j, i), positive), or None if there is nothing to correct. A perturbed
/// click keeps the meaning of the place it missed, so it may lie on the wrong side of the border.
#[pyfunction]
#[pyo3(signature = (reader, prediction, truth, spacing, seed=0, turn=0, uncertainty=None))]
fn simulated_click(
    py: Python<'_>,
    reader: &str,
    prediction: Option<&Bound<'_, PyAny>>,
    truth: &Bound<'_, PyAny>,
    spacing: [f32; 3],
    seed: u64,
    turn: u64,
    uncertainty: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyClick> {
    let reader: Reader = reader.parse().map_err(value_error)?;
    let (prediction, truth) = (optional_mask(prediction)?, arrays::mask("truth", truth)?);
    let image = uncertainty.map(Image::new).transpose()?;
    let channels = image.as_ref().map(Image::channels);
    let sight = Sight {
        prediction: prediction.as_ref().map(PyReadonlyArray3::as_array),
        truth: truth.as_array(),
        spacing_mm: spacing,
        uncertainty: channels.as_ref().and_then(|c| c.first().copied()),
    };
    answer(pool::run(py, || reader.click(&sight, seed, turn))?)
}

/// Area under the ROC curve of a score that should be higher where something is wrong; nan where nothing or all is.
///
/// scores: float32 of any shape; wrong: bool of the same shape.
#[pyfunction]
fn auroc(scores: PyReadonlyArrayDyn<'_, f32>, wrong: PyReadonlyArrayDyn<'_, bool>) -> f64 {
    let (scores, wrong): (Vec<f32>, Vec<bool>) =
        (scores.as_array().iter().copied().collect(), wrong.as_array().iter().copied().collect());
    robot::auroc(&scores, &wrong).unwrap_or(f64::NAN)
}

/// Expected calibration error of a foreground probability, over bins of equal width.
///
/// probability: float32 of any shape; truth: bool of the same shape.
#[pyfunction]
#[pyo3(signature = (probability, truth, bins=15))]
fn calibration_error(
    probability: PyReadonlyArrayDyn<'_, f32>,
    truth: PyReadonlyArrayDyn<'_, bool>,
    bins: usize,
) -> f64 {
    let probability: Vec<f32> = probability.as_array().iter().copied().collect();
    let truth: Vec<bool> = truth.as_array().iter().copied().collect();
    robot::Calibration::of(&probability, &truth, bins).error().unwrap_or(f64::NAN)
}

/// 2 |P and G| / (|P| + |G|); nan where the truth is empty. Masks: bool [k, j, i].
#[pyfunction]
fn dice(py: Python<'_>, prediction: &Bound<'_, PyAny>, truth: &Bound<'_, PyAny>) -> PyResult<f64> {
    let (prediction, truth) = (arrays::mask("prediction", prediction)?, arrays::mask("truth", truth)?);
    let (prediction, truth) = (prediction.as_array(), truth.as_array());
    Ok(pool::run(py, || robot::dice(prediction, truth))?.map_err(value_error)?.unwrap_or(f64::NAN))
}

/// |P and G| / |P or G|; nan where the truth is empty. Masks: bool [k, j, i].
#[pyfunction]
fn iou(py: Python<'_>, prediction: &Bound<'_, PyAny>, truth: &Bound<'_, PyAny>) -> PyResult<f64> {
    let (prediction, truth) = (arrays::mask("prediction", prediction)?, arrays::mask("truth", truth)?);
    let (prediction, truth) = (prediction.as_array(), truth.as_array());
    Ok(pool::run(py, || robot::iou(prediction, truth))?.map_err(value_error)?.unwrap_or(f64::NAN))
}

/// The first click, from 1, whose score reaches threshold, and whether any did.
///
/// scores: one a click. Returns (clicks, reached); (limit, False) if none did.
#[pyfunction]
#[pyo3(signature = (scores, threshold, limit=20))]
fn noc_at(scores: Vec<f64>, threshold: f64, limit: usize) -> (usize, bool) {
    let noc = robot::noc_at(&scores, threshold, limit);
    (noc.clicks, noc.reached)
}

/// Per cent of steps that strictly improve the score; nan for fewer than two scores.
#[pyfunction]
fn consistent_improvement(scores: Vec<f64>) -> f64 {
    robot::consistent_improvement(&scores).unwrap_or(f64::NAN)
}

/// Area under the scores by trapezia of width 1.
#[pyfunction]
fn auc(scores: Vec<f64>) -> f64 {
    robot::auc(&scores)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(centre_click, module)?)?;
    module.add_function(wrap_pyfunction!(centre_click_on_slice, module)?)?;
    module.add_function(wrap_pyfunction!(simulated_click, module)?)?;
    module.add_function(wrap_pyfunction!(auroc, module)?)?;
    module.add_function(wrap_pyfunction!(calibration_error, module)?)?;
    module.add_function(wrap_pyfunction!(dice, module)?)?;
    module.add_function(wrap_pyfunction!(iou, module)?)?;
    module.add_function(wrap_pyfunction!(noc_at, module)?)?;
    module.add_function(wrap_pyfunction!(consistent_improvement, module)?)?;
    module.add_function(wrap_pyfunction!(auc, module)?)
}
