//! Minimum cut over a voxel grid.
//!
//! Boykov, Jolly: Interactive graph cuts for optimal boundary and region segmentation of objects in
//! N-D images, ICCV 2001. Every voxel is joined to its neighbours by n-links, dear where both look
//! alike, and to source (object) and sink (background) by t-links. The cheapest set of links that
//! separates source from sink is the best segmentation under
//! `E = Σ_p unary of p's side + Σ_(p,q on two sides) B(p, q)`.

mod energy;
mod histogram;
mod links;
mod network;
mod solve;
mod trees;

pub use energy::energy;
pub use histogram::Histogram;
pub use links::{Links, Neighbours};

use crate::ClassicalError;
use crate::error::same_shape;
use ndarray::{Array3, ArrayView3};

/// The object of a minimum cut, `[k, j, i]`: of all minimum cuts the one with the fewest object voxels.
///
/// `image` is compared by `links`. `unary` is what a voxel gains by being object: its cost as
/// background less its cost as object, in units of [`Links::scale`]; `+∞` and `-∞` are hard seeds, NaN
/// counts as 0. Capacities are rounded to a 2²⁴th of the
/// largest n-link or less (2²⁶th for 6 neighbours), then solved exactly.
///
/// `stop` is asked now and then; once it says true there is no answer.
///
/// # Errors
/// Shapes that differ, an empty array, or an unusable parameter.
pub fn graph_cut(
    image: ArrayView3<'_, f32>,
    unary: ArrayView3<'_, f32>,
    links: &Links,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Option<Array3<bool>>, ClassicalError> {
    same_shape("The unary term", unary.dim(), image.dim())?;
    links.check()?;
    crate::error::usable(image.dim())?;
    Ok(match links.neighbours {
        Neighbours::Six => solved::<6>(image, unary, links, stop),
        Neighbours::TwentySix => solved::<26>(image, unary, links, stop),
    })
}

fn solved<const N: usize>(
    image: ArrayView3<'_, f32>,
    unary: ArrayView3<'_, f32>,
    links: &Links,
    stop: &(dyn Fn() -> bool + Sync),
) -> Option<Array3<bool>> {
    let mut network = links::network::<N>(image, unary, links);
    if !network.solve(stop) {
        return None;
    }
    let side = network.source_side();
    let at = |(k, j, i)| side.get(network.node([k, j, i])).copied().unwrap_or_default();
    Some(Array3::from_shape_fn(image.dim(), at))
}
