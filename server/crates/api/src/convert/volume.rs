use super::grid;
use crate::house::HeldVolume;
use crate::{ApiError, v1};
use isochrone_intake::suv::{SuvByHand, SuvOptions};
use isochrone_volume::{Modality, Quantity};

pub(crate) fn volume(held: &HeldVolume) -> v1::Volume {
    let volume = &held.volume;
    v1::Volume {
        volume_id: held.id.clone(),
        grid: Some(grid(volume.grid())),
        modality: wire_modality(volume.modality()).into(),
        quantity: wire_quantity(volume.quantity()).into(),
        inferred: volume.origin().inferred,
        frame_of_reference_uid: volume.frame_of_reference().to_owned(),
        scalar_type: volume.voxels().scalar_name().to_owned(),
        content_hash: volume.content_hash().to_vec(),
        warnings: volume.origin().warnings.clone(),
        study_uid: held.series.as_ref().map_or_else(String::new, |s| s.study_uid.clone()),
        series_uid: held.series.as_ref().map_or_else(String::new, |s| s.series_uid.clone()),
    }
}

fn wire_modality(modality: Modality) -> v1::Modality {
    match modality {
        Modality::Ct => v1::Modality::Ct,
        Modality::Mr => v1::Modality::Mr,
        Modality::Pt => v1::Modality::Pt,
        Modality::Other => v1::Modality::Other,
    }
}

fn wire_quantity(quantity: Quantity) -> v1::Quantity {
    match quantity {
        Quantity::Hounsfield => v1::Quantity::Hounsfield,
        Quantity::SuvBw => v1::Quantity::SuvBodyWeight,
        Quantity::Arbitrary => v1::Quantity::Arbitrary,
    }
}

/// What the client knows of the scanner; unspecified is allowed and means nothing known.
pub(crate) fn modality(number: i32) -> Result<Option<Modality>, ApiError> {
    match v1::Modality::try_from(number) {
        Ok(v1::Modality::Unspecified) => Ok(None),
        Ok(v1::Modality::Ct) => Ok(Some(Modality::Ct)),
        Ok(v1::Modality::Mr) => Ok(Some(Modality::Mr)),
        Ok(v1::Modality::Pt) => Ok(Some(Modality::Pt)),
        Ok(v1::Modality::Other) => Ok(Some(Modality::Other)),
        Err(_) => Err(ApiError::field(
            "modality",
            format!("{number} is not a modality; send one of the protocol, or leave it out"),
        )),
    }
}

/// The name under which an upload is kept; its content decides what it is.
pub(crate) fn format(number: i32) -> Result<&'static str, ApiError> {
    match v1::FileFormat::try_from(number) {
        Ok(v1::FileFormat::Nifti) => Ok("image.nii"),
        Ok(v1::FileFormat::Nrrd) => Ok("image.nrrd"),
        _ => Err(ApiError::field(
            "format",
            format!("{number} is not a file format; send FILE_FORMAT_NIFTI or FILE_FORMAT_NRRD"),
        )),
    }
}

/// What the reader knows better of a PET than its files.
pub(crate) fn suv(wire: Option<v1::SuvByHand>) -> Result<SuvOptions, ApiError> {
    let v1::SuvByHand { weight_kg, height_m, sex, dose_bq, half_life_s, injected_at, scan_at } =
        wire.unwrap_or_default();
    for (field, text) in [("suv.sex", &sex), ("suv.injected_at", &injected_at), ("suv.scan_at", &scan_at)] {
        if text.as_ref().is_some_and(|t| t.len() > 32) {
            return Err(ApiError::field(field, "longer than 32 characters; write M or F, and YYYYMMDDHHMMSS"));
        }
    }
    let numbers =
        [("weight_kg", weight_kg), ("height_m", height_m), ("dose_bq", dose_bq), ("half_life_s", half_life_s)];
    for (field, number) in numbers {
        if number.is_some_and(|n| !(n.is_finite() && n > 0.0)) {
            return Err(ApiError::field(format!("suv.{field}"), "not above 0"));
        }
    }
    let by_hand = SuvByHand { weight_kg, height_m, sex, dose_bq, half_life_s, injected_at, scan_at };
    Ok(SuvOptions { by_hand, ..SuvOptions::default() })
}
