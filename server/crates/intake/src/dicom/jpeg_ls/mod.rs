//! JPEG-LS (ITU-T T.87 | ISO/IEC 14495-1), lossless and near-lossless, one component.
//!
//! Names are those of the standard. The C++ library that others use would need cmake and a C++
//! compiler on every machine that builds us (docs/decisions/0020-dicom-reading.md).

mod bits;
mod context;
mod marker;

use super::instance::Format;
use crate::IntakeError;
use bits::Bits;
use context::{Coding, Context, Run};
use marker::Frame;

/// Beginning of the UIDs of both JPEG-LS transfer syntaxes, lossless and near-lossless.
pub(crate) const SYNTAXES: &str = "1.2.840.10008.1.2.4.8";
const BROKEN: IntakeError = IntakeError::Damaged("the JPEG-LS coded pixels of a slice are broken");

/// Decodes a frame into little-endian numbers of `format.allocated` bits.
pub(crate) fn decode(coded: &[u8], format: &Format) -> Result<Vec<u8>, IntakeError> {
    let (frame, data) = marker::read(coded)?;
    if (frame.columns, frame.rows) != (format.columns, format.rows) || frame.precision > format.allocated {
        return Err(BROKEN);
    }
    let width = frame.columns as usize;
    let bytes = format.allocated as usize / 8;
    let mut out = Vec::with_capacity(width * frame.rows as usize * bytes);
    let mut decoder = Decoder::new(&frame, data);
    // One more sample on the left and on the right than the line has.
    let mut before = vec![0i32; width + 2];
    let mut line = vec![0i32; width + 2];
    for _ in 0..frame.rows {
        decoder.line(&mut before, &mut line).ok_or(BROKEN)?;
        for sample in line.iter().skip(1).take(width) {
            out.extend(sample.to_le_bytes().iter().take(bytes));
        }
        std::mem::swap(&mut before, &mut line);
    }
    Ok(out)
}

struct Decoder<'a> {
    bits: Bits<'a>,
    coding: Coding,
    contexts: Vec<Context>,
    runs: [Run; 2],
    run_index: usize,
}

/// Orders of run segments (T.87 A.2.1).
const J: [u32; 32] =
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15];

impl<'a> Decoder<'a> {
    fn new(frame: &Frame, data: &'a [u8]) -> Self {
        let coding = Coding::new(frame);
        let contexts = vec![Context::new(&coding); 365];
        Self {
            bits: Bits::new(data),
            contexts,
            runs: [Run::new(&coding, 0), Run::new(&coding, 1)],
            coding,
            run_index: 0,
        }
    }

    /// Decodes one line; `None` where the data ends too soon or cannot be.
    fn line(&mut self, before: &mut [i32], line: &mut [i32]) -> Option<()> {
        let width = line.len() - 2;
        *before.get_mut(width + 1)? = *before.get(width)?;
        *line.first_mut()? = *before.get(1)?;
        let mut x = 1;
        while x <= width {
            let &[c, b, d] = before.get(x - 1..x + 2)? else { return None };
            let a = *line.get(x - 1)?;
            let quantised = [d - b, b - c, c - a].map(|difference| self.coding.quantise(difference));
            if quantised == [0, 0, 0] {
                x = self.run(x, a, before, line)?;
            } else {
                let [q1, q2, q3] = quantised;
                *line.get_mut(x)? = self.regular(81 * q1 + 9 * q2 + q3, [a, b, c])?;
                x += 1;
            }
        }
        Some(())
    }

    fn regular(&mut self, q: i32, [a, b, c]: [i32; 3]) -> Option<i32> {
        let sign = q.signum();
        let context = self.contexts.get_mut(q.unsigned_abs() as usize)?;
        let (low, high) = (a.min(b), a.max(b));
        let predicted = if c >= high {
            low
        } else if c <= low {
            high
        } else {
            a + b - c
        };
        let predicted = (predicted + sign * context.c).clamp(0, self.coding.max_value);
        let k = context.order();
        let mapped = self.bits.golomb(k, self.coding.limit, self.coding.bits)?;
        let error = context.unmap(mapped, k, self.coding.near);
        context.update(error, &self.coding);
        Some(self.coding.reconstruct(predicted, sign * error))
    }

    /// A run of `value` from `x` on, and the sample that ends it; returns where to go on.
    fn run(&mut self, mut x: usize, value: i32, before: &[i32], line: &mut [i32]) -> Option<usize> {
        let width = line.len() - 2;
        loop {
            let order = *J.get(self.run_index)?;
            let goes_on = self.bits.read(1)? == 1;
            let length = if goes_on { 1usize << order } else { self.bits.read(order)? as usize };
            let end = x + length;
            if !goes_on && end > width {
                return None;
            }
            line.get_mut(x..end.min(width + 1))?.fill(value);
            x = end.min(width + 1);
            if !goes_on {
                break;
            }
            if end <= width + 1 && self.run_index < 31 {
                self.run_index += 1;
            }
            if x > width {
                return Some(x);
            }
        }
        let above = *before.get(x)?;
        let order = *J.get(self.run_index)?;
        let alike = (value - above).abs() <= self.coding.near;
        let [differ, same] = &mut self.runs;
        let run = if alike { same } else { differ };
        let k = run.order();
        let mapped = self.bits.golomb(k, self.coding.limit - order - 1, self.coding.bits)?;
        let error = run.unmap(mapped, k);
        run.update(error, mapped, &self.coding);
        let (predicted, error) = if alike { (value, error) } else { (above, error * (above - value).signum()) };
        *line.get_mut(x)? = self.coding.reconstruct(predicted, error);
        self.run_index = self.run_index.saturating_sub(1);
        Some(x + 1)
    }
}
