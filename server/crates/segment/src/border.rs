//! What a border that the reader has drawn says about its plane.

use isochrone_prompt::{PlacedPrompt, Polarity, Polygon, Prompt, Rasterised};
use isochrone_volume::{DVec3, Grid};

/// How far round a drawn border its plane is known to hold nothing else of the lesion, mm.
const BESIDE_MM: f64 = 10.0;

/// Voxels `(i, j, k)` of a grid that drawn borders leave out, ascending: on a border's plane and beside it, but
/// in no border. A border is lifted by a newer positive prompt of another kind on its plane, beside it.
pub(crate) fn left_out(prompts: &[PlacedPrompt], grid: &Grid) -> Vec<[usize; 3]> {
    let borders: Vec<(usize, &Polygon)> =
        prompts.iter().enumerate().filter_map(|(n, p)| Some((n, border(p)?))).collect();
    let inside = sorted(borders.iter().flat_map(|(_, polygon)| polygon.rasterise(grid).ok()));
    let mut out = Vec::new();
    for (n, polygon) in borders {
        let mut beside = sorted(rectangle(polygon).and_then(|r| r.rasterise(grid).ok()).into_iter());
        beside.retain(|v| inside.binary_search(v).is_err());
        let later = prompts.iter().skip(n + 1).filter(|p| p.polarity() == Polarity::Positive && border(p).is_none());
        if !later.flat_map(|p| p.points_on(grid)).any(|v| beside.binary_search(&v).is_ok()) {
            out.append(&mut beside);
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}

/// The border of the label, if that is what the prompt is.
pub(crate) fn border(prompt: &PlacedPrompt) -> Option<&Polygon> {
    match &prompt.prompt {
        Prompt::Polygon(polygon) if prompt.polarity() == Polarity::Positive => Some(polygon),
        _ => None,
    }
}

fn sorted(marked: impl Iterator<Item = Rasterised>) -> Vec<[usize; 3]> {
    let mut voxels: Vec<[usize; 3]> = marked.flat_map(|m| m.voxels().collect::<Vec<_>>()).collect();
    voxels.sort_unstable();
    voxels
}

/// The rectangle round a polygon, [`BESIDE_MM`] wider on every side, on the same plane.
fn rectangle(polygon: &Polygon) -> Option<Polygon> {
    let plane = &polygon.plane;
    let flat = polygon.vertices_lps_mm.iter().map(|v| plane.coordinates(*v));
    let (low, high) = flat.fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(l, h), p| (l.min(p), h.max(p)));
    let (low, high) = (low - BESIDE_MM, high + BESIDE_MM);
    let at = |x: f64, y: f64| plane.origin() + x * plane.u() + y * plane.v();
    let vertices_lps_mm = vec![at(low.x, low.y), at(high.x, low.y), at(high.x, high.y), at(low.x, high.y)];
    low.is_finite().then(|| Polygon { vertices_lps_mm, pinned: Vec::new(), ..polygon.clone() })
}
