//! What is known of a DICOM series besides its voxels.

use crate::suv::SuvReport;
use serde::{Deserialize, Serialize};

/// A series that became a volume: what a derived object needs to point back at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesInfo {
    /// Study Instance UID.
    pub study_uid: String,
    /// Series Instance UID.
    pub series_uid: String,
    /// Frame of Reference UID: as in the files, else the one that the volume minted.
    pub frame_of_reference: String,
    /// Such as `CT`; empty if the files do not say.
    pub modality: String,
    /// Patient, study, series and equipment attributes of the first slice.
    pub attributes: Vec<Attribute>,
    /// Slices in the order of the grid's `k`: as many as the volume has.
    pub slices: Vec<SourceSlice>,
    /// PET: every value that SUV was worked out from, or why it could not be.
    pub suv: Option<SuvReport>,
}

/// An attribute: its values as text, several parted by backslashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Group and element.
    pub tag: (u16, u16),
    /// Value representation, two letters.
    pub vr: String,
    /// The value in UTF-8.
    pub value: String,
}

/// One slice. A slice that was missing and left blank on request has empty UIDs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceSlice {
    /// Its SOP class.
    pub sop_class_uid: String,
    /// Its instance.
    pub sop_instance_uid: String,
    /// Frame number, from 1, in a multi-frame instance.
    pub frame: Option<u32>,
    /// Centre of its first voxel, LPS mm.
    pub position_lps_mm: [f64; 3],
}

/// One of the series (or parts of one) of a folder, to choose from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesSummary {
    /// What to choose it by: the series UID, with `#n` where one series holds several stacks of slices.
    pub choice: String,
    /// Series Instance UID.
    pub series_uid: String,
    /// Study Instance UID.
    pub study_uid: String,
    /// Frame of Reference UID; empty if there is none.
    pub frame_of_reference: String,
    /// Such as `CT`.
    pub modality: String,
    /// Series number; empty if there is none.
    pub number: String,
    /// Series description. It is free text of the hospital: show it to the reader, never log it.
    pub description: String,
    /// Orientation of its slices: `axial`, `coronal`, `sagittal`, and `oblique` before it where they lean.
    pub orientation: String,
    /// Columns and rows.
    pub size: [u32; 2],
    /// Number of slices.
    pub slices: usize,
}

impl SeriesSummary {
    /// One line without free text: `PT, 267 axial slices of 128×128`.
    #[must_use]
    pub fn line(&self) -> String {
        let [columns, rows] = self.size;
        let plural = if self.slices == 1 { "slice" } else { "slices" };
        format!("{}, {} {} {plural} of {columns}×{rows}", self.modality, self.slices, self.orientation)
    }
}

impl SeriesInfo {
    /// A value of the series by its tag, if it is known and not empty.
    #[must_use]
    pub fn value(&self, tag: (u16, u16)) -> Option<&str> {
        let found = self.attributes.iter().find(|a| a.tag == tag)?;
        Some(found.value.trim()).filter(|v| !v.is_empty())
    }
}

/// The series that can be laid over this one: of the same study and another modality, in the same frame of
/// reference (a CT beside a PET, as a rule). Series in other frames are left out, as they would need a registration.
#[must_use]
pub fn companions<'a>(list: &'a [SeriesSummary], of: &SeriesInfo) -> Vec<&'a SeriesSummary> {
    let fits = |s: &&SeriesSummary| {
        let same_space = !s.frame_of_reference.is_empty() && s.frame_of_reference == of.frame_of_reference;
        same_space && s.study_uid == of.study_uid && s.series_uid != of.series_uid && s.modality != of.modality
    };
    list.iter().filter(fits).collect()
}
