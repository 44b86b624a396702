//! A region of an image on another spacing, exactly as the server cuts it for its networks.

use crate::arrays::{Image, value_error};
use crate::pool;
use glam::{DAffine3, DMat3, DVec3};
use isochrone_volume::{Grid, resample};
use numpy::{IntoPyArray, PyArray3};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

#[derive(FromPyObject)]
enum Spacing {
    One(f64),
    Three([f64; 3]),
}

/// Cut a region round a centre, resampled with anti-aliasing (linear).
///
/// image: [k, j, i], real. spacing: mm, (k, j, i). centre: fractional voxel (k, j, i) of the image
/// that becomes the middle of the result. out_shape: (k, j, i). out_spacing: mm, one number or three.
/// fill: value outside the image. Returns float32 [k, j, i].
#[pyfunction]
#[pyo3(signature = (image, spacing, centre, out_shape, out_spacing, fill=0.0))]
fn resample_region<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    spacing: [f64; 3],
    centre: [f64; 3],
    out_shape: [usize; 3],
    out_spacing: Spacing,
    fill: f32,
) -> PyResult<Bound<'py, PyArray3<f32>>> {
    let image = Image::new(image)?;
    let Image::One(array) = &image else {
        return Err(PyValueError::new_err("image must have 3 axes [k, j, i]; resample one channel at a time"));
    };
    let out_spacing = match out_spacing {
        Spacing::One(mm) => [mm; 3],
        Spacing::Three(mm) => mm,
    };
    let [sk, sj, si] = spacing;
    let [ck, cj, ci] = centre;
    let from = grid(image.shape(), spacing, DVec3::ZERO)?;
    let [ok, oj, oi] = out_spacing;
    let [nk, nj, ni] = out_shape.map(|n| (n as f64 - 1.0) / 2.0);
    let origin = DVec3::new(ci * si, cj * sj, ck * sk) - DVec3::new(ni * oi, nj * oj, nk * ok);
    let to = grid(out_shape, out_spacing, origin)?;
    let view = array.as_array();
    Ok(pool::run(py, || resample::to_grid(view, &from, &to, fill))?.into_pyarray(py))
}

/// An axis-aligned grid; `shape` and `spacing_mm` in `(k, j, i)` order, `origin` in mm.
fn grid([nk, nj, ni]: [usize; 3], [sk, sj, si]: [f64; 3], origin: DVec3) -> PyResult<Grid> {
    let affine = DAffine3 { matrix3: DMat3::from_diagonal(DVec3::new(si, sj, sk)), translation: origin };
    Grid::new([ni, nj, nk], affine).map_err(value_error)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(resample_region, module)?)
}
