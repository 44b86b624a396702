use super::BROKEN;
use crate::IntakeError;

/// What the markers before the coded data say.
pub(super) struct Frame {
    pub(super) precision: u32,
    pub(super) rows: u32,
    pub(super) columns: u32,
    pub(super) max_value: i32,
    pub(super) near: i32,
    pub(super) thresholds: [i32; 3],
    pub(super) reset: i32,
}

/// Reads the markers and returns the coded data behind them.
pub(super) fn read(coded: &[u8]) -> Result<(Frame, &[u8]), IntakeError> {
    let mut rest = coded.strip_prefix(&[0xFF, 0xD8]).ok_or(BROKEN)?;
    let mut size = None;
    let mut preset = [0; 5];
    loop {
        let [0xFF, marker, after @ ..] = rest else { return Err(BROKEN) };
        let [high, low, ..] = after else { return Err(BROKEN) };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (segment, next) = after.split_at_checked(length).ok_or(BROKEN)?;
        let content = segment.get(2..).ok_or(BROKEN)?;
        rest = next;
        match (*marker, content) {
            (0xF7, &[precision, y1, y0, x1, x0, components, ..]) => {
                if components != 1 || !(2..=16).contains(&precision) {
                    return Err(BROKEN);
                }
                let two = |a, b| u32::from(u16::from_be_bytes([a, b]));
                size = Some((u32::from(precision), two(y1, y0), two(x1, x0)));
            }
            (0xF8, &[1, ref values @ ..]) => {
                for (value, two) in preset.iter_mut().zip(values.as_chunks::<2>().0) {
                    *value = i32::from(u16::from_be_bytes(*two));
                }
            }
            (0xDA, &[1, _, _, near, 0, 0]) => {
                let size = size.ok_or(BROKEN)?;
                return Ok((frame(size, preset, i32::from(near))?, next));
            }
            // Mapping tables, restart intervals, other processes of JPEG: not in DICOM images.
            (0xF8 | 0xDA | 0xDD | 0xC0..=0xC3, _) => return Err(BROKEN),
            _ => {}
        }
    }
}

fn frame((precision, rows, columns): (u32, u32, u32), preset: [i32; 5], near: i32) -> Result<Frame, IntakeError> {
    let [max_value, t1, t2, t3, reset] = preset;
    let max_value = if max_value == 0 { (1 << precision) - 1 } else { max_value };
    if near > (max_value / 2).min(255) || max_value >= 1 << precision {
        return Err(BROKEN);
    }
    let [d1, d2, d3] = default_thresholds(max_value, near);
    let or = |given: i32, default: i32| if given == 0 { default } else { given };
    let thresholds = [or(t1, d1), or(t2, d2), or(t3, d3)];
    let reset = or(reset, 64);
    if reset < 3 {
        return Err(BROKEN);
    }
    Ok(Frame { precision, rows, columns, max_value, near, thresholds, reset })
}

/// T.87 C.2.4.1.1.1.
fn default_thresholds(max_value: i32, near: i32) -> [i32; 3] {
    let clamp = |i: i32, low: i32| if i > max_value || i < low { low } else { i };
    let [b1, b2, b3] = if max_value >= 128 {
        let factor = (max_value.min(4095) + 128) / 256;
        [factor + 2, 4 * factor + 3, 17 * factor + 4]
    } else {
        let factor = 256 / (max_value + 1);
        [3 / factor, 7 / factor, 21 / factor]
    };
    let (b1, b2, b3) = (b1 + 3 * near, b2 + 5 * near, b3 + 7 * near);
    let [b1, b2, b3] = if max_value >= 128 { [b1, b2, b3] } else { [b1.max(2), b2.max(3), b3.max(4)] };
    let t1 = clamp(b1, near + 1);
    let t2 = clamp(b2, t1);
    [t1, t2, clamp(b3, t2)]
}
