//! What shapes drawn round the lesion say to a classical engine: where it may start, where the lesion may be,
//! and where it is not. As in GrabCut (Rother et al. 2004), outside is background and inside is not yet known.

use crate::border::{self, Body};
use crate::refine::Enclosing;
use crate::{Cancel, SegmentError, Task};
use isochrone_prompt::{ExtremeBox, ExtremePoints, Meaning, PlacedPrompt, Polarity, Polygon, Prompt};
use isochrone_volume::{DMat3, DVec3};
use ndarray::Array3;
use std::borrow::Cow;

/// Voxels round the middle of a box or lasso that are taken to be of the lesion: an ellipsoid of this share of its sides.
const CORE: f64 = 0.5;

/// Boxes, extreme points and lassos of a task, on its region `[k, j, i]`.
pub(crate) struct Drawn {
    /// Inside of what was drawn round the lesion; `None` without such.
    pub inside: Option<Array3<bool>>,
    /// Outside of it: none of this is of the lesion.
    pub outside: Array3<bool>,
}

impl Drawn {
    /// # Errors
    /// Cancelled.
    pub fn of(task: &Task<'_>, cancel: &Cancel) -> Result<Self, SegmentError> {
        let region = task.region;
        let mut drawn = Self { inside: None, outside: Array3::from_elem(region.shape(), false) };
        for known in Enclosing::in_force(task, cancel)?.prompts() {
            cancel.check()?;
            if outline(known).is_some() {
                continue;
            }
            let Ok(marked) = known.prompt.rasterise(region) else { continue };
            let mut inside = Array3::from_elem(region.shape(), false);
            for [i, j, k] in marked.voxels() {
                inside.get_mut([k, j, i]).into_iter().for_each(|v| *v = true);
            }
            drawn.outside.zip_mut_with(&inside, |outside, inside| *outside |= !inside);
            drawn.inside = Some(inside);
        }
        for [i, j, k] in border::left_out(task.prompts, region, outline, cancel)? {
            drawn.outside.get_mut([k, j, i]).into_iter().for_each(|v| *v = true);
        }
        if let Some(Body { inside, outside }) = border::body(task.prompts, region, outline) {
            drawn.outside.zip_mut_with(&outside, |all, one| *all |= one);
            drawn.inside = Some(inside);
        }
        Ok(drawn)
    }

    /// The first voxels `[k, j, i]` outside.
    pub fn shell(&self) -> Vec<[usize; 3]> {
        let held = |at: [Option<usize>; 3]| match at {
            [Some(k), Some(j), Some(i)] => self.outside.get((k, j, i)) == Some(&false),
            _ => false,
        };
        let beside = |&((k, j, i), out): &((usize, usize, usize), &bool)| {
            let steps = [[2, 1, 1], [0, 1, 1], [1, 2, 1], [1, 0, 1], [1, 1, 2], [1, 1, 0]];
            *out && steps
                .into_iter()
                .any(|[dk, dj, di]| held([(k + dk).checked_sub(1), (j + dj).checked_sub(1), (i + di).checked_sub(1)]))
        };
        self.outside.indexed_iter().filter(beside).map(|((k, j, i), _)| [k, j, i]).collect()
    }
}

/// Voxels `[k, j, i]` of a task's region that a positive prompt takes for its own: of what goes round the lesion, the core.
pub(crate) fn seeds(task: &Task<'_>) -> Vec<[usize; 3]> {
    let positive = task.prompts.iter().filter(|p| p.polarity() == Polarity::Positive);
    positive.flat_map(|p| seeds_of(p, task)).map(|[i, j, k]| [k, j, i]).collect()
}

fn seeds_of(prompt: &PlacedPrompt, task: &Task<'_>) -> Vec<[usize; 3]> {
    let all = prompt.points_on(task.region);
    if all.is_empty() || !matches!(prompt.meaning(), Meaning::Encloses | Meaning::Suggests) {
        return all;
    }
    let marked = prompt.prompt.rasterise(task.region).map(|m| m.voxels().collect()).unwrap_or_default();
    let core = core(marked);
    if core.is_empty() { all } else { core }
}

/// Those of a shape's voxels that lie in the ellipsoid of its moments, scaled down.
fn core(voxels: Vec<[usize; 3]>) -> Vec<[usize; 3]> {
    let at = |v: &[usize; 3]| DVec3::from(v.map(|n| n as f64));
    let count = voxels.len().max(1) as f64;
    let mean = voxels.iter().map(at).sum::<DVec3>() / count;
    let outer = |d: DVec3| DMat3::from_cols(d * d.x, d * d.y, d * d.z);
    let spread = voxels.iter().fold(DMat3::ZERO, |all, v| all + outer(at(v) - mean)) * (1.0 / count);
    // A voxel is as wide as it is. Along a box, the variance is a third of the half side's square.
    let inverse = (spread + DMat3::from_diagonal(DVec3::splat(1.0 / 12.0))).inverse();
    let near = |v: &[usize; 3]| (at(v) - mean).dot(inverse * (at(v) - mean)) <= 3.0 * CORE * CORE;
    voxels.into_iter().filter(near).collect()
}

/// The curve on a plane that the reader has drawn round the lesion, if that is what the prompt is: a border, a lasso, a
/// rectangle.
pub(crate) fn outline(prompt: &PlacedPrompt) -> Option<Cow<'_, Polygon>> {
    let (plane, margin_mm) = match &prompt.prompt {
        _ if prompt.polarity() == Polarity::Negative => return None,
        Prompt::Polygon(polygon) => return Some(Cow::Borrowed(polygon)),
        Prompt::Lasso(lasso) => {
            let (vertices_lps_mm, plane) = (lasso.points_lps_mm.clone(), lasso.plane);
            return Some(Cow::Owned(Polygon { vertices_lps_mm, plane, polarity: lasso.polarity, pinned: Vec::new() }));
        }
        Prompt::Box2D(rectangle) => (rectangle.plane, 0.0),
        Prompt::ExtremePoints(ExtremePoints { within: ExtremeBox::Plane(plane), margin_mm, .. }) => {
            (*plane, *margin_mm)
        }
        _ => return None,
    };
    let points: &[DVec3] = match &prompt.prompt {
        Prompt::Box2D(rectangle) => &rectangle.corners_lps_mm,
        Prompt::ExtremePoints(extreme) => &extreme.points_lps_mm,
        _ => return None,
    };
    Some(Cow::Owned(border::rectangle(&plane, points, margin_mm)))
}
