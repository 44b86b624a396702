//! RLE Lossless (PS3.5 annex G): one segment a byte plane, PackBits within.

use crate::IntakeError;

const BROKEN: IntakeError = IntakeError::Damaged("the run-length coded pixels of a slice are broken");
const MAX_SEGMENTS: usize = 15;

/// Decodes a frame of `frame` bytes whose pixels have `width` bytes, little-endian.
pub(crate) fn decode(coded: &[u8], frame: usize, width: usize) -> Result<Vec<u8>, IntakeError> {
    let word =
        |n: usize| coded.get(4 * n..).and_then(|b| b.first_chunk::<4>()).map(|b| u32::from_le_bytes(*b) as usize);
    let segments = word(0).ok_or(BROKEN)?;
    if segments != width || segments > MAX_SEGMENTS {
        return Err(BROKEN);
    }
    let mut out = vec![0u8; frame];
    for segment in 0..segments {
        let start = word(segment + 1).ok_or(BROKEN)?;
        let end = if segment + 1 < segments { word(segment + 2).ok_or(BROKEN)? } else { coded.len() };
        let plane = coded.get(start..end).filter(|_| start >= 64).ok_or(BROKEN)?;
        // The most significant byte comes first.
        unpack(plane, out.iter_mut().skip(width - 1 - segment).step_by(width))?;
    }
    Ok(out)
}

fn unpack<'a>(mut plane: &[u8], mut out: impl Iterator<Item = &'a mut u8>) -> Result<(), IntakeError> {
    let mut next = out.next();
    while let Some(place) = next.as_deref_mut() {
        let [head, rest @ ..] = plane else { return Err(BROKEN) };
        let head = head.cast_signed();
        let literal = head >= 0;
        let count = usize::from(head.unsigned_abs()) + 1;
        if head == i8::MIN {
            plane = rest;
            continue;
        }
        let taken = if literal { count } else { 1 };
        let Some((bytes, after)) = rest.split_at_checked(taken) else { return Err(BROKEN) };
        plane = after;
        let mut bytes = bytes.iter().copied().cycle().take(count);
        let Some(first) = bytes.next() else { return Err(BROKEN) };
        *place = first;
        for byte in bytes {
            match out.next() {
                Some(place) => *place = byte,
                // Padding of the last run.
                None => return Ok(()),
            }
        }
        next = out.next();
    }
    Ok(())
}
