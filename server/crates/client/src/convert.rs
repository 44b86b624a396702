//! From the protocol's types to ours, with nothing taken on trust.

use crate::ClientError;
use isochrone_api::v1;
use isochrone_volume::{Axis, DAffine3, DMat3, DVec3, Grid, MaskDelta, VoxelBox};

fn vector(p: Option<&v1::Point>) -> Result<DVec3, ClientError> {
    p.map(|p| DVec3::new(p.x, p.y, p.z)).ok_or_else(|| ClientError::answer("The server left out a point"))
}

fn voxel(v: Option<&v1::Voxel>) -> Result<[usize; 3], ClientError> {
    v.map(|v| [v.i as usize, v.j as usize, v.k as usize])
        .ok_or_else(|| ClientError::answer("The server left out a voxel"))
}

pub(crate) fn grid(g: Option<&v1::Grid>) -> Result<Grid, ClientError> {
    let g = g.ok_or_else(|| ClientError::answer("The server left out a grid"))?;
    let matrix3 = DMat3::from_cols(vector(g.step_i.as_ref())?, vector(g.step_j.as_ref())?, vector(g.step_k.as_ref())?);
    let affine = DAffine3 { matrix3, translation: vector(g.origin.as_ref())? };
    Ok(Grid::new(voxel(g.size.as_ref())?, affine)?)
}

pub(crate) fn delta(d: &v1::LabelDelta) -> Result<MaskDelta, ClientError> {
    let region = match &d.r#box {
        Some(b) => VoxelBox { min: voxel(b.min.as_ref())?, max: voxel(b.max.as_ref())? },
        None => VoxelBox { min: [0; 3], max: [0; 3] },
    };
    Ok(MaskDelta { region, zlib_bits: d.zlib_bits.clone() })
}

/// The axis by its number on the wire.
///
/// # Errors
/// No such axis.
pub(crate) fn axis(number: i32) -> Result<Axis, ClientError> {
    match v1::Axis::try_from(number) {
        Ok(v1::Axis::I) => Ok(Axis::I),
        Ok(v1::Axis::J) => Ok(Axis::J),
        Ok(v1::Axis::K) => Ok(Axis::K),
        _ => Err(ClientError::answer(format!("The server named axis {number}, which does not exist"))),
    }
}

pub(crate) fn wire_voxel([i, j, k]: [usize; 3]) -> v1::Voxel {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    v1::Voxel { i: number(i), j: number(j), k: number(k) }
}

pub(crate) fn wire_box(region: &VoxelBox) -> v1::VoxelBox {
    v1::VoxelBox { min: Some(wire_voxel(region.min)), max: Some(wire_voxel(region.max)) }
}

pub(crate) fn point(p: DVec3) -> v1::Point {
    v1::Point { x: p.x, y: p.y, z: p.z }
}

pub(crate) fn wire_axis(axis: Axis) -> v1::Axis {
    match axis {
        Axis::I => v1::Axis::I,
        Axis::J => v1::Axis::J,
        Axis::K => v1::Axis::K,
    }
}

pub(crate) fn modality(modality: isochrone_volume::Modality) -> v1::Modality {
    match modality {
        isochrone_volume::Modality::Ct => v1::Modality::Ct,
        isochrone_volume::Modality::Mr => v1::Modality::Mr,
        isochrone_volume::Modality::Pt => v1::Modality::Pt,
        isochrone_volume::Modality::Other => v1::Modality::Other,
    }
}
