//! One DICOM image, classic or enhanced, as the frames that it holds.

use super::fields::{Fields, name};
use super::part10::{self, Part10};
use super::scan::Pixels;
use super::source::Bytes;
use crate::{IntakeError, Limits};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use isochrone_volume::{DVec3, Grid, Rescale};

/// An image with its header.
pub(crate) struct Instance {
    pub(crate) file: Part10,
    pub(crate) header: InMemDicomObject,
    pub(crate) format: Format,
    pub(crate) sop_class_uid: String,
    pub(crate) sop_instance_uid: String,
    pub(crate) series_uid: String,
    pub(crate) frame_of_reference: String,
    pub(crate) frames: Vec<Frame>,
    /// More than one frame can be addressed.
    pub(crate) multi_frame: bool,
}

/// How a pixel is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) rows: u32,
    pub(crate) columns: u32,
    pub(crate) allocated: u32,
    pub(crate) stored: u32,
    pub(crate) high_bit: u32,
    pub(crate) signed: bool,
    pub(crate) float: bool,
}

/// Where a frame lies and what its numbers mean.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    /// From 0.
    pub(crate) index: u32,
    /// Centre of the first pixel, LPS mm.
    pub(crate) position: DVec3,
    /// Unit vector along a row: where columns count up.
    pub(crate) along_i: DVec3,
    /// Unit vector along a column: where rows count up.
    pub(crate) along_j: DVec3,
    /// Between columns and between rows, mm.
    pub(crate) spacing_mm: [f64; 2],
    pub(crate) thickness_mm: Option<f64>,
    pub(crate) rescale: Option<Rescale>,
    pub(crate) stack: String,
    /// What may set frames at one position apart, most telling first.
    pub(crate) apart: Vec<String>,
}

/// Reads the header of a file; `None` if it is no DICOM file or holds no image.
pub(crate) fn open(bytes: Bytes, limits: &Limits) -> Result<Option<Instance>, IntakeError> {
    if !part10::looks_like(&bytes) {
        return Ok(None);
    }
    let file = Part10::open(bytes, limits)?;
    let Some(pixels) = &file.layout.pixels else { return Ok(None) };
    let float = matches!(pixels, Pixels::Native { float: true, .. });
    let header = file.header()?;
    let fields = Fields(&header);
    let format = format(fields, float)?;
    let count = fields.count(tags::NUMBER_OF_FRAMES)?.unwrap_or(1);
    let multi_frame =
        fields.has(tags::NUMBER_OF_FRAMES) && (count != 1 || fields.has(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE));
    check_size(&format, count, pixels, limits)?;
    let frames = frames(fields, count)?;
    let instance = Instance {
        format,
        sop_class_uid: fields.string(tags::SOP_CLASS_UID),
        sop_instance_uid: fields.string(tags::SOP_INSTANCE_UID),
        series_uid: fields.string(tags::SERIES_INSTANCE_UID),
        frame_of_reference: fields.string(tags::FRAME_OF_REFERENCE_UID),
        frames,
        multi_frame,
        header,
        file,
    };
    Ok(Some(instance))
}

impl Instance {
    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields(&self.header)
    }
}

/// How the pixels of an image are stored; refused if they cannot be read as grey values.
pub(crate) fn format(fields: Fields<'_>, float: bool) -> Result<Format, IntakeError> {
    let samples = fields.count(tags::SAMPLES_PER_PIXEL)?.unwrap_or(1);
    let colour = fields.string(tags::PHOTOMETRIC_INTERPRETATION);
    if samples == 0 {
        return Err(IntakeError::header(name(tags::SAMPLES_PER_PIXEL), "it is 0 where grey-scale images have 1"));
    }
    if samples > 1 || !(colour.is_empty() || colour.starts_with("MONOCHROME")) {
        return Err(IntakeError::unsupported("A colour image", "name a grey-scale series: CT, MR or PET"));
    }
    let rows = fields.needed(tags::ROWS)?;
    let columns = fields.needed(tags::COLUMNS)?;
    for (tag, n) in [(tags::ROWS, rows), (tags::COLUMNS, columns)] {
        if n == 0 || n as usize > Grid::MAX_AXIS {
            return Err(IntakeError::header(name(tag), format!("it is {n} where 1 to {} can be", Grid::MAX_AXIS)));
        }
    }
    let allocated = fields.needed(tags::BITS_ALLOCATED)?;
    if float {
        return Ok(Format {
            rows,
            columns,
            allocated,
            stored: allocated,
            high_bit: allocated.saturating_sub(1),
            signed: true,
            float,
        })
        .and_then(|f| {
            if matches!(allocated, 32 | 64) { Ok(f) } else { Err(bits("floating point numbers have 32 or 64")) }
        });
    }
    match allocated {
        1 => {
            return Err(IntakeError::unsupported(
                "An image of one bit a voxel (a segmentation)",
                "load the series that it was drawn on, and the segmentation as a mask",
            ));
        }
        8 | 16 | 32 => {}
        n => return Err(bits(&format!("it is {n} where 8, 16 or 32 can be read"))),
    }
    let stored = fields.count(tags::BITS_STORED)?.unwrap_or(allocated);
    let high_bit = fields.count(tags::HIGH_BIT)?.unwrap_or(stored.saturating_sub(1));
    if stored == 0 || stored > allocated {
        let problem = format!("it is {stored} where 1 to {allocated} fit in (0028,0100) BitsAllocated");
        return Err(IntakeError::header(name(tags::BITS_STORED), problem));
    }
    if high_bit >= allocated || high_bit + 1 < stored {
        return Err(IntakeError::header(name(tags::HIGH_BIT), format!("{high_bit} leaves no room for {stored} bits")));
    }
    let signed = match fields.count(tags::PIXEL_REPRESENTATION)?.unwrap_or(0) {
        0 => false,
        1 => true,
        n => {
            return Err(IntakeError::header(
                name(tags::PIXEL_REPRESENTATION),
                format!("it is {n} where 0 or 1 can be"),
            ));
        }
    };
    Ok(Format { rows, columns, allocated, stored, high_bit, signed, float })
}

fn bits(problem: &str) -> IntakeError {
    IntakeError::header(name(tags::BITS_ALLOCATED), problem)
}

/// Pixels that a header declares, against the limits and what is there.
fn check_size(format: &Format, count: u32, pixels: &Pixels, limits: &Limits) -> Result<(), IntakeError> {
    if count == 0 {
        return Err(IntakeError::header(name(tags::NUMBER_OF_FRAMES), "it is 0"));
    }
    let size = [format.columns, format.rows, count].map(u64::from);
    // At most 2¹⁵ · 2¹⁵ · 2³² · 2³ bytes: beyond 64 bits, so checked.
    let voxels = size.iter().try_fold(u64::from(format.allocated / 8), |n, &m| n.checked_mul(m));
    let too_large = || {
        let [i, j, k] = size;
        IntakeError::TooLarge(format!("its header says {i}×{j}×{k} voxels, beyond the limit set by your site"))
    };
    let expected = voxels.filter(|&n| n <= limits.max_voxel_bytes);
    match pixels {
        Pixels::Native { bytes, .. } => {
            let found = bytes.len() as u64;
            match voxels {
                Some(n) if found >= n => expected.map(|_| ()).ok_or_else(too_large),
                _ => Err(IntakeError::Truncated { size, expected: voxels.unwrap_or(u64::MAX), found }),
            }
        }
        Pixels::Fragments { fragments, .. } if (fragments.len() as u64) < u64::from(count) => {
            Err(IntakeError::DicomCut(format!(
                "it declares {count} frames where {} compressed ones are there",
                fragments.len()
            )))
        }
        Pixels::Fragments { .. } => expected.map(|_| ()).ok_or_else(too_large),
    }
}

fn frames(fields: Fields<'_>, count: u32) -> Result<Vec<Frame>, IntakeError> {
    let shared = fields.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    let per_frame = fields.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    let place = Place { root: fields, shared, own: None };
    if per_frame.is_empty() && shared.is_none() {
        if count > 1 {
            return Err(IntakeError::unsupported(
                "A multi-frame image without a position for each frame",
                "export the series as enhanced or single-frame DICOM",
            ));
        }
        return Ok(vec![place.frame(0)?]);
    }
    if per_frame.len() != count as usize {
        let problem = format!("it has {} items for {count} frames", per_frame.len());
        return Err(IntakeError::header(name(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE), problem));
    }
    let frame = |(n, item)| Place { own: Some(Fields(item)), ..place }.frame(n);
    (0..count).zip(per_frame).map(frame).collect()
}

/// Where a frame's attributes are looked for: its own functional groups, the shared ones, the image itself.
#[derive(Clone, Copy)]
struct Place<'a> {
    root: Fields<'a>,
    shared: Option<Fields<'a>>,
    own: Option<Fields<'a>>,
}

impl<'a> Place<'a> {
    /// The functional group `sequence`; the image itself where there are none.
    fn group(&self, sequence: Tag) -> Option<Fields<'a>> {
        match (self.own, self.shared) {
            (None, None) => Some(self.root),
            (own, shared) => own.and_then(|f| f.item(sequence)).or_else(|| shared.and_then(|f| f.item(sequence))),
        }
    }

    fn array<const N: usize>(&self, sequence: Tag, tag: Tag) -> Result<Option<[f64; N]>, IntakeError> {
        self.group(sequence).map_or(Ok(None), |fields| fields.array(tag))
    }

    fn frame(&self, index: u32) -> Result<Frame, IntakeError> {
        let missing = |tag: Tag| {
            IntakeError::header(
                name(tag),
                "it is missing, so a mask could not be placed. This is no slice of a 3-D series",
            )
        };
        let position = self.array::<3>(tags::PLANE_POSITION_SEQUENCE, tags::IMAGE_POSITION_PATIENT)?;
        let position = position.ok_or_else(|| missing(tags::IMAGE_POSITION_PATIENT))?;
        let directions = self.array::<6>(tags::PLANE_ORIENTATION_SEQUENCE, tags::IMAGE_ORIENTATION_PATIENT)?;
        let [a, b, c, d, e, f] = directions.ok_or_else(|| missing(tags::IMAGE_ORIENTATION_PATIENT))?;
        let (along_i, along_j) = (DVec3::new(a, b, c), DVec3::new(d, e, f));
        let unit = |v: DVec3| (v.length() - 1.0).abs() < 0.01;
        if !unit(along_i) || !unit(along_j) || along_i.dot(along_j).abs() > 0.01 {
            let problem = "its two directions are not at a right angle and of length 1";
            return Err(IntakeError::header(name(tags::IMAGE_ORIENTATION_PATIENT), problem));
        }
        let between = self.array::<2>(tags::PIXEL_MEASURES_SEQUENCE, tags::PIXEL_SPACING)?;
        let [rows, columns] = between.ok_or_else(|| missing(tags::PIXEL_SPACING))?;
        let measures = self.group(tags::PIXEL_MEASURES_SEQUENCE);
        let thickness = |tag| measures.map_or(Ok(None), |m| m.number(tag));
        let thickness_mm = match thickness(tags::SPACING_BETWEEN_SLICES)? {
            Some(mm) if mm.abs() > 0.0 => Some(mm.abs()),
            _ => thickness(tags::SLICE_THICKNESS)?,
        };
        Ok(Frame {
            index,
            position: DVec3::from(position),
            along_i: along_i.normalize(),
            along_j: along_j.normalize(),
            spacing_mm: [columns, rows],
            thickness_mm,
            rescale: self.rescale()?,
            stack: self
                .own
                .and_then(|f| f.item(tags::FRAME_CONTENT_SEQUENCE))
                .map_or_else(String::new, |f| f.string(tags::STACK_ID)),
            apart: self.apart(),
        })
    }

    fn rescale(&self) -> Result<Option<Rescale>, IntakeError> {
        let Some(fields) = self.group(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE) else { return Ok(None) };
        let slope = fields.number(tags::RESCALE_SLOPE)?;
        let intercept = fields.number(tags::RESCALE_INTERCEPT)?;
        if slope.is_none() && intercept.is_none() {
            if !fields.items(tags::MODALITY_LUT_SEQUENCE).is_empty() {
                return Err(IntakeError::unsupported(
                    "A modality look-up table",
                    "export the series with rescale slope and intercept",
                ));
            }
            return Ok(None);
        }
        let slope = slope.unwrap_or(1.0);
        if slope == 0.0 {
            return Err(IntakeError::header(name(tags::RESCALE_SLOPE), "it is 0, so every voxel would be the same"));
        }
        Ok(Some(Rescale { slope, intercept: intercept.unwrap_or(0.0) }))
    }

    fn apart(&self) -> Vec<String> {
        let content = self.own.and_then(|f| f.item(tags::FRAME_CONTENT_SEQUENCE));
        let in_group = |sequence: Tag, tag: Tag| self.group(sequence).map_or_else(String::new, |f| f.string(tag));
        let root = |tag: Tag| self.root.string(tag);
        vec![
            content
                .map_or_else(|| root(tags::TEMPORAL_POSITION_IDENTIFIER), |f| f.string(tags::TEMPORAL_POSITION_INDEX)),
            in_group(tags::MR_ECHO_SEQUENCE, tags::EFFECTIVE_ECHO_TIME) + &root(tags::ECHO_NUMBERS),
            in_group(tags::MR_DIFFUSION_SEQUENCE, tags::DIFFUSION_B_VALUE),
            root(tags::ACQUISITION_NUMBER),
            root(tags::IMAGE_TYPE),
            root(tags::TRIGGER_TIME) + &root(tags::FRAME_REFERENCE_TIME),
            root(tags::ACQUISITION_DATE) + &root(tags::ACQUISITION_TIME),
        ]
    }
}
