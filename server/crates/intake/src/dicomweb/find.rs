//! QIDO-RS: what there is.

use super::{DicomwebError, Pacs, checked_uid};
use serde_json::Value;

/// What to look for; empty fields match everything. `*` and `?` stand for what is not known, as the PACS allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeriesQuery {
    /// Patient ID.
    pub patient_id: String,
    /// Patient's name, such as `Mül*`.
    pub patient_name: String,
    /// A day `20250131`, or days from–to `20250101-20250131`.
    pub study_date: String,
    /// Accession number.
    pub accession_number: String,
    /// Modality of the series, such as `CT` or `SEG`.
    pub modality: String,
    /// Study Instance UID.
    pub study_uid: String,
    /// Series Instance UID.
    pub series_uid: String,
    /// At most so many; 0: 100.
    pub limit: usize,
}

/// A series that was found. Holds patient data: show it, never log it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FoundSeries {
    /// Study Instance UID.
    pub study_uid: String,
    /// Series Instance UID.
    pub series_uid: String,
    /// Modality.
    pub modality: String,
    /// Series description.
    pub series_description: String,
    /// Series number.
    pub series_number: String,
    /// Number of instances; 0: not said.
    pub instances: usize,
    /// Study date, `YYYYMMDD`.
    pub study_date: String,
    /// Study description.
    pub study_description: String,
    /// Accession number.
    pub accession_number: String,
    /// Patient ID.
    pub patient_id: String,
    /// Patient's name.
    pub patient_name: String,
}

/// An instance of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundInstance {
    /// SOP Instance UID.
    pub sop_instance_uid: String,
    /// Instance number, if it has one.
    pub number: Option<i64>,
    /// Rows × columns × frames, if the PACS says so.
    pub pixels: Option<u64>,
    /// Bits of a pixel, if the PACS says so.
    pub bits: Option<u64>,
}

/// Attributes that are asked for besides those that every PACS returns.
const FIELDS: &[&str] =
    &["00080060", "0008103E", "00200011", "00201209", "00080020", "00081030", "00080050", "00100010", "00100020"];
const MOST: usize = 1000;
const JSON: &str = "application/dicom+json";

impl Pacs {
    /// The series that match, in the order in which the PACS names them.
    ///
    /// # Errors
    /// A field that cannot be searched for; a PACS that does not answer as it should.
    pub fn find_series(&self, query: &SeriesQuery) -> Result<Vec<FoundSeries>, DicomwebError> {
        let mut parameters = Vec::new();
        for (key, field, value) in [
            ("00100020", "patient_id", &query.patient_id),
            ("00100010", "patient_name", &query.patient_name),
            ("00080020", "study_date", &query.study_date),
            ("00080050", "accession_number", &query.accession_number),
            ("00080060", "modality", &query.modality),
        ] {
            if value.chars().count() > 64 || value.chars().any(char::is_control) {
                return Err(DicomwebError::Query(field));
            }
            if !value.is_empty() {
                parameters.push(format!("{key}={}", escaped(value)));
            }
        }
        if !query.study_uid.is_empty() {
            parameters.push(format!("0020000D={}", checked_uid("study_uid", &query.study_uid)?));
        }
        if !query.series_uid.is_empty() {
            parameters.push(format!("0020000E={}", checked_uid("series_uid", &query.series_uid)?));
        }
        let limit = if query.limit == 0 { 100 } else { query.limit.min(MOST) };
        parameters.push(format!("limit={limit}"));
        parameters.extend(FIELDS.iter().map(|f| format!("includefield={f}")));
        let found = self.query(&format!("/series?{}", parameters.join("&")))?;
        Ok(found.iter().map(series).take(limit).collect())
    }

    /// The instances of a series, by instance number.
    ///
    /// # Errors
    /// As [`Pacs::find_series`].
    pub fn find_instances(&self, study_uid: &str, series_uid: &str) -> Result<Vec<FoundInstance>, DicomwebError> {
        let study = checked_uid("study_uid", study_uid)?;
        let series = checked_uid("series_uid", series_uid)?;
        let path = format!(
            "/studies/{study}/series/{series}/instances?includefield=00200013&includefield=00280010&includefield=00280011&includefield=00280008&includefield=00280100"
        );
        let mut found = Vec::new();
        for entry in self.query(&path)? {
            let uid = text(&entry, "00080018");
            // A PACS is not to be trusted either: this becomes a file's name.
            checked_uid("SOP Instance UID", &uid)?;
            let number = |tag| text(&entry, tag).parse::<i64>().ok();
            let size = |tag| number(tag).and_then(|n| u64::try_from(n).ok());
            let frames = size("00280008").unwrap_or(1);
            let pixels =
                size("00280010").zip(size("00280011")).map(|(r, c)| r.saturating_mul(c).saturating_mul(frames));
            let bits = size("00280100");
            found.push(FoundInstance { sop_instance_uid: uid, number: number("00200013"), pixels, bits });
        }
        found.sort_by_key(|i| (i.number.unwrap_or(i64::MAX), i.sop_instance_uid.clone()));
        found.dedup_by(|a, b| a.sop_instance_uid == b.sop_instance_uid);
        Ok(found)
    }

    fn query(&self, path: &str) -> Result<Vec<Value>, DicomwebError> {
        let body = self.get(path, JSON)?;
        if body.is_empty() {
            // 204: nothing matched.
            return Ok(Vec::new());
        }
        match serde_json::from_slice(&body) {
            Ok(Value::Array(found)) => Ok(found),
            _ => Err(DicomwebError::Answer(self.name().to_owned(), "it is not a list in DICOM JSON")),
        }
    }
}

fn series(entry: &Value) -> FoundSeries {
    FoundSeries {
        study_uid: text(entry, "0020000D"),
        series_uid: text(entry, "0020000E"),
        modality: text(entry, "00080060"),
        series_description: text(entry, "0008103E"),
        series_number: text(entry, "00200011"),
        instances: text(entry, "00201209").parse().unwrap_or_default(),
        study_date: text(entry, "00080020"),
        study_description: text(entry, "00081030"),
        accession_number: text(entry, "00080050"),
        patient_id: text(entry, "00100020"),
        patient_name: text(entry, "00100010"),
    }
}

/// The first value of an attribute of DICOM JSON (PS3.18 F) as text; empty if it has none.
pub(super) fn text(entry: &Value, tag: &str) -> String {
    let first = entry.get(tag).and_then(|a| a.get("Value")).and_then(|v| v.get(0));
    match first {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Object(name)) => name.get("Alphabetic").and_then(Value::as_str).unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}

/// Percent-encoding of everything but the unreserved (RFC 3986).
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~*?".contains(&b) && b != b'?' {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}
