use crate::{VolumeError, VoxelBox};
use glam::{DAffine3, DMat3, DVec3};
use serde::{Deserialize, Serialize};

/// One of the three axes of a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Axis {
    /// Columns: the fastest axis of the array.
    I,
    /// Rows.
    J,
    /// Slices: the slowest axis of the array.
    K,
}

impl Axis {
    /// All three, `i` first.
    pub const ALL: [Self; 3] = [Self::I, Self::J, Self::K];

    /// Position in a voxel `(i, j, k)`.
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::I => 0,
            Self::J => 1,
            Self::K => 2,
        }
    }

    /// The component of a voxel or size `(i, j, k)` along this axis.
    #[must_use]
    pub fn of<T: Copy>(self, [i, j, k]: [T; 3]) -> T {
        match self {
            Self::I => i,
            Self::J => j,
            Self::K => k,
        }
    }

    /// `ndarray` axis of an array indexed `[k, j, i]`.
    #[must_use]
    pub fn of_array(self) -> ndarray::Axis {
        ndarray::Axis(2 - self.index())
    }
}

/// Size and place of a voxel array in the patient.
///
/// [`Grid::new`] is the only way in, so a `Grid` is always finite, invertible and at most
/// sheared along one axis (gantry tilt).
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    size: [usize; 3],
    world_from_voxel: DAffine3,
    voxel_from_world: DAffine3,
}

impl Grid {
    /// Longest axis in voxels.
    pub const MAX_AXIS: usize = 32_768;
    const SPACING_MM: std::ops::RangeInclusive<f64> = 1e-4..=1e4;
    const MAX_OFFSET_MM: f64 = 1e6;

    /// A grid of `size` voxels along `(i, j, k)`; `world_from_voxel` maps voxel centres to LPS mm.
    ///
    /// # Errors
    /// Empty or over-long axes; NaN, infinite, singular or absurd geometry; shear along more than one axis.
    pub fn new(size: [usize; 3], world_from_voxel: DAffine3) -> Result<Self, VolumeError> {
        let [ni, nj, nk] = size;
        if size.iter().any(|&n| n == 0 || n > Self::MAX_AXIS) {
            return Err(VolumeError::Size(ni, nj, nk));
        }
        let wrong = |why: &str| Err(VolumeError::Geometry(why.to_owned()));
        if !world_from_voxel.is_finite() {
            return wrong("the affine holds NaN or infinity");
        }
        if world_from_voxel.translation.abs().max_element() > Self::MAX_OFFSET_MM {
            return wrong("the origin lies more than a kilometre away");
        }
        let m = world_from_voxel.matrix3;
        let spacing = [m.x_axis.length(), m.y_axis.length(), m.z_axis.length()];
        if !spacing.iter().all(|s| Self::SPACING_MM.contains(s)) {
            return wrong("a voxel side is zero or absurd");
        }
        let [x, y, z] = [m.x_axis.normalize(), m.y_axis.normalize(), m.z_axis.normalize()];
        if x.cross(y).dot(z).abs() < 0.1 {
            return wrong("the axes do not span space");
        }
        let oblique = [x.dot(y), x.dot(z), y.dot(z)].iter().filter(|c| c.abs() > 1e-3).count();
        if oblique > 1 {
            return wrong("the axes are sheared in more than one direction");
        }
        Ok(Self { size, world_from_voxel, voxel_from_world: world_from_voxel.inverse() })
    }

    /// Voxels along `(i, j, k)`.
    #[must_use]
    pub fn size(&self) -> [usize; 3] {
        self.size
    }

    /// Shape of an array on this grid, `[k, j, i]`.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        let [i, j, k] = self.size;
        [k, j, i]
    }

    /// Number of voxels.
    #[must_use]
    pub fn voxel_count(&self) -> usize {
        self.size.iter().product()
    }

    /// Maps voxel `(i, j, k)` to LPS mm.
    #[must_use]
    pub fn world_from_voxel(&self) -> DAffine3 {
        self.world_from_voxel
    }

    /// Maps LPS mm to a fractional voxel `(i, j, k)`.
    #[must_use]
    pub fn voxel_from_world(&self) -> DAffine3 {
        self.voxel_from_world
    }

    /// Length of a voxel's sides along `(i, j, k)` in mm.
    #[must_use]
    pub fn spacing_mm(&self) -> [f64; 3] {
        let m = self.world_from_voxel.matrix3;
        [m.x_axis.length(), m.y_axis.length(), m.z_axis.length()]
    }

    /// Unit directions of the axes `i`, `j`, `k` in LPS, as columns.
    #[must_use]
    pub fn direction(&self) -> DMat3 {
        let m = self.world_from_voxel.matrix3;
        DMat3::from_cols(m.x_axis.normalize(), m.y_axis.normalize(), m.z_axis.normalize())
    }

    /// Volume of one voxel in mm³.
    #[must_use]
    pub fn voxel_volume_mm3(&self) -> f64 {
        self.world_from_voxel.matrix3.determinant().abs()
    }

    /// Centre of a voxel `(i, j, k)` in LPS mm.
    #[must_use]
    pub fn centre_mm(&self, [i, j, k]: [usize; 3]) -> DVec3 {
        self.world_from_voxel.transform_point3(DVec3::new(i as f64, j as f64, k as f64))
    }

    /// The voxel `(i, j, k)` whose cell holds the LPS point; `None` outside the grid.
    #[must_use]
    pub fn voxel_at(&self, point_lps_mm: DVec3) -> Option<[usize; 3]> {
        let v = self.voxel_from_world.transform_point3(point_lps_mm);
        // Ties go up, as SimpleITK's TransformPhysicalPointToIndex does.
        let [i, j, k] = [v.x, v.y, v.z].map(|x| (x + 0.5).floor());
        let [ni, nj, nk] = self.size.map(|n| n as f64);
        let inside = |x: f64, n: f64| x >= 0.0 && x < n;
        (inside(i, ni) && inside(j, nj) && inside(k, nk)).then_some([i as usize, j as usize, k as usize])
    }

    /// Lowest and highest LPS corner of the box round all voxel cells, in mm.
    #[must_use]
    pub fn bounds_mm(&self) -> (DVec3, DVec3) {
        let [ni, nj, nk] = self.size.map(|n| n as f64 - 0.5);
        let (mut low, mut high) = (DVec3::INFINITY, DVec3::NEG_INFINITY);
        for corner in 0..8u8 {
            let pick = |axis: u8, end: f64| if corner >> axis & 1 == 1 { end } else { -0.5 };
            let p = self.world_from_voxel.transform_point3(DVec3::new(pick(0, ni), pick(1, nj), pick(2, nk)));
            (low, high) = (low.min(p), high.max(p));
        }
        (low, high)
    }

    /// The grid of a box inside this one.
    ///
    /// # Errors
    /// An empty box, or one that leaves the grid.
    pub fn crop(&self, region: &VoxelBox) -> Result<Self, VolumeError> {
        if region.is_empty() || region.intersection(&VoxelBox::whole(self.size)) != *region {
            return Err(VolumeError::Box(region.to_string()));
        }
        let mut affine = self.world_from_voxel;
        affine.translation = self.centre_mm(region.min);
        Self::new(region.size(), affine)
    }

    /// An isotropic orthogonal grid along this grid's axes: `size` voxels of `spacing_mm`, its middle
    /// (the centre of the middle voxel, or the border of the middle two) at `centre_lps_mm`.
    ///
    /// Of a tilted grid the `k` axis is replaced by the normal of the slices.
    ///
    /// # Errors
    /// An empty size or an absurd spacing.
    pub fn working(&self, centre_lps_mm: DVec3, spacing_mm: f64, size: [usize; 3]) -> Result<Self, VolumeError> {
        let d = self.direction();
        let normal = d.x_axis.cross(d.y_axis).normalize();
        let normal = if normal.dot(d.z_axis) < 0.0 { -normal } else { normal };
        let matrix3 =
            DMat3::from_cols(d.x_axis, normal.cross(d.x_axis) * d.y_axis.dot(normal.cross(d.x_axis)).signum(), normal)
                * spacing_mm;
        let [ni, nj, nk] = size.map(|n| (n as f64 - 1.0) / 2.0);
        let translation = centre_lps_mm - matrix3 * DVec3::new(ni, nj, nk);
        Self::new(size, DAffine3 { matrix3, translation })
    }

    /// True if the axes are at right angles (no gantry tilt).
    #[must_use]
    pub fn is_orthogonal(&self) -> bool {
        let d = self.direction();
        [d.x_axis.dot(d.y_axis), d.x_axis.dot(d.z_axis), d.y_axis.dot(d.z_axis)].iter().all(|c| c.abs() < 1e-3)
    }
}
