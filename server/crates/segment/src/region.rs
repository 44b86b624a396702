//! Where the working region lies, and how fine it is.

use crate::RegionPolicy;
use isochrone_volume::{DMat3, DVec3, Grid, VolumeError, VoxelBox};

/// A box along the working axes, in mm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    low: DVec3,
    high: DVec3,
}

impl Extent {
    const NOTHING: Self = Self { low: DVec3::INFINITY, high: DVec3::NEG_INFINITY };

    /// Longest side, mm.
    pub fn longest_mm(&self) -> f64 {
        (self.high - self.low).max_element().max(0.0)
    }
}

/// Places regions of one policy over one volume.
pub(crate) struct Placement<'a> {
    volume: &'a Grid,
    policy: RegionPolicy,
    /// From LPS to the working axes, both in mm.
    axes_from_world: DMat3,
    /// Points that every region holds, LPS mm.
    points: Vec<DVec3>,
}

impl<'a> Placement<'a> {
    /// Working voxels between a new prompt and the region's border.
    const MARGIN: f64 = 8.0;

    pub fn new(volume: &'a Grid, policy: RegionPolicy, points: Vec<DVec3>) -> Result<Self, VolumeError> {
        let axes_from_world = volume.working(DVec3::ZERO, 1.0, [1; 3])?.direction().transpose();
        Ok(Self { volume, policy, axes_from_world, points })
    }

    /// The new prompts alone.
    pub fn points(&self) -> Extent {
        let axes = self.points.iter().map(|p| self.axes_from_world * *p);
        axes.fold(Extent::NOTHING, |e, p| Extent { low: e.low.min(p), high: e.high.max(p) })
    }

    /// A box of voxels of `grid`, and the new prompts.
    pub fn around(&self, grid: &Grid, region: &VoxelBox) -> Extent {
        let mut extent = self.points();
        if !region.is_empty() {
            for corner in corners(region) {
                let p = self.axes_from_world * grid.world_from_voxel().transform_point3(corner);
                extent = Extent { low: extent.low.min(p), high: extent.high.max(p) };
            }
        }
        extent
    }

    /// Shortest side of a region of `spacing_mm`, mm.
    pub fn side_mm(&self, spacing_mm: f64) -> f64 {
        self.policy.size.into_iter().min().unwrap_or_default() as f64 * spacing_mm
    }

    /// The spacing at which `factor` times the extent fills the region, within the policy's limits.
    pub fn spacing_for(&self, extent: &Extent, factor: f64) -> f64 {
        let spacing = factor * extent.longest_mm() / self.side_mm(1.0);
        spacing.max(self.policy.min_spacing_mm).min(self.policy.max_spacing_mm)
    }

    /// The region of a component that has no mask yet.
    pub fn first(&self) -> Result<Grid, VolumeError> {
        let extent = self.points();
        let spacing = self.spacing_for(&extent, self.policy.context).max(self.first_spacing_mm());
        self.region(&extent, spacing)
    }

    /// Spacing of a first region, within the policy's limits: coarser where the volume's voxels are large.
    pub fn first_spacing_mm(&self) -> f64 {
        let edge = self.volume.spacing_mm().into_iter().product::<f64>().cbrt();
        let spacing = self.policy.first_spacing_mm.max(self.policy.first_spacing_voxels * edge);
        spacing.max(self.policy.min_spacing_mm).min(self.policy.max_spacing_mm)
    }

    /// The region of `spacing_mm` round an extent; moved, if need be, so that it holds the new prompts.
    pub fn region(&self, extent: &Extent, spacing_mm: f64) -> Result<Grid, VolumeError> {
        let [ni, nj, nk] = self.policy.size.map(|n| (n as f64 / 2.0 - Self::MARGIN).max(0.0) * spacing_mm);
        let reach = DVec3::new(ni, nj, nk);
        let points = self.points();
        let centre = (extent.low + extent.high) / 2.0;
        // Where two prompts cannot both be inside, their middle is.
        let (low, high) = (points.high - reach, points.low + reach);
        let (low, high) = (low.min((low + high) / 2.0), high.max((low + high) / 2.0));
        let centre = centre.max(low).min(high);
        self.volume.working(self.axes_from_world.transpose() * centre, spacing_mm, self.policy.size)
    }

    /// True if a box of the region's voxels meets a face of the region beyond which the volume goes on.
    pub fn meets_border(&self, region: &Grid, part: &VoxelBox) -> bool {
        if part.is_empty() {
            return false;
        }
        let region_from_volume = region.voxel_from_world() * self.volume.world_from_voxel();
        let (mut low, mut high) = (DVec3::INFINITY, DVec3::NEG_INFINITY);
        for corner in corners(&VoxelBox::whole(self.volume.size())) {
            let p = region_from_volume.transform_point3(corner);
            (low, high) = (low.min(p), high.max(p));
        }
        let sides = part.min.into_iter().zip(part.max).zip(region.size());
        sides
            .zip(low.to_array())
            .zip(high.to_array())
            .any(|((((min, max), n), low), high)| (min == 0 && low < -1.0) || (max == n && high > n as f64))
    }
}

/// Corners of the cells of a box, fractional voxels `(i, j, k)`.
fn corners(region: &VoxelBox) -> impl Iterator<Item = DVec3> {
    let (min, max) = (region.min.map(|n| n as f64 - 0.5), region.max.map(|n| n as f64 - 0.5));
    (0..8u8).map(move |corner| {
        let ([a, b, c], [x, y, z]) = (min, max);
        let pick = |bit: u8, low: f64, high: f64| if corner >> bit & 1 == 1 { high } else { low };
        DVec3::new(pick(0, a, x), pick(1, b, y), pick(2, c, z))
    })
}
