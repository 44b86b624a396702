//! Where a slice lies in the patient, and where to look on it.

use crate::score::Weighted;
use isochrone_volume::{Axis, DVec3, Grid};
use ndarray::Array2;

/// First voxel of a slice, and its unit normal towards higher indices; both LPS (mm).
pub(crate) fn plane(volume: &Grid, axis: Axis, index: usize) -> (DVec3, DVec3) {
    let mut first = [0; 3];
    if let Some(n) = first.get_mut(axis.index()) {
        *n = index;
    }
    let m = volume.world_from_voxel().matrix3;
    let (along, across) = match axis {
        Axis::I => (m.x_axis, m.y_axis.cross(m.z_axis)),
        Axis::J => (m.y_axis, m.z_axis.cross(m.x_axis)),
        Axis::K => (m.z_axis, m.x_axis.cross(m.y_axis)),
    };
    let normal = across.normalize();
    (volume.centre_mm(first), if normal.dot(along) < 0.0 { -normal } else { normal })
}

/// The point of a slice where the weighted uncertainty, averaged over 3 × 3 working voxels, is highest; LPS mm.
pub(crate) fn spot(weighted: &Weighted, volume: &Grid, axis: Axis, index: usize, position: f64) -> DVec3 {
    let plane = smoothed(&weighted.plane(axis, position));
    let mut best = ((0, 0), f32::NEG_INFINITY);
    for (at, &v) in plane.indexed_iter() {
        if v > best.1 {
            best = (at, v);
        }
    }
    let (slower, faster) = (best.0.0 as f64, best.0.1 as f64);
    let in_grid = match axis {
        Axis::I => DVec3::new(position, faster, slower),
        Axis::J => DVec3::new(faster, position, slower),
        Axis::K => DVec3::new(faster, slower, position),
    };
    // Onto the slice itself, and into the volume.
    let mut voxel = (volume.voxel_from_world() * weighted.grid.world_from_voxel()).transform_point3(in_grid).to_array();
    for (n, (v, size)) in voxel.iter_mut().zip(volume.size()).enumerate() {
        *v = if n == axis.index() { index as f64 } else { v.clamp(0.0, size as f64 - 1.0) };
    }
    volume.world_from_voxel().transform_point3(DVec3::from(voxel))
}

/// Mean of each voxel and its neighbours; what is beyond the border counts as 0.
fn smoothed(plane: &Array2<f32>) -> Array2<f32> {
    let add = |plane: &Array2<f32>, axis: ndarray::Axis| {
        let mut sum = plane.clone();
        let n = plane.len_of(axis);
        for m in 1..n {
            let (here, before) = (plane.index_axis(axis, m), plane.index_axis(axis, m - 1));
            let mut to = sum.index_axis_mut(axis, m - 1);
            to += &here;
            let mut to = sum.index_axis_mut(axis, m);
            to += &before;
        }
        sum
    };
    add(&add(plane, ndarray::Axis(0)), ndarray::Axis(1)) / 9.0
}
