//! The Python module `isochrone`: guidance maps, simulated readers and metrics as NumPy functions.
//!
//! Arrays are `[k, j, i]`, points `(N, 3)` in `(k, j, i)`, spacing in mm in the same order. Kernels
//! run without the GIL, on a thread pool that survives `fork` (see [`pool`]).
#![allow(clippy::too_many_arguments, reason = "Python callers name their arguments")]

mod arrays;
mod engines;
mod field;
mod maps;
mod pool;
mod region;
mod robots;
mod signals;

use pyo3::prelude::*;

/// Guidance maps, simulated readers and metrics for click-guided 3D segmentation.
///
/// Arrays are indexed [k, j, i] (i fastest), points are (N, 3) in (k, j, i), spacing is in mm in
/// the same order. float32 images and bool masks are read in place; other types are converted.
#[pymodule]
fn isochrone(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    maps::register(module)?;
    field::register(module)?;
    signals::register(module)?;
    robots::register(module)?;
    region::register(module)?;
    engines::register(module)?;
    pool::register(module)
}
