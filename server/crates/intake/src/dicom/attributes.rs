//! The attributes that a derived object copies from its source.

use super::fields::Fields;
use super::series::Attribute;
use dicom_core::Tag;
use dicom_dictionary_std::tags;

const KEPT: &[Tag] = &[
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::ISSUER_OF_PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::PATIENT_AGE,
    tags::PATIENT_SIZE,
    tags::PATIENT_WEIGHT,
    tags::PATIENT_COMMENTS,
    tags::PATIENT_IDENTITY_REMOVED,
    tags::DEIDENTIFICATION_METHOD,
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::STUDY_ID,
    tags::STUDY_DESCRIPTION,
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::MODALITY,
    tags::SERIES_NUMBER,
    tags::SERIES_DESCRIPTION,
    tags::SERIES_DATE,
    tags::SERIES_TIME,
    tags::ACQUISITION_DATE,
    tags::ACQUISITION_TIME,
    tags::BODY_PART_EXAMINED,
    tags::LATERALITY,
    tags::PATIENT_POSITION,
    tags::POSITION_REFERENCE_INDICATOR,
    tags::MANUFACTURER,
    tags::MANUFACTURER_MODEL_NAME,
];

pub(crate) fn kept(fields: Fields<'_>) -> Vec<Attribute> {
    let one = |tag: &Tag| {
        let vr = fields.0.get(*tag)?.vr().to_string().to_owned();
        Some(Attribute { tag: (tag.0, tag.1), vr, value: fields.string(*tag) })
    };
    KEPT.iter().filter_map(one).collect()
}
