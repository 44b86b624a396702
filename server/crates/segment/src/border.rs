//! What a border that the reader has drawn says about its plane.

use crate::{Cancel, SegmentError};
use isochrone_prompt::{PlacedPrompt, Plane, Polarity, Polygon, Prompt, Rasterised};
use isochrone_volume::{DVec3, Grid};
use ndarray::{Array3, Axis, Zip};
use std::borrow::Cow;
use std::f64::consts::PI;

/// How far round a drawn border its plane is taken to hold nothing else of the lesion, mm: as far as a body goes.
const BESIDE_MM: f64 = 500.0;

/// What of a prompt is drawn round the lesion on a plane.
type Outlined = fn(&PlacedPrompt) -> Option<Cow<'_, Polygon>>;

/// Voxels `(i, j, k)` of a grid that outlines leave out, ascending: on an outline's plane and beside it, but
/// in none. An outline is lifted by a newer positive prompt of another kind on its plane, beside it.
///
/// # Errors
/// Cancelled.
pub(crate) fn left_out(
    prompts: &[PlacedPrompt],
    grid: &Grid,
    outline: Outlined,
    cancel: &Cancel,
) -> Result<Vec<[usize; 3]>, SegmentError> {
    let borders: Vec<(usize, Cow<'_, Polygon>)> =
        prompts.iter().enumerate().filter_map(|(n, p)| Some((n, outline(p)?))).collect();
    let mut inside = Vec::new();
    for (_, polygon) in &borders {
        cancel.check()?;
        inside.extend(polygon.rasterise(grid).iter().flat_map(Rasterised::voxels));
    }
    inside.sort_unstable();
    let mut out = Vec::new();
    for (n, polygon) in borders {
        cancel.check()?;
        let beside = rectangle(&polygon.plane, &polygon.vertices_lps_mm, BESIDE_MM);
        let mut beside = sorted(beside.rasterise(grid).ok().into_iter());
        beside.retain(|v| inside.binary_search(v).is_err());
        let later = prompts.iter().skip(n + 1).filter(|p| p.polarity() == Polarity::Positive && outline(p).is_none());
        if !later.flat_map(|p| p.points_on(grid)).any(|v| beside.binary_search(&v).is_ok()) {
            out.append(&mut beside);
        }
    }
    out.sort_unstable();
    out.dedup();
    Ok(out)
}

/// The border of the label, if that is what the prompt is.
pub(crate) fn border(prompt: &PlacedPrompt) -> Option<Cow<'_, Polygon>> {
    match &prompt.prompt {
        Prompt::Polygon(polygon) if prompt.polarity() == Polarity::Positive => Some(Cow::Borrowed(polygon)),
        _ => None,
    }
}

fn sorted(marked: impl Iterator<Item = Rasterised>) -> Vec<[usize; 3]> {
    let mut voxels: Vec<[usize; 3]> = marked.flat_map(|m| m.voxels().collect::<Vec<_>>()).collect();
    voxels.sort_unstable();
    voxels
}

/// The rectangle round points on a plane, along its axes, wider by a margin on every side.
pub(crate) fn rectangle(plane: &Plane, points_lps_mm: &[DVec3], margin_mm: f64) -> Polygon {
    let flat = points_lps_mm.iter().map(|v| plane.coordinates(*v));
    let (low, high) = flat.fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(l, h), p| (l.min(p), h.max(p)));
    let (low, high) = (low - margin_mm, high + margin_mm);
    let at = |x: f64, y: f64| plane.origin() + x * plane.u() + y * plane.v();
    let vertices_lps_mm = vec![at(low.x, low.y), at(high.x, low.y), at(high.x, high.y), at(low.x, high.y)];
    Polygon { vertices_lps_mm, plane: *plane, polarity: Polarity::Positive, pinned: Vec::new() }
}

/// What the borders alone say of the slices beside theirs, `[k, j, i]` on a region.
pub(crate) struct Body {
    /// A body as thick as it is wide: where a surface may start.
    pub inside: Array3<bool>,
    /// Farther from every border than a lesion reaches.
    pub outside: Array3<bool>,
}

/// Half-thickness of what a border may belong to, in radii of a circle of its area.
const THICKEST: f64 = 1.5;
/// How much wider a lesion may get, per mm away from the border's plane.
const WIDENING: f64 = 0.5;

/// `None` if there is no outline, or another positive prompt in the region: that one may be anywhere in the lesion.
pub(crate) fn body(prompts: &[PlacedPrompt], region: &Grid, outline: Outlined) -> Option<Body> {
    let mut positive = prompts.iter().filter(|p| p.polarity() == Polarity::Positive);
    if positive.any(|p| outline(p).is_none() && !p.points_on(region).is_empty()) {
        return None;
    }
    let outlines: Vec<Outline> = prompts.iter().filter_map(outline).map(Outline::new).collect();
    if outlines.is_empty() {
        return None;
    }
    let [slack, ..] = region.spacing_mm();
    let mut body =
        Body { inside: Array3::from_elem(region.shape(), false), outside: Array3::from_elem(region.shape(), true) };
    for outline in &outlines {
        let across = across(region, &outline.polygon.plane);
        let lanes = Zip::indexed(body.inside.lanes_mut(Axis(across))).and(body.outside.lanes_mut(Axis(across)));
        lanes.par_for_each(|(a, b), mut inside, mut outside| {
            // Along a lane across the plane, the depth is the same.
            let mut last = (f64::NAN, f64::NAN, 0.0);
            for (n, (inside, outside)) in inside.iter_mut().zip(&mut outside).enumerate() {
                let [k, j, i] = match across {
                    0 => [n, a, b],
                    1 => [a, n, b],
                    _ => [a, b, n],
                };
                let p = outline.polygon.plane.coordinates(region.centre_mm([i, j, k]));
                let (off, radius) = (p.z.abs(), outline.radius_mm);
                if off > THICKEST * radius + slack {
                    continue;
                }
                let (x, y, known) = last;
                let depth = if (x, y) == (p.x, p.y) { known } else { outline.depth_mm(p.x, p.y) };
                last = (p.x, p.y, depth);
                *outside &= depth < -(WIDENING * off + slack);
                *inside |= off < radius && depth >= radius - (radius * radius - off * off).sqrt();
            }
        });
    }
    Some(body)
}

/// The axis of an array `[k, j, i]` on a grid that goes most nearly across a plane.
fn across(grid: &Grid, plane: &Plane) -> usize {
    let m = grid.world_from_voxel().matrix3;
    let along = [m.z_axis, m.y_axis, m.x_axis].map(|axis| axis.normalize_or_zero().dot(plane.normal()).abs());
    let most = along.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    most.map_or(0, |(axis, _)| axis)
}

/// A border in its plane's coordinates.
struct Outline<'a> {
    polygon: Cow<'a, Polygon>,
    sides: Vec<[[f64; 2]; 2]>,
    /// Of a circle of the same area, mm.
    radius_mm: f64,
}

impl<'a> Outline<'a> {
    fn new(polygon: Cow<'a, Polygon>) -> Self {
        let flat = polygon.vertices_lps_mm.iter().map(|v| polygon.plane.coordinates(*v));
        let flat: Vec<[f64; 2]> = flat.map(|p| [p.x, p.y]).collect();
        let next = flat.iter().copied().cycle().skip(1);
        let sides: Vec<[[f64; 2]; 2]> = flat.iter().copied().zip(next).map(|(a, b)| [a, b]).collect();
        let area = sides.iter().map(|[a, b]| a[0] * b[1] - a[1] * b[0]).sum::<f64>().abs() / 2.0;
        Self { polygon, sides, radius_mm: (area / PI).sqrt() }
    }

    /// Distance to the border, mm; below 0 outside of it.
    fn depth_mm(&self, x: f64, y: f64) -> f64 {
        let (mut nearest, mut inside) = (f64::INFINITY, false);
        for [[ax, ay], [bx, by]] in &self.sides {
            let (dx, dy) = (bx - ax, by - ay);
            let share = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy).max(1e-12)).clamp(0.0, 1.0);
            nearest = nearest.min((x - ax - share * dx).hypot(y - ay - share * dy));
            if (*ay <= y) != (*by <= y) && x < ax + (y - ay) / dy * dx {
                inside = !inside;
            }
        }
        if inside { nearest } else { -nearest }
    }
}
