//! Brush strokes: everything within a radius of a polyline.

use super::{EVERYWHERE, Frame, NOWHERE, SLACK, for_rows, linear, meet, whole};
use crate::PromptError;
use crate::rasterised::Runs;
use isochrone_volume::{DVec3, VoxelBox};

/// Rows of voxels that one stroke may touch, over all its segments: one to three seconds of work.
const MAX_ROWS: usize = 10_000_000;

/// What a brush paints with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Brush {
    pub radius_mm: f64,
    /// A disc on the frame's plane, which marks the voxels whose cells the plane passes through and whose
    /// centres, moved onto the plane, lie under the disc; otherwise a ball, which marks the voxels whose
    /// centres lie in it.
    pub flat: bool,
}

/// Marks what a brush paints along a polyline, whose points are given in the frame's coordinates (mm).
pub(crate) fn capsules(frame: &Frame, points: &[DVec3], brush: Brush, out: &mut Runs) -> Result<(), PromptError> {
    let reach = DVec3::new(1.0, 1.0, if brush.flat { 0.0 } else { 1.0 }) * (brush.radius_mm + SLACK);
    let ends = points.iter().skip(1).chain(points.last().filter(|_| points.len() == 1));
    let segments = || points.iter().zip(ends.clone()).map(|(a, b)| (*a, *b, a.min(*b) - reach, a.max(*b) + reach));
    let rows = segments().fold(0usize, |rows, (_, _, low, high)| {
        let [_, nj, nk] = frame.region(low, high).size();
        rows.saturating_add(nj * nk)
    });
    if rows > MAX_ROWS {
        return Err(PromptError::TooMuch("scribble"));
    }
    let mut filled = Filled::new(frame, segments().map(|(_, _, low, high)| frame.region(low, high)));
    for (a, b, low, high) in segments() {
        let slabs = frame.slabs(low, high);
        let capsule = Capsule::new(frame, a, b, brush);
        for_rows(&frame.region(low, high), |k, j, within| {
            if filled.is(k, j) {
                return;
            }
            let near = if brush.flat { slabs.row_of_plane(k, j, within) } else { within.clone() };
            if !near.is_empty() {
                let marked = whole(capsule.row(k, j), &near);
                filled.note(k, j, &marked);
                out.push(k, j, marked);
            }
        });
    }
    Ok(())
}

/// Rows of the grid that are marked from end to end: nothing can be added to them.
struct Filled {
    region: VoxelBox,
    length: usize,
    rows: Vec<bool>,
}

impl Filled {
    fn new(frame: &Frame, regions: impl Iterator<Item = VoxelBox>) -> Self {
        let nothing = VoxelBox { min: [0; 3], max: [0; 3] };
        let region = regions.fold(nothing, |all, one| all.union(&one));
        let [_, nj, nk] = region.size();
        let [length, ..] = frame.size;
        // Only a stroke that reaches from one end of the grid to the other fills a row.
        let rows = if region.size().first() == Some(&length) { nj * nk } else { 0 };
        Self { region, length, rows: vec![false; rows] }
    }

    fn at(&self, k: usize, j: usize) -> Option<usize> {
        let ([_, j0, k0], [_, nj, _]) = (self.region.min, self.region.size());
        Some(k.checked_sub(k0)? * nj + j.checked_sub(j0)?)
    }

    fn is(&self, k: usize, j: usize) -> bool {
        self.at(k, j).and_then(|at| self.rows.get(at)).is_some_and(|filled| *filled)
    }

    fn note(&mut self, k: usize, j: usize, marked: &std::ops::Range<usize>) {
        if marked.len() == self.length
            && let Some(row) = self.at(k, j).and_then(|at| self.rows.get_mut(at))
        {
            *row = true;
        }
    }
}

/// All points within a radius of one segment: two balls and a cylinder between them (discs and a
/// rectangle if flat).
struct Capsule {
    a: DVec3,
    b: DVec3,
    radius: f64,
    /// Columns of the frame's affine, without the plane's normal if flat.
    step: [DVec3; 3],
    origin: DVec3,
}

impl Capsule {
    fn new(frame: &Frame, a: DVec3, b: DVec3, brush: Brush) -> Self {
        let kept = |p: DVec3| if brush.flat { DVec3::new(p.x, p.y, 0.0) } else { p };
        let m = frame.from_voxel.matrix3;
        let step = [kept(m.x_axis), kept(m.y_axis), kept(m.z_axis)];
        let origin = kept(frame.from_voxel.translation);
        Self { a: kept(a), b: kept(b), radius: brush.radius_mm + SLACK, step, origin }
    }

    /// The part of row `(k, j)` inside. A capsule is convex, so it is one interval: the hull of its parts'.
    fn row(&self, k: usize, j: usize) -> (f64, f64) {
        let [d, along_j, along_k] = self.step;
        let p = self.origin + along_j * j as f64 + along_k * k as f64;
        let ball = |centre: DVec3| within(p - centre, d, self.radius);
        let axis = self.b - self.a;
        let square = axis.length_squared();
        let mut hull = ball(self.a);
        if square > 0.0 {
            let e = p - self.a;
            let across = |v: DVec3| v - axis * (v.dot(axis) / square);
            let tube = within(across(e), across(d), self.radius);
            let between = linear(e.dot(axis), d.dot(axis), 0.0, square);
            for part in [ball(self.b), meet(tube, between)] {
                if part.0 <= part.1 {
                    hull = (hull.0.min(part.0), hull.1.max(part.1));
                }
            }
        }
        hull
    }
}

/// Where `|e + t·d| ≤ radius`.
fn within(e: DVec3, d: DVec3, radius: f64) -> (f64, f64) {
    let (a, b, c) = (d.length_squared(), e.dot(d), e.length_squared() - radius * radius);
    if a < 1e-18 {
        return if c <= 0.0 { EVERYWHERE } else { NOWHERE };
    }
    let root = b * b - a * c;
    if root < 0.0 {
        return NOWHERE;
    }
    ((-b - root.sqrt()) / a, (-b + root.sqrt()) / a)
}
