//! DICOM Segmentation: bits to masks.

use super::dataset::{items, number, text};
use super::frames::{Frame, place};
use super::{ReadMask, ReadMasks, other_frame};
use crate::IntakeError;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use isochrone_volume::{DVec3, Grid, Mask, VoxelBox};
use ndarray::Array3;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Segments of one object.
const MOST: usize = 1024;

pub(super) fn read(
    header: &InMemDicomObject,
    pixels: &[u8],
    target: &Arc<Grid>,
    frame_of_reference: &str,
) -> Result<ReadMasks, IntakeError> {
    if text(header, tags::FRAME_OF_REFERENCE_UID) != frame_of_reference {
        return Err(other_frame());
    }
    let size = |tag| number(header, tag).unwrap_or_default() as usize;
    let (rows, columns) = (size(tags::ROWS), size(tags::COLUMNS));
    if rows == 0 || columns == 0 || rows > Grid::MAX_AXIS || columns > Grid::MAX_AXIS {
        return Err(IntakeError::header("Rows and Columns", "a frame has no pixels"));
    }
    let kind = Kind::of(header)?;
    let (grid, frames) = place(header, columns, rows)?;
    let names = names(header)?;
    let per_frame = rows * columns;
    let needed = frames.len().checked_mul(per_frame).and_then(|n| n.checked_mul(kind.bits())).map(|n| n.div_ceil(8));
    if needed.is_none_or(|n| pixels.len() < n) {
        return Err(IntakeError::Damaged("it holds fewer pixels than its frames need"));
    }
    let mut stacks: BTreeMap<u32, Array3<bool>> =
        names.keys().map(|n| (*n, Array3::from_elem(grid.shape(), false))).collect();
    for (n, frame) in frames.iter().enumerate() {
        unpack(kind, pixels, n * per_frame, frame, &mut stacks);
    }
    let masks = stacks
        .into_iter()
        .map(|(number, stack)| ReadMask {
            number,
            name: names.get(&number).cloned().unwrap_or_default(),
            mask: onto(target, &grid, &stack),
        })
        .collect();
    Ok(ReadMasks { masks, warnings: Vec::new() })
}

/// What a pixel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One bit.
    Binary,
    /// A byte; set from this value on.
    Fraction(u8),
    /// The segment's number, in one byte or two.
    Label { wide: bool },
}

impl Kind {
    fn of(header: &InMemDicomObject) -> Result<Self, IntakeError> {
        let bits = number(header, tags::BITS_ALLOCATED).unwrap_or_default();
        match (text(header, tags::SEGMENTATION_TYPE).as_str(), bits) {
            ("BINARY", 1) => Ok(Self::Binary),
            ("FRACTIONAL", 8) => {
                let most = number(header, tags::MAXIMUM_FRACTIONAL_VALUE).unwrap_or(255).clamp(1, 255);
                Ok(Self::Fraction(most.div_ceil(2) as u8))
            }
            ("LABELMAP", 8) => Ok(Self::Label { wide: false }),
            ("LABELMAP", 16) => Ok(Self::Label { wide: true }),
            (kind, bits) => Err(IntakeError::unsupported(
                format!("A segmentation of {bits} bits, of the type {}", crate::error::quoted(kind)),
                "store it as BINARY with 1 bit or FRACTIONAL with 8",
            )),
        }
    }

    fn bits(self) -> usize {
        match self {
            Self::Binary => 1,
            Self::Fraction(_) | Self::Label { wide: false } => 8,
            Self::Label { wide: true } => 16,
        }
    }
}

fn names(header: &InMemDicomObject) -> Result<BTreeMap<u32, String>, IntakeError> {
    let segments = items(header, tags::SEGMENT_SEQUENCE);
    if segments.len() > MOST {
        return Err(IntakeError::TooLarge(format!("it has {} segments; at most {MOST} are read", segments.len())));
    }
    let named = |s: &InMemDicomObject| Some((number(s, tags::SEGMENT_NUMBER)?, text(s, tags::SEGMENT_LABEL)));
    // Number 0 is the background of a label map.
    Ok(segments.iter().filter_map(named).filter(|(n, _)| *n > 0).collect())
}

/// Sets what a frame sets. `start` is its first pixel in the stream.
fn unpack(kind: Kind, pixels: &[u8], start: usize, frame: &Frame, stacks: &mut BTreeMap<u32, Array3<bool>>) {
    let at = |p: usize| -> Option<u8> { pixels.get(p).copied() };
    if let Kind::Label { wide } = kind {
        let value = |p: usize| match wide {
            false => at(p).map(u32::from),
            true => Some(u32::from(u16::from_le_bytes([at(2 * p)?, at(2 * p + 1)?]))),
        };
        for (number, stack) in stacks {
            for (p, voxel) in slice_of(stack, frame.k).enumerate() {
                *voxel |= value(start + p) == Some(*number);
            }
        }
        return;
    }
    let Some(stack) = stacks.get_mut(&frame.segment) else { return };
    for (p, voxel) in slice_of(stack, frame.k).enumerate() {
        let p = start + p;
        *voxel |= match kind {
            Kind::Fraction(half) => at(p).is_some_and(|v| v >= half),
            _ => at(p / 8).is_some_and(|byte| byte >> (p % 8) & 1 == 1),
        };
    }
}

fn slice_of(stack: &mut Array3<bool>, k: usize) -> impl Iterator<Item = &mut bool> {
    stack.axis_iter_mut(ndarray::Axis(0)).skip(k).take(1).flatten()
}

/// The nearest voxel of the stack for every voxel of the target.
fn onto(target: &Arc<Grid>, grid: &Grid, stack: &Array3<bool>) -> Mask {
    let mut mask = Mask::empty(target.clone());
    let region = reached(target, grid);
    if region.is_empty() {
        return mask;
    }
    let map = grid.voxel_from_world() * target.world_from_voxel();
    let [i0, j0, k0] = region.min;
    let nearest = |v: f64, n: usize| {
        let v = (v + 0.5).floor();
        (v >= 0.0 && v < n as f64).then_some(v as usize)
    };
    let [ni, nj, nk] = grid.size();
    ndarray::Zip::indexed(mask.voxels_mut().slice_mut(region.slice())).par_for_each(|(k, j, i), set| {
        let v = map.transform_point3(DVec3::new((i0 + i) as f64, (j0 + j) as f64, (k0 + k) as f64));
        if let (Some(i), Some(j), Some(k)) = (nearest(v.x, ni), nearest(v.y, nj), nearest(v.z, nk)) {
            *set = stack.get([k, j, i]).copied().unwrap_or(false);
        }
    });
    mask
}

/// The box of the target that the stack can reach.
fn reached(target: &Grid, grid: &Grid) -> VoxelBox {
    let map = target.voxel_from_world() * grid.world_from_voxel();
    let [ni, nj, nk] = grid.size().map(|n| n as f64 - 0.5);
    let (mut low, mut high) = (DVec3::INFINITY, DVec3::NEG_INFINITY);
    for corner in 0..8u8 {
        let pick = |axis: u8, end: f64| if corner >> axis & 1 == 1 { end } else { -0.5 };
        let p = map.transform_point3(DVec3::new(pick(0, ni), pick(1, nj), pick(2, nk)));
        (low, high) = (low.min(p), high.max(p));
    }
    let whole = VoxelBox::whole(target.size());
    let from = |v: f64| v.floor().max(0.0) as usize;
    let to = |v: f64| (v.ceil() + 1.0).max(0.0) as usize;
    VoxelBox { min: [from(low.x), from(low.y), from(low.z)], max: [to(high.x), to(high.y), to(high.z)] }
        .intersection(&whole)
}
