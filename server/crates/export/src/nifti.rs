//! The header of NIfTI-1 (nifti1.h).

use crate::ExportError;
use crate::pixels::{Image, Scalar};
use isochrone_volume::{DMat3, DVec3, Grid};

/// Header and the four bytes that say "no extension".
const BYTES: usize = 352;
/// NIFTI_XFORM_SCANNER_ANAT: world coordinates are the patient's.
const SCANNER: i16 = 1;
/// NIFTI_UNITS_MM.
const MILLIMETRES: u8 = 2;
/// Cosine between axes up to which a quaternion describes them without visible loss.
const RIGHT_ANGLE: f64 = 1e-6;
const RAS_FROM_LPS: DMat3 = DMat3::from_cols(DVec3::NEG_X, DVec3::NEG_Y, DVec3::Z);

/// The 352 bytes before the voxels. sform always; qform too unless the grid is tilted.
pub(crate) fn header<T: Scalar>(image: &Image<'_, T>) -> Result<Vec<u8>, ExportError> {
    let grid = image.grid;
    let [x, y, z] = grid.spacing_mm();
    let world = grid.world_from_voxel();
    let (m, t) = (RAS_FROM_LPS * world.matrix3, RAS_FROM_LPS * world.translation);
    let quaternion = quaternion(grid);
    let (qform_code, qfac, [b, c, d]) = quaternion.map_or((0, 1.0, [0.0; 3]), |(qfac, bcd)| (SCANNER, qfac, bcd));
    let q_offset = if qform_code > 0 { t } else { DVec3::ZERO };

    let mut out = Writer(Vec::with_capacity(BYTES));
    out.i32(348);
    out.zeros_to(40);
    let mut dim = [3i16, 1, 1, 1, 1, 1, 1, 1];
    for (dim, n) in dim.iter_mut().skip(1).zip(grid.size()) {
        *dim = i16::try_from(n).map_err(|_| ExportError::Size(n))?;
    }
    dim.iter().for_each(|n| out.i16(*n));
    out.zeros_to(70);
    out.i16(T::NIFTI_CODE);
    out.i16(8 * T::BYTES as i16);
    out.zeros_to(76);
    [qfac, x, y, z, 0.0, 0.0, 0.0, 0.0].iter().for_each(|v| out.f32(*v));
    out.f32(BYTES as f64);
    out.f32(image.rescale.slope);
    out.f32(image.rescale.intercept);
    out.zeros_to(123);
    out.0.push(MILLIMETRES);
    out.zeros_to(148);
    out.0.extend_from_slice(b"Isochrone");
    out.zeros_to(252);
    out.i16(qform_code);
    out.i16(SCANNER);
    [b, c, d, q_offset.x, q_offset.y, q_offset.z].iter().for_each(|v| out.f32(*v));
    let rows = m.transpose();
    for (row, offset) in [(rows.x_axis, t.x), (rows.y_axis, t.y), (rows.z_axis, t.z)] {
        [row.x, row.y, row.z, offset].iter().for_each(|v| out.f32(*v));
    }
    out.zeros_to(344);
    out.0.extend_from_slice(b"n+1\0");
    out.zeros_to(BYTES);
    Ok(out.0)
}

/// `qfac` and `quatern_b`, `_c`, `_d` of an orthogonal grid.
fn quaternion(grid: &Grid) -> Option<(f64, [f64; 3])> {
    let d = grid.direction();
    let (x, y, z) = (d.x_axis, d.y_axis, d.z_axis);
    if [x.dot(y), x.dot(z), y.dot(z)].iter().any(|c| c.abs() > RIGHT_ANGLE) {
        return None;
    }
    let mut m = RAS_FROM_LPS * d;
    let qfac = if m.determinant() < 0.0 { -1.0 } else { 1.0 };
    m.z_axis *= qfac;
    let q = isochrone_volume::DQuat::from_mat3(&m);
    // nifti1.h stores b, c, d and takes a ≥ 0.
    let sign = if q.w < 0.0 { -1.0 } else { 1.0 };
    Some((qfac, [q.x * sign, q.y * sign, q.z * sign]))
}

/// Little-endian fields, one after the other.
struct Writer(Vec<u8>);

impl Writer {
    fn i16(&mut self, v: i16) {
        self.0.extend_from_slice(&v.to_le_bytes());
    }

    fn i32(&mut self, v: i32) {
        self.0.extend_from_slice(&v.to_le_bytes());
    }

    fn f32(&mut self, v: f64) {
        self.0.extend_from_slice(&(v as f32).to_le_bytes());
    }

    fn zeros_to(&mut self, offset: usize) {
        self.0.resize(offset, 0);
    }
}
