use super::u32_of;
use crate::{ApiError, v1};
use isochrone_prompt::Plane;
use isochrone_volume::{Axis, DVec3, Grid, VoxelBox};

pub(crate) fn point(p: DVec3) -> v1::Point {
    v1::Point { x: p.x, y: p.y, z: p.z }
}

pub(crate) fn grid(grid: &Grid) -> v1::Grid {
    let affine = grid.world_from_voxel();
    v1::Grid {
        size: Some(voxel(grid.size())),
        origin: Some(point(affine.translation)),
        step_i: Some(point(affine.matrix3.x_axis)),
        step_j: Some(point(affine.matrix3.y_axis)),
        step_k: Some(point(affine.matrix3.z_axis)),
    }
}

pub(crate) fn voxel([i, j, k]: [usize; 3]) -> v1::Voxel {
    v1::Voxel { i: u32_of(i), j: u32_of(j), k: u32_of(k) }
}

pub(super) fn wire_box(region: &VoxelBox) -> v1::VoxelBox {
    v1::VoxelBox { min: Some(voxel(region.min)), max: Some(voxel(region.max)) }
}

/// A box that a client sends; a missing corner is named.
pub(super) fn voxel_box(field: &str, region: Option<&v1::VoxelBox>) -> Result<VoxelBox, ApiError> {
    let region = region.ok_or_else(|| ApiError::field(field, "missing"))?;
    let corner = |name: &str, corner: &Option<v1::Voxel>| {
        let missing = || ApiError::field(format!("{field}.{name}"), "missing");
        corner.as_ref().map(|v| [v.i as usize, v.j as usize, v.k as usize]).ok_or_else(missing)
    };
    Ok(VoxelBox { min: corner("min", &region.min)?, max: corner("max", &region.max)? })
}

/// A point that a client sends: there, and finite.
pub(super) fn finite(field: &str, point: Option<&v1::Point>) -> Result<DVec3, ApiError> {
    let p = point.ok_or_else(|| ApiError::field(field, "missing; give x, y and z in mm (LPS)"))?;
    for (name, value) in [("x", p.x), ("y", p.y), ("z", p.z)] {
        if !value.is_finite() {
            return Err(ApiError::field(
                format!("{field}.{name}"),
                format!("{value} is not a place; give a finite number of millimetres (LPS)"),
            ));
        }
    }
    Ok(DVec3::new(p.x, p.y, p.z))
}

/// A number that is one.
pub(super) fn real(field: &str, value: f64) -> Result<f64, ApiError> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(ApiError::field(field, format!("{value} is no number; give a finite one")))
    }
}

/// A plane that a client sends.
pub(super) fn plane(field: &str, wire: &v1::Plane) -> Result<Plane, ApiError> {
    let part = |name: &str, point: &Option<v1::Point>| finite(&format!("{field}.{name}"), point.as_ref());
    let (origin, u, v) = (part("origin", &wire.origin)?, part("u", &wire.u)?, part("v", &wire.v)?);
    Plane::new(origin, u, v).map_err(|e| ApiError::field(field, e.to_string()))
}

pub(crate) fn slice_axis(field: &str, number: i32) -> Result<Axis, ApiError> {
    match v1::Axis::try_from(number) {
        Ok(v1::Axis::I) => Ok(Axis::I),
        Ok(v1::Axis::J) => Ok(Axis::J),
        Ok(v1::Axis::K) => Ok(Axis::K),
        _ => Err(ApiError::field(field, format!("{number} is not an axis; send AXIS_I, AXIS_J or AXIS_K"))),
    }
}

pub(crate) fn axis(axis: Axis) -> v1::Axis {
    match axis {
        Axis::I => v1::Axis::I,
        Axis::J => v1::Axis::J,
        Axis::K => v1::Axis::K,
    }
}
