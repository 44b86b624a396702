//! From the protocol's types to ours, with nothing taken on trust.

use anyhow::{Context, anyhow};
use isochrone_api::v1;
use isochrone_volume::{Axis, DAffine3, DMat3, DVec3, Grid, MaskDelta, VoxelBox};

fn vector(p: Option<&v1::Point>) -> anyhow::Result<DVec3> {
    p.map(|p| DVec3::new(p.x, p.y, p.z)).ok_or_else(|| anyhow!("The server left out a point"))
}

fn voxel(v: Option<&v1::Voxel>) -> anyhow::Result<[usize; 3]> {
    v.map(|v| [v.i as usize, v.j as usize, v.k as usize]).ok_or_else(|| anyhow!("The server left out a voxel"))
}

pub(super) fn grid(g: Option<&v1::Grid>) -> anyhow::Result<Grid> {
    let g = g.context("The server left out a grid")?;
    let matrix3 = DMat3::from_cols(vector(g.step_i.as_ref())?, vector(g.step_j.as_ref())?, vector(g.step_k.as_ref())?);
    let affine = DAffine3 { matrix3, translation: vector(g.origin.as_ref())? };
    Ok(Grid::new(voxel(g.size.as_ref())?, affine)?)
}

pub(super) fn delta(d: &v1::LabelDelta) -> anyhow::Result<MaskDelta> {
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
pub fn axis(number: i32) -> anyhow::Result<Axis> {
    match v1::Axis::try_from(number) {
        Ok(v1::Axis::I) => Ok(Axis::I),
        Ok(v1::Axis::J) => Ok(Axis::J),
        Ok(v1::Axis::K) => Ok(Axis::K),
        _ => Err(anyhow!("The server named axis {number}, which does not exist")),
    }
}

pub(super) fn wire_axis(axis: Axis) -> v1::Axis {
    match axis {
        Axis::I => v1::Axis::I,
        Axis::J => v1::Axis::J,
        Axis::K => v1::Axis::K,
    }
}

pub(super) fn modality(modality: isochrone_volume::Modality) -> v1::Modality {
    match modality {
        isochrone_volume::Modality::Ct => v1::Modality::Ct,
        isochrone_volume::Modality::Mr => v1::Modality::Mr,
        isochrone_volume::Modality::Pt => v1::Modality::Pt,
        isochrone_volume::Modality::Other => v1::Modality::Other,
    }
}
