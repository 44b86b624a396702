//! Spatial Registration (PS3.3 C.20.2): from one frame of reference to another, rigidly.

use super::fields::{Fields, name};
use super::{Part10, gather};
use crate::{IntakeError, Limits};
use dicom_dictionary_std::tags;
use isochrone_volume::{DAffine3, DMat3, DVec3};
use std::path::Path;

const SPATIAL_REGISTRATION: &str = "1.2.840.10008.5.1.4.1.1.66.1";

/// Reads from a Spatial Registration object how points of the frame of reference `from` lie in `to`, LPS mm. In the
/// caller's own process: for files from outside use [`Decoder::registration`](crate::Decoder::registration).
///
/// # Errors
/// Another kind of object, frames of reference that it does not name, or a transformation that is not rigid.
pub fn read_registration(path: &Path, from: &str, to: &str, limits: &Limits) -> Result<DAffine3, IntakeError> {
    let mut inputs = gather(&[path.to_owned()], limits)?;
    let (Some(input), true) = (inputs.pop(), inputs.is_empty()) else {
        return Err(IntakeError::NotAnImage("a registration is one DICOM file"));
    };
    let header = Part10::open(input.bytes()?, limits)?.header()?;
    let fields = Fields(&header);
    if fields.string(tags::SOP_CLASS_UID) != SPATIAL_REGISTRATION {
        return Err(IntakeError::unsupported("This kind of DICOM object", "name a Spatial Registration"));
    }
    // Every item leads from its own frame into the object's.
    let registered = fields.string(tags::FRAME_OF_REFERENCE_UID);
    let into_registered = |frame: &str| -> Result<DAffine3, IntakeError> {
        let items = fields.items(tags::REGISTRATION_SEQUENCE).iter().map(Fields);
        match items.into_iter().find(|item| item.string(tags::FRAME_OF_REFERENCE_UID) == frame) {
            Some(item) => matrix(item),
            None if frame == registered => Ok(DAffine3::IDENTITY),
            None => Err(IntakeError::header(
                "registration",
                "it does not name the frames of reference of both images; take the registration of these two",
            )),
        }
    };
    Ok(into_registered(to)?.inverse() * into_registered(from)?)
}

/// The product of an item's matrices, applied in their order.
fn matrix(item: Fields<'_>) -> Result<DAffine3, IntakeError> {
    let tag = tags::FRAME_OF_REFERENCE_TRANSFORMATION_MATRIX;
    let mut all = DAffine3::IDENTITY;
    for step in
        item.item(tags::MATRIX_REGISTRATION_SEQUENCE).map(|m| m.items(tags::MATRIX_SEQUENCE)).unwrap_or_default()
    {
        let Some([a, b, c, x, d, e, f, y, g, h, i, z, p, q, r, s]) = Fields(step).array::<16>(tag)? else {
            return Err(IntakeError::header(name(tag), "it is missing"));
        };
        let matrix3 = DMat3::from_cols(DVec3::new(a, d, g), DVec3::new(b, e, h), DVec3::new(c, f, i));
        let rigid = (matrix3.transpose() * matrix3).abs_diff_eq(DMat3::IDENTITY, 1e-3) && matrix3.determinant() > 0.0;
        if !rigid || [p, q, r] != [0.0; 3] || s != 1.0 {
            let problem = "it is not rigid, so lengths and volumes would change; resample the image instead";
            return Err(IntakeError::header(name(tag), problem));
        }
        all = DAffine3 { matrix3, translation: DVec3::new(x, y, z) } * all;
    }
    Ok(all)
}
