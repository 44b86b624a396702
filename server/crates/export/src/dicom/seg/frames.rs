//! Frames and their pixels.

use isochrone_volume::Mask;
use ndarray::{ArrayView3, Axis};

/// Where a frame belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// Segment number, from 1.
    pub segment: u16,
    /// Slice of the grid.
    pub k: usize,
}

/// The frames that are not empty, by segment and then by slice, and their pixels one after the other.
pub(super) struct Frames {
    pub list: Vec<Frame>,
    /// An even number of bytes.
    pub bytes: Vec<u8>,
}

impl Frames {
    /// Eight pixels to a byte, lowest bit first, without a gap between frames (PS3.5 8.1.1 and A.2).
    pub fn binary(masks: &[&Mask]) -> Self {
        let mut list = Vec::new();
        let mut packer = Packer::default();
        for (segment, mask) in (1u16..).zip(masks) {
            for (k, slice) in mask.voxels().axis_iter(Axis(0)).enumerate() {
                if slice.iter().any(|&set| set) {
                    list.push(Frame { segment, k });
                    slice.iter().for_each(|&set| packer.push(set));
                }
            }
        }
        Self { list, bytes: even(packer.finish()) }
    }

    /// A byte a pixel.
    pub fn fractional(map: ArrayView3<'_, f32>) -> Self {
        let mut list = Vec::new();
        let mut bytes = Vec::new();
        for (k, slice) in map.axis_iter(Axis(0)).enumerate() {
            let start = bytes.len();
            // A NaN becomes 0.
            bytes.extend(slice.iter().map(|p| (p.clamp(0.0, 1.0) * 255.0).round() as u8));
            if bytes.iter().skip(start).any(|&b| b != 0) {
                list.push(Frame { segment: 1, k });
            } else {
                bytes.truncate(start);
            }
        }
        Self { list, bytes: even(bytes) }
    }
}

fn even(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes
}

#[derive(Default)]
struct Packer {
    bytes: Vec<u8>,
    byte: u8,
    bits: u8,
}

impl Packer {
    fn push(&mut self, set: bool) {
        self.byte |= u8::from(set) << self.bits;
        self.bits += 1;
        if self.bits == 8 {
            self.bytes.push(self.byte);
            (self.byte, self.bits) = (0, 0);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.bits > 0 {
            self.bytes.push(self.byte);
        }
        self.bytes
    }
}
