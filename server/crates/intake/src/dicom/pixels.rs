//! Stored pixels of a frame as numbers.

use super::instance::{Format, Instance};
use super::part10::{Part10, unsupported};
use super::rle;
use super::scan::{Number, Pixels};
use crate::IntakeError;
use bytemuck::Pod;
use dicom_encoding::adapters::{PixelDataObject, RawPixelData};
use dicom_encoding::transfer_syntax::{Codec, Endianness};
use std::borrow::Cow;

const RLE: &str = "1.2.840.10008.1.2.5";
const BROKEN: IntakeError = IntakeError::Damaged("the compressed pixels of a slice are broken");

/// A number as it is stored: integers are unpacked to `i64` (32 bits, signed or not), floats kept.
pub(crate) trait Voxel: Pod + Send + Sync {
    fn of_integer(value: i64) -> Self;
    fn of_float(value: f64) -> Self;
}

macro_rules! voxel {
    ($($scalar:ty)*) => { $(impl Voxel for $scalar {
        fn of_integer(value: i64) -> Self { value as $scalar }
        fn of_float(value: f64) -> Self { value as $scalar }
    })* };
}
voxel! { u8 i8 u16 i16 u32 i32 f32 f64 }

impl Instance {
    /// Writes frame `index` (from 0) into `out`, of rows × columns numbers. `scale` turns stored numbers into values.
    pub(crate) fn decode<T: Voxel>(
        &self,
        index: u32,
        scale: Option<(f64, f64)>,
        out: &mut [T],
    ) -> Result<(), IntakeError> {
        let bytes = self.file.frame(&self.format, self.frames.len(), index)?;
        let format = &self.format;
        let expected = out.len().saturating_mul(format.allocated as usize / 8);
        let Some(bytes) = bytes.get(..expected) else { return Err(BROKEN) };
        let big_endian = self.file.syntax.endianness() == Endianness::Big;
        convert(bytes, format, big_endian, scale, out);
        Ok(())
    }

    /// The bytes of frame `index` where they are uncompressed, in this machine's byte order, and every bit counts.
    pub(crate) fn as_stored(&self, index: u32) -> Option<&[u8]> {
        let format = &self.format;
        let whole = format.stored == format.allocated && !format.float;
        let little = self.file.syntax.endianness() == Endianness::Little && cfg!(target_endian = "little");
        let native = matches!(self.file.layout.pixels, Some(Pixels::Native { .. }));
        if !(native && whole && (little || format.allocated == 8)) {
            return None;
        }
        match self.file.frame(format, self.frames.len(), index).ok()? {
            Cow::Borrowed(bytes) => Some(bytes),
            Cow::Owned(_) => None,
        }
    }
}

impl Part10 {
    /// Uncompressed bytes of frame `index` (from 0) of `frames`, at least; of whole bytes a pixel.
    pub(crate) fn frame(&self, format: &Format, frames: usize, index: u32) -> Result<Cow<'_, [u8]>, IntakeError> {
        let frame = format.rows as usize * format.columns as usize * (format.allocated as usize / 8);
        let all: &[u8] = &self.bytes;
        match &self.layout.pixels {
            None => Err(BROKEN),
            Some(Pixels::Native { bytes, .. }) => {
                let start = bytes.start + frame * index as usize;
                all.get(start..start + frame).map(Cow::Borrowed).ok_or(BROKEN)
            }
            Some(Pixels::Fragments { table, fragments }) => {
                let coded = compressed(all, table, fragments, index, frames)?;
                let syntax = self.syntax;
                if syntax.uid() == RLE {
                    return rle::decode(&coded, frame, format.allocated as usize / 8).map(Cow::Owned);
                }
                if syntax.uid().starts_with(super::jpeg_ls::SYNTAXES) {
                    return super::jpeg_ls::decode(&coded, format).map(Cow::Owned);
                }
                let Codec::EncapsulatedPixelData(Some(decoder), _) = syntax.codec() else {
                    return Err(unsupported(Some(syntax)));
                };
                let mut out = Vec::new();
                let one = OneFrame { format, uid: syntax.uid(), coded: &coded };
                decoder.decode_frame(&one, 0, &mut out).map_err(|_| BROKEN)?;
                Ok(Cow::Owned(out))
            }
        }
    }
}

/// The fragments of one frame, joined.
fn compressed<'a>(
    all: &'a [u8],
    table: &std::ops::Range<usize>,
    fragments: &[std::ops::Range<usize>],
    index: u32,
    frames: usize,
) -> Result<Cow<'a, [u8]>, IntakeError> {
    let index = index as usize;
    let bytes = |range: &std::ops::Range<usize>| all.get(range.clone()).ok_or(BROKEN);
    if fragments.len() == frames {
        return fragments.get(index).ok_or(BROKEN).and_then(bytes).map(Cow::Borrowed);
    }
    let first = fragments.first().ok_or(BROKEN)?.start.saturating_sub(8);
    let offset = |n: usize| -> Result<usize, IntakeError> {
        if frames == 1 {
            return Ok(if n == 0 { 0 } else { usize::MAX });
        }
        if n == frames {
            return Ok(usize::MAX);
        }
        let table = Number { bytes: bytes(table)?, big_endian: false };
        let missing =
            |_| IntakeError::Damaged("its compressed frames cannot be told apart: the offset table is missing");
        table.u32(4 * n).map(|o| o as usize).map_err(missing)
    };
    let (from, to) = (offset(index)?, offset(index + 1)?);
    let mut joined = Vec::new();
    for fragment in fragments {
        let at = fragment.start.saturating_sub(8 + first);
        if at >= from && at < to {
            joined.extend_from_slice(bytes(fragment)?);
        }
    }
    if joined.is_empty() { Err(BROKEN) } else { Ok(Cow::Owned(joined)) }
}

fn convert<T: Voxel>(bytes: &[u8], format: &Format, big_endian: bool, scale: Option<(f64, f64)>, out: &mut [T]) {
    let whole = format.stored == format.allocated && !format.float;
    if scale.is_none()
        && whole
        && !big_endian
        && cfg!(target_endian = "little")
        && size_of::<T>() * 8 == format.allocated as usize
    {
        bytemuck::cast_slice_mut::<T, u8>(out).copy_from_slice(bytes);
        return;
    }
    // Bits above and below the stored ones may hold overlays: they are cut off, and the sign is carried up.
    let up = 64 - (format.high_bit + 1);
    let down = 64 - format.stored;
    let integer = |raw: u64| -> i64 {
        let high = raw.wrapping_shl(up);
        if format.signed { high.cast_signed() >> down } else { (high >> down).cast_signed() }
    };
    let value = |v: f64| scale.map_or(v, |(slope, intercept)| v * slope + intercept);
    macro_rules! each {
        ($n:literal, $unsigned:ty, $to:expr) => {{
            let (chunks, _) = bytes.as_chunks::<$n>();
            for (out, &chunk) in out.iter_mut().zip(chunks) {
                let raw =
                    if big_endian { <$unsigned>::from_be_bytes(chunk) } else { <$unsigned>::from_le_bytes(chunk) };
                *out = $to(raw);
            }
        }};
    }
    macro_rules! integers {
        ($n:literal, $unsigned:ty) => {
            if scale.is_some() {
                each!($n, $unsigned, |raw: $unsigned| T::of_float(value(integer(u64::from(raw)) as f64)))
            } else {
                each!($n, $unsigned, |raw: $unsigned| T::of_integer(integer(u64::from(raw))))
            }
        };
    }
    match (format.float, format.allocated) {
        (true, 32) => each!(4, u32, |raw| T::of_float(value(f64::from(f32::from_bits(raw))))),
        (true, _) => each!(8, u64, |raw| T::of_float(value(f64::from_bits(raw)))),
        (false, 8) => integers!(1, u8),
        (false, 16) => integers!(2, u16),
        (false, _) => integers!(4, u32),
    }
}

/// One compressed frame, as the decoders of `dicom-transfer-syntax-registry` want to see it.
struct OneFrame<'a> {
    format: &'a Format,
    uid: &'a str,
    coded: &'a [u8],
}

impl PixelDataObject for OneFrame<'_> {
    fn transfer_syntax_uid(&self) -> &str {
        self.uid
    }

    fn rows(&self) -> Option<u16> {
        u16::try_from(self.format.rows).ok()
    }

    fn cols(&self) -> Option<u16> {
        u16::try_from(self.format.columns).ok()
    }

    fn samples_per_pixel(&self) -> Option<u16> {
        Some(1)
    }

    fn bits_allocated(&self) -> Option<u16> {
        u16::try_from(self.format.allocated).ok()
    }

    fn bits_stored(&self) -> Option<u16> {
        u16::try_from(self.format.stored).ok()
    }

    fn photometric_interpretation(&self) -> Option<&str> {
        Some("MONOCHROME2")
    }

    fn number_of_frames(&self) -> Option<u32> {
        Some(1)
    }

    fn number_of_fragments(&self) -> Option<u32> {
        Some(1)
    }

    fn fragment(&self, fragment: usize) -> Option<Cow<'_, [u8]>> {
        (fragment == 0).then_some(Cow::Borrowed(self.coded))
    }

    fn offset_table(&self) -> Option<Cow<'_, [u32]>> {
        Some(Cow::Borrowed(&[]))
    }

    fn raw_pixel_data(&self) -> Option<RawPixelData> {
        let fragments = std::iter::once(self.coded.to_vec()).collect();
        Some(RawPixelData { fragments, offset_table: std::iter::empty().collect() })
    }
}
