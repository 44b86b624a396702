use super::header::Header;
use crate::IntakeError;
use isochrone_volume::{DAffine3, DMat3, DVec3};

/// LPS from RAS: the first two axes point the other way.
const LPS_FROM_RAS: DMat3 = DMat3::from_cols(DVec3::NEG_X, DVec3::NEG_Y, DVec3::Z);
/// sform and qform agree if no corner of the image moves by more than this part of the smallest voxel side.
const AGREEMENT: f64 = 0.1;

/// Maps voxel `(i, j, k)` to LPS mm: sform if its code is set (method 3 of nifti1.h), else
/// qform (method 2), else voxel sizes alone (method 1, with a warning).
pub(super) fn world_from_voxel(header: &Header, warnings: &mut Vec<String>) -> Result<DAffine3, IntakeError> {
    let ras = match (header.sform_code > 0, header.qform_code > 0) {
        (true, with_qform) => {
            let sform = sform(header);
            if with_qform {
                compare(header, &sform, warnings);
            }
            sform
        }
        (false, true) => qform(header)?,
        (false, false) => {
            warnings.push(
                "The header gives no orientation (sform and qform codes are 0): the axes were taken as right, anterior, superior, \
                 and other programs take them differently. Check left and right before use"
                    .to_owned(),
            );
            DAffine3::from_mat3(DMat3::from_diagonal(voxel_sides(header)?))
        }
    };
    let mm = unit_mm(header.xyzt_units, warnings);
    Ok(DAffine3 { matrix3: LPS_FROM_RAS * ras.matrix3 * mm, translation: LPS_FROM_RAS * ras.translation * mm })
}

fn sform(header: &Header) -> DAffine3 {
    let [x, y, z] = header.srow;
    let column = |f: fn([f64; 4]) -> f64| DVec3::new(f(x), f(y), f(z));
    DAffine3 {
        matrix3: DMat3::from_cols(column(|[a, ..]| a), column(|[_, b, ..]| b), column(|[_, _, c, _]| c)),
        translation: column(|[.., d]| d),
    }
}

fn qform(header: &Header) -> Result<DAffine3, IntakeError> {
    let sides = voxel_sides(header)?;
    let [mut b, mut c, mut d] = header.quatern;
    let square = b * b + c * c + d * d;
    if !square.is_finite() || square > 1.001 {
        return Err(IntakeError::header("quatern_b, _c, _d", "they are not those of a unit quaternion"));
    }
    // Rounding can push a half turn just past 1.
    let a = if 1.0 - square < 1e-7 {
        let length = square.sqrt();
        (b, c, d) = (b / length, c / length, d / length);
        0.0
    } else {
        (1.0 - square).sqrt()
    };
    let rotation = DMat3::from_cols(
        DVec3::new(a * a + b * b - c * c - d * d, 2.0 * (b * c + a * d), 2.0 * (b * d - a * c)),
        DVec3::new(2.0 * (b * c - a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d + a * b)),
        DVec3::new(2.0 * (b * d + a * c), 2.0 * (c * d - a * b), a * a + d * d - b * b - c * c),
    );
    let [qfac, ..] = header.pixdim;
    let sides = DVec3 { z: if qfac < 0.0 { -sides.z } else { sides.z }, ..sides };
    let [x, y, z] = header.qoffset;
    Ok(DAffine3 { matrix3: rotation * DMat3::from_diagonal(sides), translation: DVec3::new(x, y, z) })
}

fn voxel_sides(header: &Header) -> Result<DVec3, IntakeError> {
    let [_, x, y, z, ..] = header.pixdim;
    if [x, y, z].iter().all(|s| s.is_finite() && *s > 0.0) {
        return Ok(DVec3::new(x, y, z));
    }
    Err(IntakeError::header(
        "pixdim",
        "the voxel size is missing, NaN, zero or negative, so a mask could not be placed",
    ))
}

fn compare(header: &Header, sform: &DAffine3, warnings: &mut Vec<String>) {
    let Ok(qform) = qform(header) else {
        warnings.push("The qform cannot be used (voxel size or quaternion); the sform was used".to_owned());
        return;
    };
    let Ok([ni, nj, nk]) = header.size().map(|s| s.map(|n| n as f64 - 1.0)) else { return };
    let corners = (0..8u8).map(|c| {
        let end = |bit: u8, n: f64| if c >> bit & 1 == 1 { n } else { 0.0 };
        DVec3::new(end(0, ni), end(1, nj), end(2, nk))
    });
    let apart = corners.map(|p| sform.transform_point3(p).distance(qform.transform_point3(p))).fold(0.0, f64::max);
    let m = sform.matrix3;
    let side = m.x_axis.length().min(m.y_axis.length()).min(m.z_axis.length());
    if apart > AGREEMENT * side {
        let units = if header.xyzt_units & 7 == 2 { " mm" } else { "" };
        warnings.push(format!("sform and qform place the image up to {apart:.1}{units} apart; the sform was used"));
    }
}

/// Millimetres in the unit of length of `xyzt_units`.
fn unit_mm(xyzt_units: i32, warnings: &mut Vec<String>) -> f64 {
    match xyzt_units & 7 {
        1 => 1000.0,
        3 => 0.001,
        0 | 2 => 1.0,
        _ => {
            warnings.push("The unit of length is unknown to the standard; millimetres were assumed".to_owned());
            1.0
        }
    }
}
