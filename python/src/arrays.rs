//! From NumPy to what kernels take, with errors that say what to change.

use numpy::ndarray::ArrayView3;
use numpy::{
    Element, PyArray3, PyArrayMethods, PyReadonlyArray2, PyReadonlyArray3, PyReadonlyArray4, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::fmt::Display;

/// Any of our errors as `ValueError`.
pub fn value_error(error: impl Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn numpy_array<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyUntypedArray>> {
    let array = object.py().import("numpy")?.call_method1("asarray", (object,))?;
    Ok(array.cast_into::<PyUntypedArray>()?)
}

fn kind(array: &Bound<'_, PyUntypedArray>) -> PyResult<String> {
    array.dtype().getattr("kind")?.extract()
}

/// The array as native, aligned values of another type; itself if it already is that.
fn converted<'py>(array: &Bound<'py, PyUntypedArray>, dtype: &str) -> PyResult<Bound<'py, PyAny>> {
    let options = PyDict::new(array.py());
    options.set_item("dtype", dtype)?;
    options.set_item("requirements", "A")?;
    array.py().import("numpy")?.getattr("require")?.call((array,), Some(&options))
}

fn wrong_dimensions(name: &str, wanted: &str, array: &Bound<'_, PyUntypedArray>) -> PyErr {
    PyValueError::new_err(format!(
        "{name} must have {wanted}, not shape {:?}; give a 2D image depth 1 with image[None]",
        array.shape()
    ))
}

/// One or several image channels as `float32`.
pub enum Image<'py> {
    /// `[k, j, i]`.
    One(PyReadonlyArray3<'py, f32>),
    /// `[channel, k, j, i]`.
    Many(PyReadonlyArray4<'py, f32>),
}

impl<'py> Image<'py> {
    /// From `[k, j, i]`, or `[channel, k, j, i]`, of any real type.
    pub fn new(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        let array = numpy_array(object)?;
        if !matches!(kind(&array)?.as_str(), "f" | "i" | "u" | "b") {
            return Err(PyTypeError::new_err(format!("image must hold real numbers, not {}", array.dtype())));
        }
        match array.ndim() {
            3 => Ok(Self::One(converted(&array, "float32")?.extract()?)),
            4 => Ok(Self::Many(converted(&array, "float32")?.extract()?)),
            _ => Err(wrong_dimensions("image", "3 axes [k, j, i], or 4 with channels first", &array)),
        }
    }

    /// The image as contiguous `float32`, to be kept: itself if it already is that.
    pub fn contiguous(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyUntypedArray>> {
        // Checks the type and the axes before anything is converted.
        drop(Self::new(object)?);
        let array = object.py().import("numpy")?.call_method1("ascontiguousarray", (object, "float32"))?;
        Ok(array.cast_into::<PyUntypedArray>()?)
    }

    /// One view a channel, each `[k, j, i]`.
    pub fn channels(&self) -> Vec<ArrayView3<'_, f32>> {
        match self {
            Self::One(image) => vec![image.as_array()],
            Self::Many(image) => image.as_array().into_outer_iter_views(),
        }
    }

    /// `[k, j, i]`.
    pub fn shape(&self) -> [usize; 3] {
        match self {
            Self::One(image) => last_three(image.shape()),
            Self::Many(image) => last_three(image.shape()),
        }
    }
}

fn last_three(shape: &[usize]) -> [usize; 3] {
    shape.last_chunk().copied().unwrap_or_default()
}

trait OuterViews<'a> {
    fn into_outer_iter_views(self) -> Vec<ArrayView3<'a, f32>>;
}

impl<'a> OuterViews<'a> for numpy::ndarray::ArrayView4<'a, f32> {
    fn into_outer_iter_views(self) -> Vec<ArrayView3<'a, f32>> {
        (0..self.len_of(numpy::ndarray::Axis(0))).map(|n| self.index_axis_move(numpy::ndarray::Axis(0), n)).collect()
    }
}

/// A mask `[k, j, i]`; integers count as set where they are not 0, floats are refused.
pub fn mask<'py>(name: &str, object: &Bound<'py, PyAny>) -> PyResult<PyReadonlyArray3<'py, bool>> {
    let array = numpy_array(object)?;
    if !matches!(kind(&array)?.as_str(), "b" | "i" | "u") {
        let found = array.dtype();
        return Err(PyTypeError::new_err(format!(
            "{name} must be bool or integer, not {found}; threshold it first ({name} > 0.5)"
        )));
    }
    if array.ndim() != 3 {
        return Err(wrong_dimensions(name, "3 axes [k, j, i]", &array));
    }
    converted(&array, "bool")?.extract()
}

/// Points `(N, 3)` or `(3,)` of integers, `(k, j, i)`; any empty sequence means none.
pub fn points(object: &Bound<'_, PyAny>) -> PyResult<Vec<[usize; 3]>> {
    let array = numpy_array(object)?;
    if array.is_empty() {
        return Ok(Vec::new());
    }
    if !matches!(kind(&array)?.as_str(), "i" | "u") {
        return Err(PyTypeError::new_err(format!(
            "points must be integers (k, j, i), not {}; round them first",
            array.dtype()
        )));
    }
    let array = match array.shape() {
        [_, 3] => array.into_any(),
        [3] => array.call_method1("reshape", (1, 3))?,
        other => return Err(PyValueError::new_err(format!("points must have shape (N, 3), not {other:?}"))),
    };
    let array: PyReadonlyArray2<'_, i64> = converted(array.cast::<PyUntypedArray>()?, "int64")?.extract()?;
    array.as_array().rows().into_iter().map(|row| voxel(row.iter().copied())).collect()
}

fn voxel(row: impl Iterator<Item = i64>) -> PyResult<[usize; 3]> {
    let row: Vec<i64> = row.collect();
    let inside: Vec<usize> = row.iter().filter_map(|&x| usize::try_from(x).ok()).collect();
    <[usize; 3]>::try_from(inside)
        .map_err(|_| PyValueError::new_err(format!("Point {row:?} has a negative index; drop it or check its origin")))
}

/// A new array of zeros `[k, j, i]`, in memory that NumPy owns.
pub fn zeros<'py, T: Element>(py: Python<'py>, shape: [usize; 3]) -> PyResult<Bound<'py, PyArray3<T>>> {
    // NumPy fails on absurd sizes with a panic of its binding; refuse them before.
    match shape.iter().try_fold(1usize, |n, &m| n.checked_mul(m)) {
        Some(1..=0xFFFF_FFFE) => Ok(PyArray3::zeros(py, shape, false)),
        _ => {
            Err(PyValueError::new_err(format!("shape {shape:?} cannot be used: every axis must hold at least 1 voxel")))
        }
    }
}

/// Fills a new array `[k, j, i]` by a kernel that runs without the GIL.
pub fn filled<'py, E: Display + Send>(
    py: Python<'py>,
    shape: [usize; 3],
    kernel: impl FnOnce(numpy::ndarray::ArrayViewMut3<'_, f32>) -> Result<(), E> + Send,
) -> PyResult<Bound<'py, PyArray3<f32>>> {
    let out = zeros::<f32>(py, shape)?;
    {
        let mut borrowed = out.readwrite();
        let view = borrowed.as_array_mut();
        crate::pool::run(py, || kernel(view))?.map_err(value_error)?;
    }
    Ok(out)
}
