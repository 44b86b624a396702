//! STOW-RS: objects into the PACS.

use super::find::text;
use super::multipart::related;
use super::{DicomwebError, Pacs};
use serde_json::Value;

/// What the PACS took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// SOP Instance UIDs, as the PACS names them.
    pub sop_instance_uids: Vec<String>,
}

impl Pacs {
    /// Stores DICOM files in one request.
    ///
    /// # Errors
    /// The PACS refused one of them, or does not answer as it should.
    pub fn store(&self, files: &[&[u8]]) -> Result<Stored, DicomwebError> {
        let boundary = format!("isochrone-{:032x}", rand::random::<u128>());
        let (kind, body) = related("application/dicom", files, &boundary);
        let (status, answer) = self.post("/studies", &kind, "application/dicom+json", &body)?;
        // An empty answer with success is allowed.
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let items = |tag: &str| {
            let items = answer.get(tag).and_then(|s| s.get("Value")).and_then(Value::as_array);
            items.cloned().unwrap_or_default()
        };
        if let Some(failed) = items("00081198").first() {
            let reason = text(failed, "00081197").parse().unwrap_or_default();
            return Err(DicomwebError::NotStored(self.name().to_owned(), reason));
        }
        if !(200..300).contains(&status) {
            return Err(DicomwebError::Status(self.name().to_owned(), status));
        }
        let sop_instance_uids = items("00081199").iter().map(|item| text(item, "00081155")).collect();
        Ok(Stored { sop_instance_uids })
    }
}
