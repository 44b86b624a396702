//! Minimum cut over a voxel grid.
//!
//! Boykov, Jolly: Interactive graph cuts for optimal boundary and region segmentation of objects in
//! N-D images, ICCV 2001. Every voxel is joined to its neighbours by n-links, dear where both look
//! alike, and to source (object) and sink (background) by t-links. The cheapest set of links that
//! separates source from sink is the best segmentation under
//! `E = Σ_p unary of p's side + Σ_(p,q on two sides) B(p, q)`.

mod energy;
mod flow;
mod histogram;
mod links;

pub use energy::energy;
pub use histogram::Histogram;
pub use links::{Links, Neighbours};

use crate::ClassicalError;
use crate::error::same_shape;
use flow::Flow;
use ndarray::{Array3, ArrayView3};

/// The object of a minimum cut, `[k, j, i]`: of all minimum cuts the one with the fewest object voxels.
///
/// `image` is compared by `links`. `unary` is what a voxel gains by being object: its cost as
/// background less its cost as object, in units of [`Links::scale`]; `+∞` and `-∞` are hard seeds, NaN
/// counts as 0. Capacities are rounded to a 2²⁵th of the
/// largest n-link or less (2²⁷th for 6 neighbours), then solved exactly.
///
/// `stop` is asked now and then; once it says true there is no answer.
///
/// # Errors
/// Shapes that differ, an empty array, or an unusable parameter.
pub fn graph_cut(
    image: ArrayView3<'_, f32>,
    unary: ArrayView3<'_, f32>,
    links: &Links,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Array3<bool>>, ClassicalError> {
    same_shape("The unary term", unary.dim(), image.dim())?;
    links.check()?;
    let shape = crate::error::usable(image.dim())?;
    let padded = Padded::new(shape);
    Ok(match links.neighbours {
        Neighbours::Six => solve::<6>(&padded, image, unary, links, stop),
        Neighbours::TwentySix => solve::<26>(&padded, image, unary, links, stop),
    })
}

fn solve<const N: usize>(
    padded: &Padded,
    image: ArrayView3<'_, f32>,
    unary: ArrayView3<'_, f32>,
    links: &Links,
    stop: &dyn Fn() -> bool,
) -> Option<Array3<bool>> {
    let directions = links::directions::<N>();
    let mut flow = Flow::<N>::new(padded.nodes(), directions.map(|d| padded.offset(d)));
    links::capacities(&mut flow, padded, image, unary, links);
    if !flow.run(stop) {
        return None;
    }
    let side = flow.source_side();
    let row = |k: usize, j: usize, i: usize| side.get(padded.node([k, j, i])).copied().unwrap_or_default();
    Some(Array3::from_shape_fn(image.dim(), |(k, j, i)| row(k, j, i)))
}

/// Voxels as nodes with one more on every side, so that every node has all its neighbours.
struct Padded {
    shape: [usize; 3],
    /// Nodes to the next slice and row.
    strides: [usize; 2],
}

impl Padded {
    fn new(shape: [usize; 3]) -> Self {
        let [_, nj, ni] = shape;
        // One node of padding serves the end of a row and the beginning of the next.
        Self { shape, strides: [(nj + 1) * (ni + 1), ni + 1] }
    }

    fn node(&self, [k, j, i]: [usize; 3]) -> usize {
        let [slice, row] = self.strides;
        (k + 1) * slice + (j + 1) * row + i + 1
    }

    fn nodes(&self) -> usize {
        let [nk, nj, ni] = self.shape;
        self.node([nk, nj, ni]) + 1
    }

    fn offset(&self, [k, j, i]: [isize; 3]) -> usize {
        let [slice, row] = self.strides;
        (k * slice as isize + j * row as isize + i) as usize
    }
}
