//! Values of a data set, strictly: what is no number is said so, never taken for a default.

use crate::IntakeError;
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::header::HasLength;
use dicom_core::{DicomValue, Tag};
use dicom_dictionary_std::StandardDataDictionary;
use dicom_object::InMemDicomObject;

/// A data set to take values from. What is absent is asked for by [`InMemDicomObject::get`]: the other ways make
/// an error of it, with a trace of the whole stack.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a InMemDicomObject);

impl<'a> Fields<'a> {
    /// Text without padding; `None` if it is absent or empty.
    pub(crate) fn text(self, tag: Tag) -> Option<String> {
        let text = self.0.get(tag)?.to_str().ok()?;
        let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Text, empty if there is none.
    pub(crate) fn string(self, tag: Tag) -> String {
        self.text(tag).unwrap_or_default()
    }

    /// All numbers of an element; `None` if it is absent or empty.
    pub(crate) fn numbers(self, tag: Tag) -> Result<Option<Vec<f64>>, IntakeError> {
        let Some(element) = self.0.get(tag).filter(|e| !e.is_empty()) else { return Ok(None) };
        let wrong = || IntakeError::header(name(tag), "it is no number");
        let text = element.to_str().map_err(|_| wrong())?;
        if text.trim_matches(|c: char| c == '\0' || c.is_whitespace()).is_empty() {
            return Ok(None);
        }
        let one = |part: &str| {
            let part = part.trim_matches(|c: char| c == '\0' || c.is_whitespace());
            part.parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(wrong)
        };
        text.split('\\').map(one).collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// Exactly `N` numbers.
    pub(crate) fn array<const N: usize>(self, tag: Tag) -> Result<Option<[f64; N]>, IntakeError> {
        let Some(numbers) = self.numbers(tag)? else { return Ok(None) };
        match <[f64; N]>::try_from(numbers) {
            Ok(numbers) => Ok(Some(numbers)),
            Err(other) => {
                Err(IntakeError::header(name(tag), format!("it holds {} numbers where {N} are needed", other.len())))
            }
        }
    }

    /// One number.
    pub(crate) fn number(self, tag: Tag) -> Result<Option<f64>, IntakeError> {
        Ok(self.array::<1>(tag)?.map(|[n]| n))
    }

    /// One whole number from 0.
    pub(crate) fn count(self, tag: Tag) -> Result<Option<u32>, IntakeError> {
        let Some(n) = self.number(tag)? else { return Ok(None) };
        if n.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&n) {
            return Err(IntakeError::header(name(tag), "it is no whole number from 0"));
        }
        Ok(Some(n as u32))
    }

    /// As [`Fields::count`], and it must be there.
    pub(crate) fn needed(self, tag: Tag) -> Result<u32, IntakeError> {
        self.count(tag)?.ok_or_else(|| IntakeError::header(name(tag), "it is missing"))
    }

    /// Items of a sequence.
    pub(crate) fn items(self, tag: Tag) -> &'a [InMemDicomObject] {
        match self.0.get(tag).map(|e| e.value()) {
            Some(DicomValue::Sequence(sequence)) => sequence.items(),
            _ => &[],
        }
    }

    /// First item of a sequence.
    pub(crate) fn item(self, tag: Tag) -> Option<Fields<'a>> {
        self.items(tag).first().map(Fields)
    }

    pub(crate) fn has(self, tag: Tag) -> bool {
        self.0.get(tag).is_some_and(|e| !e.is_empty())
    }

    /// Text of a private element: `element` is its low byte in the block that `creator` reserved (PS3.5 7.8.1).
    pub(crate) fn private(self, group: u16, creator: &str, element: u8) -> Option<String> {
        let block = (0x10..=0xFFu16).find(|n| self.text(Tag(group, *n)).as_deref() == Some(creator))?;
        let found = self.0.get(Tag(group, block << 8 | u16::from(element)))?;
        match found.to_str() {
            Ok(text) => Some(text.trim_matches(|c: char| c == '\0' || c.is_whitespace()).to_owned()),
            Err(_) => None,
        }
        .filter(|t| !t.is_empty())
        .filter(|_| found.vr() != dicom_core::VR::UN)
        .or_else(|| {
            // Implicit files do not say what kind of value a private element holds: it is text here.
            let bytes = found.to_bytes().ok()?;
            let text = std::str::from_utf8(&bytes).ok()?.trim_matches(|c: char| c == '\0' || c.is_whitespace());
            (!text.is_empty()).then(|| text.to_owned())
        })
    }
}

/// `(0028,1053) RescaleSlope`, for messages.
pub(crate) fn name(tag: Tag) -> String {
    let alias = StandardDataDictionary.by_tag(tag).map_or("", |entry| entry.alias());
    format!("{tag} {alias}").trim_end().to_owned()
}
