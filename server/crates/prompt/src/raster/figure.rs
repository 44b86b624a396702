//! Filled closed curves on a plane.

use super::{Frame, for_rows};
use crate::rasterised::Runs;
use isochrone_volume::DVec3;

/// What a curve that crosses itself encloses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Every point that the curve goes round at least once, in total.
    NonZero,
    /// Every point from which a ray crosses the curve an odd number of times.
    EvenOdd,
}

/// A filled closed curve in a plane's coordinates, mm.
pub(crate) struct Figure {
    edges: Vec<[[f64; 2]; 2]>,
    rule: Rule,
    low: [f64; 2],
    high: [f64; 2],
    /// Edges by the bands of `y` that they touch, so that a point is compared with few of them.
    bands: Vec<Vec<usize>>,
}

impl Figure {
    const MAX_BANDS: usize = 1024;
    /// Edges that points of one figure may be compared with: one to two seconds of work.
    const MAX_WORK: usize = 1_000_000_000;

    /// From the vertices, in the plane's frame (the third coordinate is ignored).
    pub fn new(vertices: &[DVec3], rule: Rule) -> Self {
        let flat: Vec<[f64; 2]> = vertices.iter().map(|p| [p.x, p.y]).collect();
        let next = flat.iter().cycle().skip(1);
        let edges: Vec<_> = flat.iter().zip(next).map(|(a, b)| [*a, *b]).collect();
        let nothing = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        let (low, high) =
            flat.iter().fold(nothing, |([a, b], [c, d]), &[x, y]| ([a.min(x), b.min(y)], [c.max(x), d.max(y)]));
        let bands = vec![Vec::new(); edges.len().clamp(1, Self::MAX_BANDS)];
        let mut figure = Self { edges, rule, low, high, bands };
        for (n, [[_, a], [_, b]]) in figure.edges.clone().into_iter().enumerate() {
            let (first, last) = (figure.band(a.min(b)), figure.band(a.max(b)));
            figure.bands.get_mut(first..=last).unwrap_or_default().iter_mut().for_each(|band| band.push(n));
        }
        figure
    }

    fn band(&self, y: f64) -> usize {
        let ([_, low], [_, high]) = (self.low, self.high);
        let n = self.bands.len();
        // A flat figure has one band: 0/0 is cast to 0.
        ((((y - low) / (high - low)) * n as f64) as usize).min(n - 1)
    }

    /// True if the point is inside. Of a shared border between two figures, a point belongs to one of them.
    pub fn contains(&self, x: f64, y: f64) -> bool {
        let ([x0, y0], [x1, y1]) = (self.low, self.high);
        if !(x0 <= x && x <= x1 && y0 <= y && y <= y1) {
            return false;
        }
        let band = self.bands.get(self.band(y)).map(Vec::as_slice).unwrap_or_default();
        let (mut turns, mut crossings) = (0i32, 0u32);
        for [[ax, ay], [bx, by]] in band.iter().filter_map(|&n| self.edges.get(n)) {
            if (*ay <= y) == (*by <= y) {
                continue;
            }
            // Always from the lower end, so that neighbours agree to the last bit.
            let up = ay <= by;
            let (px, py, qx, qy) = if up { (ax, ay, bx, by) } else { (bx, by, ax, ay) };
            if x < px + (qx - px) * ((y - py) / (qy - py)) {
                turns += if up { 1 } else { -1 };
                crossings += 1;
            }
        }
        match self.rule {
            Rule::NonZero => turns != 0,
            Rule::EvenOdd => crossings % 2 == 1,
        }
    }

    /// Marks the voxels whose cells the frame's plane passes through and whose centres, moved onto the
    /// plane at right angles, lie inside. False if that is too much work; then not all of them are marked.
    #[must_use]
    pub fn fill(&self, frame: &Frame, out: &mut Runs) -> bool {
        let ([x0, y0], [x1, y1]) = (self.low, self.high);
        let (low, high) = (DVec3::new(x0, y0, 0.0), DVec3::new(x1, y1, 0.0));
        let slabs = frame.slabs(low, high);
        let mut work = 0usize;
        for_rows(&frame.region(low, high), |k, j, within| {
            if work > Self::MAX_WORK {
                return;
            }
            let mut start = None;
            let near = slabs.row(k, j, within);
            let end = near.end;
            for i in near {
                let p = frame.from_voxel.transform_point3(DVec3::new(i as f64, j as f64, k as f64));
                work += 1 + self.bands.get(self.band(p.y)).map_or(0, Vec::len);
                match (self.contains(p.x, p.y), start) {
                    (true, None) => start = Some(i),
                    (false, Some(first)) => {
                        out.push(k, j, first..i);
                        start = None;
                    }
                    _ => {}
                }
            }
            if let Some(first) = start {
                out.push(k, j, first..end);
            }
        });
        work <= Self::MAX_WORK
    }
}
