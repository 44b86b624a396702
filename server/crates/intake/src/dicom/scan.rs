//! Where things lie in a DICOM file, found before anything is parsed or allocated.
//!
//! The walk follows lengths only, without recursion: nesting, declared lengths and the shape of
//! encapsulated pixel data are checked here, so that the parser behind it meets no surprises.

use crate::IntakeError;
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use std::ops::Range;

/// Sequences within sequences; real files have at most ten.
pub(crate) const MAX_DEPTH: usize = 32;
const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);
const UNDEFINED: u32 = u32::MAX;

/// How elements are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) explicit: bool,
    pub(crate) big_endian: bool,
}

/// The pixel data element.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Pixels {
    /// As they are: integers, or floats of 4 or 8 bytes.
    Native { bytes: Range<usize>, float: bool },
    /// Compressed fragments, with the basic offset table before them.
    Fragments { table: Range<usize>, fragments: Vec<Range<usize>> },
}

/// A data set: the part before the pixels, and the pixels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    pub(crate) head: Range<usize>,
    pub(crate) pixels: Option<Pixels>,
}

struct Element {
    tag: Tag,
    vr: Option<VR>,
    length: u32,
    value: usize,
}

/// What the walk is inside of.
struct Open {
    /// Where it ends, if that was declared.
    end: Option<usize>,
    item: bool,
    encoding: Encoding,
}

/// Walks the data set that begins at `start`.
///
/// # Errors
/// A length beyond the end of the file or of what encloses it, or of no whole count of numbers; nesting deeper than
/// [`MAX_DEPTH`]; or encapsulated pixel data without an end.
pub(crate) fn walk(bytes: &[u8], start: usize, encoding: Encoding) -> Result<Layout, IntakeError> {
    let mut at = start;
    let mut open: Vec<Open> = Vec::new();
    loop {
        while open.last().is_some_and(|o| o.end == Some(at)) {
            open.pop();
        }
        let end = open.last().and_then(|o| o.end).unwrap_or(bytes.len());
        if at >= end {
            let closed = open.is_empty();
            return if closed {
                Ok(Layout { head: start..at, pixels: None })
            } else {
                Err(cut("a sequence has no end"))
            };
        }
        let now = open.last().map_or(encoding, |o| o.encoding);
        let element = element(bytes.get(..end).unwrap_or_default(), at, now)?;
        match element.tag {
            ITEM_END | SEQUENCE_END => {
                // A delimiter of what has a declared length is surplus, and passed over.
                if open.last().is_some_and(|o| o.end.is_none() && o.item == (element.tag == ITEM_END)) {
                    open.pop();
                }
                at = element.value;
                continue;
            }
            _ => {}
        }
        if open.is_empty()
            && matches!(element.tag, tags::PIXEL_DATA | tags::FLOAT_PIXEL_DATA | tags::DOUBLE_FLOAT_PIXEL_DATA)
        {
            return Ok(Layout { head: start..at, pixels: Some(pixels(bytes, &element, now)?) });
        }
        at = element.value;
        let left = end - at;
        let length = if element.length == UNDEFINED { None } else { Some(element.length as usize) };
        if let Some(length) = length.filter(|&n| n > left) {
            return Err(too_long(element.tag, length, left));
        }
        // Parsers read whole numbers, and would take what is left over for the next element.
        if let (Some(length), Some(vr)) = (length, element.vr)
            && length % unit(vr) != 0
        {
            let problem = format!("{} is {length} bytes of numbers that have {} each", element.tag, unit(vr));
            return Err(IntakeError::header("structure", problem));
        }
        let nested = element.tag == ITEM || element.vr == Some(VR::SQ) || length.is_none();
        if !nested {
            at += length.unwrap_or(left);
            continue;
        }
        if open.len() >= MAX_DEPTH {
            let problem = format!("more than {MAX_DEPTH} sequences lie within each other");
            return Err(IntakeError::header("structure", problem));
        }
        // PS3.5 6.2.2: what is unknown and has no length is written implicitly.
        let unknown = element.vr == Some(VR::UN) && length.is_none();
        let encoding = if unknown { Encoding { explicit: false, big_endian: false } } else { now };
        open.push(Open { end: length.map(|n| at + n), item: element.tag == ITEM, encoding });
    }
}

/// Bytes of one value of a kind of numbers; 1 for all others.
fn unit(vr: VR) -> usize {
    match vr {
        VR::US | VR::SS | VR::OW => 2,
        VR::UL | VR::SL | VR::FL | VR::AT | VR::OF | VR::OL => 4,
        VR::FD | VR::OD | VR::OV | VR::SV | VR::UV => 8,
        _ => 1,
    }
}

fn element(bytes: &[u8], at: usize, encoding: Encoding) -> Result<Element, IntakeError> {
    let number = Number { bytes, big_endian: encoding.big_endian };
    let tag = Tag(number.u16(at)?, number.u16(at + 2)?);
    if tag.0 == 0xFFFE {
        return Ok(Element { tag, vr: None, length: number.u32(at + 4)?, value: at + 8 });
    }
    if !encoding.explicit {
        let length = number.u32(at + 4)?;
        let vr = StandardDataDictionary.by_tag(tag).and_then(|entry| entry.vr().exact());
        return Ok(Element { tag, vr, length, value: at + 8 });
    }
    let letters = number.array::<2>(at + 4)?;
    let Some(vr) = VR::from_binary(letters) else {
        return Err(IntakeError::header("structure", format!("{tag} has no kind of value that DICOM knows")));
    };
    let long = matches!(
        vr,
        VR::OB
            | VR::OD
            | VR::OF
            | VR::OL
            | VR::OV
            | VR::OW
            | VR::SQ
            | VR::SV
            | VR::UC
            | VR::UN
            | VR::UR
            | VR::UT
            | VR::UV
    );
    if long {
        return Ok(Element { tag, vr: Some(vr), length: number.u32(at + 8)?, value: at + 12 });
    }
    Ok(Element { tag, vr: Some(vr), length: u32::from(number.u16(at + 6)?), value: at + 8 })
}

fn pixels(bytes: &[u8], element: &Element, encoding: Encoding) -> Result<Pixels, IntakeError> {
    let left = bytes.len().saturating_sub(element.value);
    if element.length != UNDEFINED {
        let length = element.length as usize;
        if length > left {
            return Err(too_long(element.tag, length, left));
        }
        let float = element.tag != tags::PIXEL_DATA;
        return Ok(Pixels::Native { bytes: element.value..element.value + length, float });
    }
    let number = Number { bytes, big_endian: encoding.big_endian };
    let mut at = element.value;
    let mut items = Vec::new();
    loop {
        let tag = Tag(number.u16(at)?, number.u16(at + 2)?);
        let length = number.u32(at + 4)? as usize;
        at += 8;
        match tag {
            SEQUENCE_END => break,
            ITEM if length <= bytes.len().saturating_sub(at) => items.push(at..at + length),
            ITEM => return Err(too_long(element.tag, length, bytes.len().saturating_sub(at))),
            _ => {
                return Err(IntakeError::Damaged("its compressed pixel data has something else between its fragments"));
            }
        }
        at += length;
    }
    if items.is_empty() {
        return Err(IntakeError::Damaged("its compressed pixel data holds nothing"));
    }
    let table = items.remove(0);
    Ok(Pixels::Fragments { table, fragments: items })
}

fn too_long(tag: Tag, declared: usize, left: usize) -> IntakeError {
    IntakeError::DicomCut(format!("{tag} declares {declared} bytes where {left} are left"))
}

fn cut(what: &str) -> IntakeError {
    IntakeError::DicomCut(what.to_owned())
}

/// Numbers at places of a file.
pub(crate) struct Number<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) big_endian: bool,
}

impl Number<'_> {
    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], IntakeError> {
        let bytes = self.bytes.get(at..).and_then(|b| b.first_chunk::<N>()).copied();
        bytes.ok_or_else(|| cut("it ends within an element"))
    }

    pub(crate) fn u16(&self, at: usize) -> Result<u16, IntakeError> {
        let bytes = self.array(at)?;
        Ok(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    pub(crate) fn u32(&self, at: usize) -> Result<u32, IntakeError> {
        let bytes = self.array(at)?;
        Ok(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }
}
