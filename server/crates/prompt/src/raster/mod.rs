//! Shapes onto the voxels of a grid.
//!
//! Every shape is described in a [`Frame`]: three coordinates that are linear in the voxel `(i, j, k)`.
//! A voxel lies in a [`Slab`] if its centre's coordinate lies between two bounds. A slab thinner than a
//! voxel's own extent along that coordinate (a plane, above all) is widened about its middle to that
//! extent: it then holds exactly the voxels whose cells its middle passes through. Where a plane runs on
//! the border between two cells, the one with the higher index is taken, as [`Grid::voxel_at`] does.

mod capsule;
mod figure;
mod line;

pub(crate) use capsule::{Brush, capsules};
pub(crate) use figure::{Figure, Rule};
pub(crate) use line::cells;

use crate::Plane;
use crate::rasterised::Runs;
use isochrone_volume::{DAffine3, DMat3, DVec3, Grid, VoxelBox};
use std::ops::Range;

/// Slack at the border of a slab or disc, mm or voxels: so that a face drawn through a voxel's centre
/// holds that voxel however the numbers were rounded.
pub(crate) const SLACK: f64 = 1e-6;

/// Coordinates in which a shape is simple.
pub(crate) struct Frame {
    /// From voxels to the frame's coordinates.
    pub from_voxel: DAffine3,
    voxel_from: DAffine3,
    size: [usize; 3],
}

impl Frame {
    /// LPS, mm.
    pub fn lps(grid: &Grid) -> Self {
        Self { from_voxel: grid.world_from_voxel(), voxel_from: grid.voxel_from_world(), size: grid.size() }
    }

    /// The grid's own axes, in voxels.
    pub fn voxels(grid: &Grid) -> Self {
        Self { from_voxel: DAffine3::IDENTITY, voxel_from: DAffine3::IDENTITY, size: grid.size() }
    }

    /// A plane's `u` and `v`, and the distance from it; mm.
    pub fn plane(grid: &Grid, plane: &Plane) -> Self {
        let matrix3 = DMat3::from_cols(plane.u(), plane.v(), plane.normal());
        let world_from = DAffine3 { matrix3, translation: plane.origin() };
        // Orthonormal: the inverse is the transpose, without rounding.
        let back = matrix3.transpose();
        let from_world = DAffine3 { matrix3: back, translation: -(back * plane.origin()) };
        let from_voxel = from_world * grid.world_from_voxel();
        Self { from_voxel, voxel_from: grid.voxel_from_world() * world_from, size: grid.size() }
    }

    /// The slabs `low` to `high` along the three coordinates, widened where they are thin.
    pub fn slabs(&self, low: DVec3, high: DVec3) -> Slabs {
        let rows = self.from_voxel.matrix3.transpose();
        let t = self.from_voxel.translation;
        Slabs([
            Slab::new(rows.x_axis, t.x, low.x, high.x),
            Slab::new(rows.y_axis, t.y, low.y, high.y),
            Slab::new(rows.z_axis, t.z, low.z, high.z),
        ])
    }

    /// The voxels of the grid among which the centres between `low` and `high` are, slabs widened.
    pub fn region(&self, low: DVec3, high: DVec3) -> VoxelBox {
        let rows = self.from_voxel.matrix3.transpose();
        let extent = DVec3::new(extent(rows.x_axis), extent(rows.y_axis), extent(rows.z_axis));
        let (middle, half) = ((low + high) / 2.0, ((high - low).max(extent)) / 2.0 + SLACK);
        let centre = self.voxel_from.transform_point3(middle);
        let m = self.voxel_from.matrix3;
        let reach = m.x_axis.abs() * half.x + m.y_axis.abs() * half.y + m.z_axis.abs() * half.z;
        let (first, last) = ((centre - reach).to_array(), (centre + reach).to_array());
        let whole = VoxelBox::whole(self.size);
        // Casts saturate: what is below 0 becomes 0.
        VoxelBox { min: first.map(|x| x.ceil() as usize), max: last.map(|x| (x + 1.0).floor().max(0.0) as usize) }
            .intersection(&whole)
    }
}

/// A voxel's extent along a coordinate with this gradient.
fn extent(gradient: DVec3) -> f64 {
    gradient.abs().element_sum()
}

/// Voxels whose coordinate `gradient · (i, j, k) + offset` lies between two bounds.
pub(crate) struct Slab {
    gradient: DVec3,
    offset: f64,
    low: f64,
    high: f64,
}

impl Slab {
    fn new(gradient: DVec3, offset: f64, low: f64, high: f64) -> Self {
        let extent = extent(gradient);
        if high - low >= extent {
            return Self { gradient, offset, low: low - SLACK, high: high + SLACK };
        }
        let axes = gradient.to_array();
        let largest = axes.into_iter().fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
        let middle = (low + high) / 2.0;
        // Open on the side of lower indices, closed on the other.
        let (below, above) = if largest < 0.0 { (SLACK, SLACK) } else { (-SLACK, -SLACK) };
        let (low, high) = (middle - extent / 2.0 - below, middle + extent / 2.0 - above);
        Self { gradient, offset, low, high }
    }

    /// The part of row `(k, j)` inside, as real numbers.
    fn row(&self, k: usize, j: usize) -> (f64, f64) {
        let start = self.gradient.y * j as f64 + self.gradient.z * k as f64 + self.offset;
        linear(start, self.gradient.x, self.low, self.high)
    }
}

/// Three slabs: what lies in all of them.
pub(crate) struct Slabs([Slab; 3]);

impl Slabs {
    /// The voxels of row `(k, j)` inside.
    pub fn row(&self, k: usize, j: usize, within: &Range<usize>) -> Range<usize> {
        let [a, b, c] = &self.0;
        whole(meet(meet(a.row(k, j), b.row(k, j)), c.row(k, j)), within)
    }

    /// The voxels of row `(k, j)` inside the third slab alone: near a plane.
    pub fn row_of_plane(&self, k: usize, j: usize, within: &Range<usize>) -> Range<usize> {
        let [_, _, plane] = &self.0;
        whole(plane.row(k, j), within)
    }

    /// All voxels of a region inside.
    pub fn fill(&self, region: &VoxelBox, out: &mut Runs) {
        for_rows(region, |k, j, within| out.push(k, j, self.row(k, j, within)));
    }
}

const EVERYWHERE: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
const NOWHERE: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

fn meet(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0.max(b.0), a.1.min(b.1))
}

/// Where `low ≤ start + t·step ≤ high`.
fn linear(start: f64, step: f64, low: f64, high: f64) -> (f64, f64) {
    if step.abs() < 1e-12 {
        return if low <= start && start <= high { EVERYWHERE } else { NOWHERE };
    }
    let (a, b) = ((low - start) / step, (high - start) / step);
    (a.min(b), a.max(b))
}

/// The whole numbers of an interval, cut to a range.
fn whole((low, high): (f64, f64), within: &Range<usize>) -> Range<usize> {
    if low > high || high < 0.0 {
        return 0..0;
    }
    let (first, last) = (low.ceil().max(0.0) as usize, high.floor() as usize);
    first.max(within.start)..last.saturating_add(1).min(within.end)
}

/// Calls `row(k, j, range of i)` for every row of a box.
fn for_rows(region: &VoxelBox, mut row: impl FnMut(usize, usize, &Range<usize>)) {
    if region.is_empty() {
        return;
    }
    let ([i0, j0, k0], [i1, j1, k1]) = (region.min, region.max);
    for k in k0..k1 {
        for j in j0..j1 {
            row(k, j, &(i0..i1));
        }
    }
}
