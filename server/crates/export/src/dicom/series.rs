//! What a derived object takes over from the series it was made of.

use super::item::Item;
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use isochrone_intake::dicom::{SeriesInfo, SourceSlice};
use isochrone_volume::Grid;
use std::sync::Arc;

/// The series that masks were drawn on.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What was read of it.
    pub info: Arc<SeriesInfo>,
    /// The grid of the volume that it became.
    pub grid: Arc<Grid>,
}

/// Attributes of patient and study that a derived object must hold, empty where they are not known.
const REQUIRED: &[(Tag, VR)] = &[
    (tags::PATIENT_NAME, VR::PN),
    (tags::PATIENT_ID, VR::LO),
    (tags::PATIENT_BIRTH_DATE, VR::DA),
    (tags::PATIENT_SEX, VR::CS),
    (tags::STUDY_DATE, VR::DA),
    (tags::STUDY_TIME, VR::TM),
    (tags::REFERRING_PHYSICIAN_NAME, VR::PN),
    (tags::STUDY_ID, VR::SH),
    (tags::ACCESSION_NUMBER, VR::SH),
];

/// Those that it holds where they are known.
const KEPT: &[Tag] = &[
    tags::ISSUER_OF_PATIENT_ID,
    tags::PATIENT_AGE,
    tags::PATIENT_SIZE,
    tags::PATIENT_WEIGHT,
    tags::PATIENT_COMMENTS,
    tags::PATIENT_IDENTITY_REMOVED,
    tags::DEIDENTIFICATION_METHOD,
    tags::STUDY_DESCRIPTION,
];

impl Series {
    /// Such as `CT`; empty if it is not known.
    pub(crate) fn modality(&self) -> &str {
        &self.info.modality
    }

    /// A value of the series, if it is known.
    pub(crate) fn value(&self, tag: Tag) -> Option<&str> {
        self.info.value((tag.group(), tag.element()))
    }

    /// Patient, General Study and Patient Study modules.
    pub(crate) fn patient_and_study(&self) -> Item {
        let mut item = Item::new().uid(tags::STUDY_INSTANCE_UID, &*self.info.study_uid);
        for &(tag, vr) in REQUIRED {
            item = item.text(tag, vr, self.value(tag).unwrap_or_default());
        }
        for tag in KEPT {
            let known = self.info.attributes.iter().find(|a| Tag(a.tag.0, a.tag.1) == *tag);
            if let Some((vr, value)) = known.and_then(|a| Some((a.vr.parse().ok()?, a.value.trim()))) {
                // Decimal strings keep the scanner's own digits.
                item = item.text(*tag, vr, value);
            }
        }
        item
    }

    /// Frame of Reference module.
    pub(crate) fn frame_of_reference(&self) -> Item {
        let indicator = self.value(tags::POSITION_REFERENCE_INDICATOR).unwrap_or_default();
        Item::new()
            .uid(tags::FRAME_OF_REFERENCE_UID, &*self.info.frame_of_reference)
            .lo(tags::POSITION_REFERENCE_INDICATOR, indicator)
    }

    /// The instances of the series, each once.
    pub(crate) fn instances(&self) -> Vec<Item> {
        let mut seen = std::collections::HashSet::new();
        let mut first = |s: &&SourceSlice| is_there(s) && seen.insert(s.sop_instance_uid.clone());
        self.info.slices.iter().filter(|s| first(s)).map(instance).collect()
    }

    /// References to the images of all slices.
    pub(crate) fn images(&self) -> impl Iterator<Item = Item> {
        self.info.slices.iter().filter(|s| is_there(s)).map(image)
    }

    /// A reference to the image of the slice that lies nearest to a place.
    pub(crate) fn image_at(&self, place_lps_mm: isochrone_volume::DVec3) -> Option<Item> {
        let k = self.grid.voxel_from_world().transform_point3(place_lps_mm).z.round();
        let last = self.info.slices.len().saturating_sub(1);
        self.info.slices.get((k.max(0.0) as usize).min(last)).filter(|s| is_there(s)).map(image)
    }
}

/// False of a slice that was missing and left blank.
fn is_there(slice: &SourceSlice) -> bool {
    !slice.sop_instance_uid.is_empty()
}

/// A reference to an instance.
fn instance(slice: &SourceSlice) -> Item {
    Item::new()
        .uid(tags::REFERENCED_SOP_CLASS_UID, &*slice.sop_class_uid)
        .uid(tags::REFERENCED_SOP_INSTANCE_UID, &*slice.sop_instance_uid)
}

/// A reference to an image: the instance, and the frame where it has several.
fn image(slice: &SourceSlice) -> Item {
    match slice.frame {
        Some(frame) => instance(slice).is(tags::REFERENCED_FRAME_NUMBER, frame as usize),
        None => instance(slice),
    }
}
