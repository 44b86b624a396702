//! A finished object, and what all objects have in common.

use super::Series;
use super::item::Item;
use crate::{ExportError, file};
use chrono::{DateTime, Local};
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::FileMetaTableBuilder;
use std::path::Path;

/// A DICOM object in memory: a whole file, preamble and meta header included.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its SOP class.
    pub sop_class_uid: String,
    /// Its instance.
    pub sop_instance_uid: String,
    /// Its series.
    pub series_uid: String,
    /// Its study.
    pub study_uid: String,
    /// The file's bytes (PS3.10).
    pub bytes: Vec<u8>,
}

impl Object {
    /// Writes the file; it appears whole or not at all.
    ///
    /// # Errors
    /// A disk that fails.
    pub fn write(&self, path: &Path) -> Result<(), ExportError> {
        file::write(path, |out| out.write_all(&self.bytes))
    }
}

/// A new UID (`2.25.` and a random UUID as a decimal, PS3.5 B.2). Holds nothing of the patient.
#[must_use]
pub fn new_uid() -> String {
    // Version 4, variant 1 of RFC 9562.
    let random = u128::from_be_bytes(rand::random::<[u8; 16]>());
    let uuid = random & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    format!("2.25.{uuid}")
}

/// Our own implementation, as the meta header names it.
const IMPLEMENTATION_UID: &str = "2.25.228013420186206405196174937187912411931";

/// What an object of ours is.
pub(crate) struct Kind {
    pub sop_class_uid: &'static str,
    pub modality: &'static str,
    /// What a list of series shows.
    pub description: String,
    /// Series Number: ours are told apart from the scanner's, and SEG, RTSTRUCT and SR from each other.
    pub series_number: usize,
}

/// The attributes that all objects share, and the data set that goes on from there.
pub(crate) struct Draft {
    pub item: Item,
    kind: Kind,
    uids: [String; 3],
}

impl Draft {
    /// Patient, study, series, equipment, SOP common.
    pub fn new(series: &Series, kind: Kind) -> Self {
        let now = Local::now();
        let (instance, own_series) = (new_uid(), new_uid());
        let item = Item::new()
            .cs(tags::SPECIFIC_CHARACTER_SET, "ISO_IR 192")
            .uid(tags::SOP_CLASS_UID, kind.sop_class_uid)
            .uid(tags::SOP_INSTANCE_UID, &*instance)
            .text(tags::INSTANCE_CREATION_DATE, VR::DA, date(&now))
            .text(tags::INSTANCE_CREATION_TIME, VR::TM, time(&now))
            .is(tags::INSTANCE_NUMBER, 1)
            .with(series.patient_and_study())
            .cs(tags::MODALITY, kind.modality)
            .uid(tags::SERIES_INSTANCE_UID, &*own_series)
            .is(tags::SERIES_NUMBER, kind.series_number)
            .text(tags::SERIES_DATE, VR::DA, date(&now))
            .text(tags::SERIES_TIME, VR::TM, time(&now))
            .lo(tags::SERIES_DESCRIPTION, &kind.description)
            .with(equipment());
        let uids = [instance, own_series, series.info.study_uid.clone()];
        Self { item, kind, uids }
    }

    /// Adds more attributes.
    pub fn with(mut self, more: impl FnOnce(Item) -> Item) -> Self {
        self.item = more(self.item);
        self
    }

    /// Encodes the whole, explicit VR little endian.
    pub fn finish(self) -> Result<Object, ExportError> {
        self.finish_as(uids::EXPLICIT_VR_LITTLE_ENDIAN)
    }

    /// The same in another transfer syntax.
    pub fn finish_as(self, transfer_syntax: &str) -> Result<Object, ExportError> {
        let [sop_instance_uid, series_uid, study_uid] = self.uids;
        let meta = FileMetaTableBuilder::new()
            .transfer_syntax(transfer_syntax)
            .media_storage_sop_class_uid(self.kind.sop_class_uid)
            .media_storage_sop_instance_uid(&*sop_instance_uid)
            .implementation_class_uid(IMPLEMENTATION_UID)
            .implementation_version_name(concat!("ISOCHRONE_", env!("CARGO_PKG_VERSION")));
        let object = self.item.0.with_meta(meta).map_err(|_| ExportError::Encode)?;
        let mut bytes = Vec::new();
        object.write_all(&mut bytes).map_err(|_| ExportError::Encode)?;
        Ok(Object { sop_class_uid: self.kind.sop_class_uid.to_owned(), sop_instance_uid, series_uid, study_uid, bytes })
    }
}

/// General and Enhanced General Equipment modules: who made the object.
fn equipment() -> Item {
    Item::new()
        .lo(tags::MANUFACTURER, MANUFACTURER)
        .lo(tags::MANUFACTURER_MODEL_NAME, "Isochrone")
        .lo(tags::DEVICE_SERIAL_NUMBER, "none")
        .lo(tags::SOFTWARE_VERSIONS, env!("CARGO_PKG_VERSION"))
}

pub(crate) const MANUFACTURER: &str = "Isochrone";

/// Today, as DA.
pub(crate) fn date(now: &DateTime<Local>) -> String {
    now.format("%Y%m%d").to_string()
}

/// Now, as TM.
pub(crate) fn time(now: &DateTime<Local>) -> String {
    now.format("%H%M%S").to_string()
}
