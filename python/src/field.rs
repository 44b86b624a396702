//! A geodesic map that follows clicks.

use crate::arrays::{self, Image, value_error};
use crate::pool;
use isochrone_guidance::{Geodesic, GeodesicCells, GuidanceError, Touched};
use numpy::ndarray::{ArrayView3, ArrayViewMut3};
use numpy::{PyArray3, PyArrayMethods, PyUntypedArray};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

type Box3 = ((usize, usize), (usize, usize), (usize, usize));

/// GeodesicField(image, spacing, lam=0.5, cutoff=None)
/// --
///
/// Geodesic distance to points that come and go; always equal in every bit to geodesic_distance.
///
/// image: [k, j, i], or [channel, k, j, i] with up to 3 channels; it is used where it lies if it is
/// contiguous float32 (do not change it meanwhile), else a copy. spacing: mm, (k, j, i).
/// lam: 0 to 1. cutoff: distances beyond it are +inf; it bounds the work of each change.
#[pyclass(module = "isochrone")]
pub struct GeodesicField {
    image: Py<PyUntypedArray>,
    distance: Py<PyArray3<f32>>,
    shown: Py<PyAny>,
    cells: GeodesicCells,
}

#[pymethods]
impl GeodesicField {
    #[new]
    #[pyo3(signature = (image, spacing, lam=0.5, cutoff=None))]
    fn new(
        py: Python<'_>,
        image: &Bound<'_, PyAny>,
        spacing: [f32; 3],
        lam: f32,
        cutoff: Option<f32>,
    ) -> PyResult<Self> {
        let held = Image::contiguous(image)?;
        let image = Image::new(held.as_any())?;
        let channels = image.channels();
        let metric = Geodesic { spacing_mm: spacing, lambda: lam, cutoff };
        let cells = pool::run(py, || GeodesicCells::new(&channels, metric))?.map_err(value_error)?;
        let distance = arrays::filled(py, image.shape(), |mut out| {
            out.fill(f32::INFINITY);
            Ok::<(), GuidanceError>(())
        })?;
        // The same memory, but not to be written by the caller.
        let shown = distance.call_method0("view")?;
        shown.getattr("flags")?.setattr("writeable", false)?;
        Ok(Self { image: held.unbind(), distance: distance.unbind(), shown: shown.unbind(), cells })
    }

    /// Put a point (k, j, i) in. Returns the box ((k0, k1), (j0, j1), (i0, i1)) that may have changed.
    fn insert(&mut self, py: Python<'_>, point: &Bound<'_, PyAny>) -> PyResult<Box3> {
        self.change(py, point, GeodesicCells::insert)
    }

    /// Take a point (k, j, i) out. Returns the box ((k0, k1), (j0, j1), (i0, i1)) that may have changed.
    fn remove(&mut self, py: Python<'_>, point: &Bound<'_, PyAny>) -> PyResult<Box3> {
        self.change(py, point, GeodesicCells::remove)
    }

    /// The distances, float32 [k, j, i]: a read-only view that follows every change.
    #[getter]
    fn map(&self, py: Python<'_>) -> Py<PyAny> {
        self.shown.clone_ref(py)
    }

    /// The points that are in, as a list of (k, j, i).
    #[getter]
    fn points(&self) -> Vec<(usize, usize, usize)> {
        self.cells.points().map(Into::into).collect()
    }
}

type Change = for<'a> fn(
    &mut GeodesicCells,
    ArrayViewMut3<'a, f32>,
    &[ArrayView3<'a, f32>],
    [usize; 3],
) -> Result<Touched, GuidanceError>;

impl GeodesicField {
    fn change(&mut self, py: Python<'_>, point: &Bound<'_, PyAny>, change: Change) -> PyResult<Box3> {
        let [point] = arrays::points(point)?[..] else {
            return Err(PyValueError::new_err("give one point (k, j, i)"));
        };
        let image = Image::new(self.image.bind(py).as_any())?;
        let channels = image.channels();
        let mut borrowed = self.distance.bind(py).readwrite();
        let (distance, cells) = (borrowed.as_array_mut(), &mut self.cells);
        let [k, j, i] = pool::run(py, || change(cells, distance, &channels, point))?.map_err(value_error)?;
        Ok(((k.start, k.end), (j.start, j.end), (i.start, i.end)))
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<GeodesicField>()
}
