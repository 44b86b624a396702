//! A DICOM file (PS3.10): preamble, transfer syntax, deflation.

use super::scan::{self, Encoding, Layout, Number};
use super::source::Bytes;
use crate::gate::human;
use crate::{IntakeError, Limits};
use dicom_encoding::transfer_syntax::{Codec, TransferSyntax, TransferSyntaxIndex};
use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::{TransferSyntaxRegistry, entries};
use flate2::read::DeflateDecoder;
use std::io::Read;

const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
const IMPLICIT: &str = "1.2.840.10008.1.2";
const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// An opened file.
pub(crate) struct Part10 {
    pub(crate) bytes: Bytes,
    /// Where header and pixels lie in `bytes`.
    pub(crate) layout: Layout,
    /// How they are written; never the deflated one, as that is undone.
    pub(crate) syntax: &'static TransferSyntax,
}

/// True if a file begins as a DICOM file does.
pub(crate) fn looks_like(bytes: &[u8]) -> bool {
    bytes.get(128..132) == Some(b"DICM") || bare(bytes).is_some()
}

/// A data set without preamble, as old programs wrote: its encoding and whether it has file meta information.
fn bare(bytes: &[u8]) -> Option<(Encoding, bool)> {
    let head = bytes.first_chunk::<8>()?;
    let [g0, g1, e0, e1, v0, v1, l0, l1] = *head;
    let (group, number) = (u16::from_le_bytes([g0, g1]), u16::from_le_bytes([e0, e1]));
    if !matches!(group, 2 | 8) || number > 0x60 {
        return None;
    }
    let explicit = v0.is_ascii_uppercase() && v1.is_ascii_uppercase();
    let short = u32::from_le_bytes([v0, v1, l0, l1]) < 256;
    (explicit || short).then_some((Encoding { explicit, big_endian: false }, group == 2))
}

impl Part10 {
    /// Finds header and pixels. Nothing but lengths is read, unless the file is deflated.
    ///
    /// # Errors
    /// No DICOM file, a transfer syntax that is not known, or a structure that cannot be.
    pub(crate) fn open(bytes: Bytes, limits: &Limits) -> Result<Self, IntakeError> {
        let start = if bytes.get(128..132) == Some(b"DICM") { 132 } else { 0 };
        let (uid, start) = match (start, bare(&bytes)) {
            (0, None) => return Err(IntakeError::NotAnImage("its first bytes are not those of DICOM")),
            (0, Some((encoding, false))) => ((if encoding.explicit { EXPLICIT } else { IMPLICIT }).to_owned(), 0),
            _ => meta(&bytes, start)?,
        };
        let deflated = uid == DEFLATED;
        let syntax = TransferSyntaxRegistry.get(if deflated { EXPLICIT } else { &uid });
        let syntax = syntax.ok_or_else(|| unsupported(None))?;
        let encoding = Encoding { explicit: uid != IMPLICIT, big_endian: uid == BIG_ENDIAN };
        if !deflated {
            let layout = scan::walk(&bytes, start, encoding)?;
            return Ok(Self { bytes, layout, syntax });
        }
        let inflated = inflate(bytes.get(start..).unwrap_or_default(), limits)?;
        let layout = scan::walk(&inflated, 0, encoding)?;
        Ok(Self { bytes: Bytes::Owned(inflated), layout, syntax })
    }

    /// Parses what lies before the pixels.
    pub(crate) fn header(&self) -> Result<InMemDicomObject, IntakeError> {
        let head = self.bytes.get(self.layout.head.clone()).unwrap_or_default();
        // Compressed syntaxes write their header as explicit little endian does.
        let plain = match self.syntax.codec() {
            Codec::None => self.syntax,
            _ => TransferSyntaxRegistry.get(entries::EXPLICIT_VR_LITTLE_ENDIAN.uid()).unwrap_or(self.syntax),
        };
        InMemDicomObject::read_dataset_with_ts(head, plain)
            .map_err(|_| IntakeError::Damaged("its header does not follow the structure of DICOM"))
    }
}

/// A transfer syntax that is not read.
pub(crate) fn unsupported(syntax: Option<&TransferSyntax>) -> IntakeError {
    let what = match syntax {
        Some(syntax) => format!("The transfer syntax {}", syntax.name()),
        None => "A transfer syntax that is not in the standard".to_owned(),
    };
    IntakeError::unsupported(what, "convert the series, for example with dcmconv or gdcmconv --raw")
}

/// Transfer syntax UID of the file meta information, and where the data set begins.
fn meta(bytes: &[u8], start: usize) -> Result<(String, usize), IntakeError> {
    let number = Number { bytes, big_endian: false };
    let mut at = start;
    let mut uid = None;
    // Groups other than 2 end it; an ordinary one has about ten elements.
    for _ in 0..64 {
        if at >= bytes.len() || number.u16(at)? != 2 {
            break;
        }
        let element = number.u16(at + 2)?;
        let vr = bytes.get(at + 4..at + 6).unwrap_or_default();
        let long = matches!(vr, b"OB" | b"OW" | b"UN" | b"UT" | b"SQ");
        let (length, value) =
            if long { (number.u32(at + 8)? as usize, at + 12) } else { (usize::from(number.u16(at + 6)?), at + 8) };
        let Some(content) = value.checked_add(length).and_then(|end| bytes.get(value..end)) else {
            return Err(IntakeError::DicomCut("it ends within the file meta information".to_owned()));
        };
        if element == 0x10 {
            uid = Some(String::from_utf8_lossy(content).trim_end_matches(['\0', ' ']).to_owned());
        }
        at = value + length;
    }
    let uid = uid.ok_or_else(|| IntakeError::header("(0002,0010) TransferSyntaxUID", "it is missing"))?;
    Ok((uid, at))
}

fn inflate(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, IntakeError> {
    let ratio = (bytes.len() as u64).saturating_mul(limits.max_expansion).max(limits.free_expansion_bytes);
    let most = ratio.min(limits.max_voxel_bytes.saturating_add(64 << 20));
    let mut out = Vec::new();
    DeflateDecoder::new(bytes)
        .take(most + 1)
        .read_to_end(&mut out)
        .map_err(|_| IntakeError::Damaged("its deflated data is broken or cut short"))?;
    if out.len() as u64 > most {
        return Err(IntakeError::TooLarge(format!(
            "it expands beyond the {} that your site allows for a file of its size. Save it uncompressed",
            human(most)
        )));
    }
    Ok(out)
}
