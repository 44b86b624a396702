//! What a derived object takes over from the series it was made of.

use super::item::Item;
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use isochrone_volume::Grid;

/// An attribute of the series: its values as text, several parted by backslashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Group and element.
    pub tag: (u16, u16),
    /// Value representation, two letters.
    pub vr: String,
    /// The value in UTF-8.
    pub value: String,
}

/// One slice of the series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSlice {
    /// Its SOP class.
    pub sop_class_uid: String,
    /// Its instance.
    pub sop_instance_uid: String,
    /// Frame number, from 1, in a multi-frame instance.
    pub frame: Option<u32>,
}

/// The series that masks were drawn on.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Study Instance UID.
    pub study_uid: String,
    /// Series Instance UID.
    pub series_uid: String,
    /// Frame of Reference UID.
    pub frame_of_reference: String,
    /// Patient, study and series attributes.
    pub attributes: Vec<Attribute>,
    /// Slices in the order of the grid's `k`.
    pub slices: Vec<SourceSlice>,
    /// The grid of the volume that was read from it.
    pub grid: Grid,
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
        self.value(tags::MODALITY).unwrap_or_default()
    }

    /// A value of the series, if it is known.
    pub(crate) fn value(&self, tag: Tag) -> Option<&str> {
        let found = self.attributes.iter().find(|a| Tag(a.tag.0, a.tag.1) == tag)?;
        Some(found.value.trim()).filter(|v| !v.is_empty())
    }

    /// Patient, General Study and Patient Study modules.
    pub(crate) fn patient_and_study(&self) -> Item {
        let mut item = Item::new().uid(tags::STUDY_INSTANCE_UID, &*self.study_uid);
        for &(tag, vr) in REQUIRED {
            item = item.text(tag, vr, self.value(tag).unwrap_or_default());
        }
        for tag in KEPT {
            let known = self.attributes.iter().find(|a| Tag(a.tag.0, a.tag.1) == *tag);
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
            .uid(tags::FRAME_OF_REFERENCE_UID, &*self.frame_of_reference)
            .lo(tags::POSITION_REFERENCE_INDICATOR, indicator)
    }

    /// The instances of the series, each once.
    pub(crate) fn instances(&self) -> Vec<Item> {
        let mut seen = std::collections::HashSet::new();
        let first = |s: &&SourceSlice| seen.insert(s.sop_instance_uid.clone());
        self.slices.iter().filter(first).map(SourceSlice::instance).collect()
    }

    /// The slice of the series that lies nearest to a place.
    pub(crate) fn slice_at(&self, place_lps_mm: isochrone_volume::DVec3) -> Option<&SourceSlice> {
        let k = self.grid.voxel_from_world().transform_point3(place_lps_mm).z.round();
        let last = self.slices.len().saturating_sub(1);
        self.slices.get((k.max(0.0) as usize).min(last))
    }
}

impl SourceSlice {
    /// A reference to the instance.
    pub(crate) fn instance(&self) -> Item {
        Item::new()
            .uid(tags::REFERENCED_SOP_CLASS_UID, &*self.sop_class_uid)
            .uid(tags::REFERENCED_SOP_INSTANCE_UID, &*self.sop_instance_uid)
    }

    /// A reference to the image: the instance, and the frame where it has several.
    pub(crate) fn image(&self) -> Item {
        match self.frame {
            Some(frame) => self.instance().is(tags::REFERENCED_FRAME_NUMBER, frame as usize),
            None => self.instance(),
        }
    }
}
