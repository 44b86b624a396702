//! A geodesic map that follows clicks as they come and go.

use super::{Geodesic, GeodesicCells, Touched};
use crate::GuidanceError;
use ndarray::{Array3, ArrayView3};

/// Geodesic distance to a changing set of points, always equal in every bit to
/// [`crate::geodesic_distance`] of the points that are in.
///
/// Each voxel keeps its distance and the point it belongs to (8 bytes together). A new point lowers
/// only what it is nearer to; a removed one leaves a hole that is filled from its rim. So the work
/// is in proportion to what changes, and a cut-off bounds it. The image is not kept: give the same
/// one to every call.
///
/// ```
/// # use isochrone_guidance::{Geodesic, GeodesicField};
/// # use ndarray::Array3;
/// let image = Array3::<f32>::zeros((20, 30, 30));
/// let metric = Geodesic { cutoff: Some(8.0), ..Geodesic::new([3.0, 2.0, 2.0]) };
/// let mut field = GeodesicField::new(&[image.view()], metric)?;
/// field.insert(&[image.view()], [10, 15, 15])?;
/// assert_eq!(field.map()[[10, 15, 16]], 1.0);
/// field.remove(&[image.view()], [10, 15, 15])?;
/// assert!(field.map().iter().all(|d| d.is_infinite()));
/// # Ok::<(), isochrone_guidance::GuidanceError>(())
/// ```
#[derive(Debug, Clone)]
pub struct GeodesicField {
    cells: GeodesicCells,
    distance: Array3<f32>,
}

impl GeodesicField {
    /// A field without points (+∞ everywhere) over 1 to 3 channels `[k, j, i]` of one shape, which
    /// are checked here, once.
    ///
    /// # Errors
    /// As [`GeodesicCells::new`].
    pub fn new(image: &[ArrayView3<'_, f32>], metric: Geodesic) -> Result<Self, GuidanceError> {
        let cells = GeodesicCells::new(image, metric)?;
        let shape = image.first().map(|c| c.raw_dim()).unwrap_or_default();
        Ok(Self { cells, distance: Array3::from_elem(shape, f32::INFINITY) })
    }

    /// Distances `[k, j, i]`; +∞ beyond the cut-off.
    #[must_use]
    pub fn map(&self) -> ArrayView3<'_, f32> {
        self.distance.view()
    }

    /// How distances are measured.
    #[must_use]
    pub fn metric(&self) -> &Geodesic {
        self.cells.metric()
    }

    /// The points that are in, `[k, j, i]`, each once.
    pub fn points(&self) -> impl Iterator<Item = [usize; 3]> + '_ {
        self.cells.points()
    }

    /// Puts a point in; returns the box outside which nothing changed. A point may be put in several times.
    ///
    /// # Errors
    /// A point outside, an image of another shape, layout or number of channels.
    pub fn insert(&mut self, image: &[ArrayView3<'_, f32>], point: [usize; 3]) -> Result<Touched, GuidanceError> {
        self.cells.insert(self.distance.view_mut(), image, point)
    }

    /// Puts points in together, which is quicker than one by one; returns the box outside which
    /// nothing changed.
    ///
    /// # Errors
    /// As [`GeodesicField::insert`]; then none is in.
    pub fn insert_all(
        &mut self,
        image: &[ArrayView3<'_, f32>],
        points: &[[usize; 3]],
    ) -> Result<Touched, GuidanceError> {
        self.cells.insert_all(self.distance.view_mut(), image, points)
    }

    /// Takes a point out; returns the box outside which nothing changed.
    ///
    /// # Errors
    /// A point that is not in, an image of another shape, layout or number of channels.
    pub fn remove(&mut self, image: &[ArrayView3<'_, f32>], point: [usize; 3]) -> Result<Touched, GuidanceError> {
        self.cells.remove(self.distance.view_mut(), image, point)
    }
}
