//! One stack of a source: chosen, understood, and decoded on demand.

use super::attributes;
use super::instance::{self, Instance};
use super::pixels::Voxel;
use super::series::{SeriesInfo, SeriesSummary, SourceSlice};
use super::source::{self, Input};
use super::stack::{self, Member, Sorted, Stack};
use crate::scalar::ScalarType;
use crate::suv::{self, SuvKind, SuvReport, SuvUse};
use crate::{IntakeError, ReadOptions};
use dicom_dictionary_std::tags;
use isochrone_volume::{Grid, Modality, Quantity, Rescale, VolumeOrigin};
use rayon::prelude::*;
use std::path::PathBuf;

/// Instance and frame of a slice, and what its numbers mean; `None`: left blank.
type Slice = Option<(usize, u32, Rescale)>;

/// A series that is ready to be decoded.
pub(crate) struct Plan {
    instances: Vec<Instance>,
    slices: Vec<Slice>,
    /// True if stored numbers are kept and rescaled later; else values are made while decoding.
    stored: bool,
    blank: f64,
    pub(crate) grid: Grid,
    pub(crate) scalar: ScalarType,
    pub(crate) rescale: Rescale,
    pub(crate) origin: VolumeOrigin,
    pub(crate) info: SeriesInfo,
}

/// All image files of the source, with their headers, in the order of the source.
fn open_all(paths: &[PathBuf], options: &ReadOptions) -> Result<Vec<Instance>, IntakeError> {
    let inputs = source::gather(paths, &options.limits)?;
    let single = inputs.len() == 1;
    let open = |input: Input| input.bytes().and_then(|bytes| instance::open(bytes, &options.limits));
    let opened: Vec<_> = inputs.into_par_iter().map(open).collect();
    let total = opened.len();
    let faults = opened.iter().filter(|o| o.is_err()).count();
    let mut instances = Vec::new();
    for found in opened {
        match found {
            Ok(Some(instance)) => instances.push(instance),
            Ok(None) => {}
            Err(fault) if single => return Err(fault),
            Err(fault) => return Err(IntakeError::OneOfMany { faults, total, fault: Box::new(fault) }),
        }
    }
    Ok(instances)
}

/// What there is to choose from.
pub(crate) fn list(paths: &[PathBuf], options: &ReadOptions) -> Result<Vec<SeriesSummary>, IntakeError> {
    let instances = open_all(paths, options)?;
    Ok(summaries(&ordered(&instances)))
}

/// Finds the one series that is meant.
///
/// # Errors
/// No image, several series where none was chosen, or anything wrong with it.
pub(crate) fn plan(paths: &[PathBuf], options: &ReadOptions) -> Result<Plan, IntakeError> {
    let instances = open_all(paths, options)?;
    let stacks = ordered(&instances);
    let summaries = summaries(&stacks);
    if stacks.is_empty() {
        return Err(IntakeError::NotAnImage("no DICOM image with a place in the patient is in it"));
    }
    let chosen = match &options.series {
        None => (0..stacks.len()).collect(),
        Some(choice) => choose(&summaries, choice),
    };
    let &[one] = chosen.as_slice() else { return Err(IntakeError::Choose(summaries)) };
    let Some(stack) = stacks.get(one) else { return Err(IntakeError::Choose(summaries)) };
    let sorted = stack.sort(options.blank_gaps)?;
    let kept = interpret(&sorted, options)?;
    drop(stacks);
    Ok(Plan { instances, ..kept })
}

/// Stacks in the order of series number, then UID, so that a list is always the same.
fn ordered(instances: &[Instance]) -> Vec<Stack<'_>> {
    let mut stacks = stack::stacks(instances);
    let key = |s: &Stack<'_>| {
        let first = s.members.first().map(|m| m.instance);
        let number = first.and_then(|i| i.fields().count(tags::SERIES_NUMBER).ok().flatten());
        (number, first.map(|i| i.series_uid.clone()))
    };
    stacks.sort_by_cached_key(key);
    stacks
}

fn summaries(stacks: &[Stack<'_>]) -> Vec<SeriesSummary> {
    let uid = |s: &Stack<'_>| s.members.first().map_or("", |m| m.instance.series_uid.as_str()).to_owned();
    let uids: Vec<String> = stacks.iter().map(uid).collect();
    let summary = |(n, stack): (usize, &Stack<'_>)| {
        let first = stack.members.first()?;
        let fields = first.instance.fields();
        let uid = uids.get(n)?;
        let before = uids.iter().take(n).filter(|u| *u == uid).count();
        let alone = uids.iter().filter(|u| *u == uid).count() == 1;
        let normal = first.frame.along_i.cross(first.frame.along_j).abs();
        let plane = if normal.z >= normal.x && normal.z >= normal.y {
            "axial"
        } else if normal.y >= normal.x {
            "coronal"
        } else {
            "sagittal"
        };
        let lean = if normal.max_element() < 0.999 { "oblique " } else { "" };
        Some(SeriesSummary {
            choice: if alone { uid.clone() } else { format!("{uid}#{}", before + 1) },
            series_uid: uid.clone(),
            study_uid: fields.string(tags::STUDY_INSTANCE_UID),
            frame_of_reference: first.instance.frame_of_reference.clone(),
            modality: fields.string(tags::MODALITY),
            number: fields.string(tags::SERIES_NUMBER),
            description: fields.string(tags::SERIES_DESCRIPTION),
            orientation: format!("{lean}{plane}"),
            size: [first.instance.format.columns, first.instance.format.rows],
            slices: stack.members.len(),
        })
    };
    stacks.iter().enumerate().filter_map(summary).collect()
}

/// Which stacks a choice names: a series UID, one with `#n`, or a number of the list from 1.
fn choose(summaries: &[SeriesSummary], choice: &str) -> Vec<usize> {
    let by = |fits: &dyn Fn(&SeriesSummary) -> bool| -> Vec<usize> {
        summaries.iter().enumerate().filter(|(_, s)| fits(s)).map(|(n, _)| n).collect()
    };
    let exact = by(&|s| s.choice == choice);
    if !exact.is_empty() {
        return exact;
    }
    let series = by(&|s| s.series_uid == choice);
    if !series.is_empty() {
        return series;
    }
    let number = choice.parse::<usize>().ok().filter(|n| (1..=summaries.len()).contains(n));
    number.map(|n| vec![n - 1]).unwrap_or_default()
}

/// What the numbers of a stack mean; the plan comes without its instances.
fn interpret(sorted: &Sorted<'_>, options: &ReadOptions) -> Result<Plan, IntakeError> {
    let members: Vec<Member<'_>> = sorted.slices.iter().copied().flatten().collect();
    let Some(first) = members.first() else { return Err(IntakeError::NotAnImage("it holds no image")) };
    let fields = first.instance.fields();
    let format = first.instance.format;
    let of = |m: &Member<'_>| m.frame.rescale.unwrap_or(Rescale::IDENTITY);
    let rescale = of(first);
    let stored = members.iter().all(|m| m.instance.format == format && of(m) == rescale);
    let scalar = if stored { scalar(&format) } else { ScalarType::F32 };
    check_total(&sorted.grid, scalar, options)?;
    let mut warnings = sorted.warnings.clone();
    let told = options.modality;
    let modality = told.or_else(|| Modality::from_code(&fields.string(tags::MODALITY))).unwrap_or(Modality::Other);
    let mut factor = 1.0;
    let mut quantity = Quantity::Arbitrary;
    let mut suv = None;
    match modality {
        Modality::Ct if first.frame.rescale.is_none() => {
            warnings.push(
                "The CT has no rescale slope and intercept, so its values may not be Hounsfield units".to_owned(),
            );
        }
        Modality::Ct => quantity = Quantity::Hounsfield,
        Modality::Pt => {
            let facts = suv::gather(members.iter().map(|m| m.instance))?;
            let report = suv::work_out(&facts, &options.suv);
            (factor, quantity) = in_suv(&report, options.suv.wanted, &mut warnings)?;
            suv = Some(report);
        }
        Modality::Mr | Modality::Other => {}
    }
    if fields.string(tags::PHOTOMETRIC_INTERPRETATION) == "MONOCHROME1" {
        warnings.push("The images are meant to be shown inverted (MONOCHROME1); the values are as stored".to_owned());
    }
    let after = if stored { rescale } else { Rescale::IDENTITY };
    let after = Rescale { slope: after.slope * factor, intercept: after.intercept * factor };
    let blank = if modality == Modality::Ct { -1000.0 } else { 0.0 };
    let frame_of_reference = Some(first.instance.frame_of_reference.clone()).filter(|f| !f.is_empty());
    if frame_of_reference.is_none() {
        warnings.push("The series has no frame of reference; one was made for it".to_owned());
    }
    let slices = sorted.slices.iter().map(|s| s.as_ref().map(|m| (m.at, m.frame.index, of(m)))).collect();
    Ok(Plan {
        instances: Vec::new(),
        slices,
        stored,
        blank,
        grid: sorted.grid.clone(),
        scalar,
        rescale: after,
        info: info(sorted, first, suv),
        origin: VolumeOrigin { modality, quantity, inferred: false, frame_of_reference, warnings },
    })
}

fn in_suv(report: &SuvReport, wanted: SuvUse, warnings: &mut Vec<String>) -> Result<(f64, Quantity), IntakeError> {
    let why = report.refusal.clone().unwrap_or_default();
    match (wanted, report.scale) {
        (SuvUse::Required, None) => Err(IntakeError::Suv(why)),
        (SuvUse::Off, _) => Ok((1.0, Quantity::Arbitrary)),
        (SuvUse::Auto, None) => {
            warnings.push(format!("Values are not SUV but as stored: {why}"));
            Ok((1.0, Quantity::Arbitrary))
        }
        (_, Some(scale)) => {
            warnings.extend(report.warnings.iter().cloned());
            if report.values.iter().any(|v| v.by_hand) {
                warnings.push("SUV was worked out with values set by hand".to_owned());
            }
            let quantity = if report.kind == SuvKind::BodyWeight { Quantity::SuvBw } else { Quantity::Arbitrary };
            Ok((scale, quantity))
        }
    }
}

fn info(sorted: &Sorted<'_>, first: &Member<'_>, suv: Option<SuvReport>) -> SeriesInfo {
    let slice = |(k, member): (usize, &Option<Member<'_>>)| SourceSlice {
        sop_class_uid: member.map_or_else(String::new, |m| m.instance.sop_class_uid.clone()),
        sop_instance_uid: member.map_or_else(String::new, |m| m.instance.sop_instance_uid.clone()),
        frame: member.filter(|m| m.instance.multi_frame).map(|m| m.frame.index + 1),
        position_lps_mm: member.map_or_else(|| sorted.grid.centre_mm([0, 0, k]), |m| m.frame.position).to_array(),
    };
    let fields = first.instance.fields();
    SeriesInfo {
        study_uid: fields.string(tags::STUDY_INSTANCE_UID),
        series_uid: first.instance.series_uid.clone(),
        frame_of_reference: first.instance.frame_of_reference.clone(),
        modality: fields.string(tags::MODALITY),
        attributes: attributes::kept(fields),
        slices: sorted.slices.iter().enumerate().map(slice).collect(),
        suv,
    }
}

fn scalar(format: &instance::Format) -> ScalarType {
    match (format.float, format.allocated, format.signed) {
        (true, 32, _) => ScalarType::F32,
        (true, ..) => ScalarType::F64,
        (_, 8, false) => ScalarType::U8,
        (_, 8, true) => ScalarType::I8,
        (_, 16, false) => ScalarType::U16,
        (_, 16, true) => ScalarType::I16,
        (_, _, false) => ScalarType::U32,
        (_, _, true) => ScalarType::I32,
    }
}

fn check_total(grid: &Grid, scalar: ScalarType, options: &ReadOptions) -> Result<(), IntakeError> {
    let size = grid.size().map(|n| n as u64);
    let bytes = size.iter().product::<u64>() * scalar.bytes();
    if bytes > options.limits.max_voxel_bytes {
        return Err(IntakeError::TooLarge(format!(
            "its voxels take {}, beyond the limit of {} set by your site",
            crate::gate::human(bytes),
            crate::gate::human(options.limits.max_voxel_bytes)
        )));
    }
    Ok(())
}

impl Plan {
    /// Bytes of all voxels.
    pub(crate) fn bytes(&self) -> u64 {
        self.grid.voxel_count() as u64 * self.scalar.bytes()
    }

    /// Decodes all slices, in parallel, into the memory of voxels `[k, j, i]` of [`Plan::scalar`].
    pub(crate) fn decode_bytes(&self, out: &mut [u8]) -> Result<(), IntakeError> {
        let one = |(slice, out): (&Slice, &mut [u8])| self.decode(slice, out);
        self.slices.par_iter().zip(out.par_chunks_mut(self.slice_bytes())).try_for_each(one)
    }

    /// Decodes all slices, in parallel, and hands each to `put` with the place of its first byte.
    pub(crate) fn decode_each(
        &self,
        put: impl Fn(&[u8], u64) -> Result<(), IntakeError> + Sync,
    ) -> Result<(), IntakeError> {
        let bytes = self.slice_bytes();
        // Of the widest voxels' alignment.
        let room = || vec![0f64; bytes.div_ceil(8)];
        self.slices.par_iter().enumerate().try_for_each_init(room, |room, (k, slice)| {
            let at = k as u64 * bytes as u64;
            if let Some(stored) = self.as_stored(slice) {
                return put(stored, at);
            }
            let out = bytemuck::cast_slice_mut(room).get_mut(..bytes).unwrap_or_default();
            self.decode(slice, out)?;
            put(out, at)
        })
    }

    fn slice_bytes(&self) -> usize {
        let [columns, rows, _] = self.grid.size();
        columns * rows * self.scalar.bytes() as usize
    }

    /// A slice that lies in its file as it will in memory.
    fn as_stored(&self, slice: &Slice) -> Option<&[u8]> {
        let (instance, frame, _) = slice.as_ref().filter(|_| self.stored)?;
        self.instances.get(*instance)?.as_stored(*frame)
    }

    fn decode(&self, slice: &Slice, out: &mut [u8]) -> Result<(), IntakeError> {
        macro_rules! cast {
            ($($variant:ident $scalar:ty)*) => {
                match self.scalar {
                    $(ScalarType::$variant => match bytemuck::try_cast_slice_mut::<u8, $scalar>(out) {
                        Ok(out) => self.decode_as(slice, out),
                        Err(_) => Err(IntakeError::Damaged("its voxels do not fit their memory")),
                    },)*
                    ScalarType::U64 | ScalarType::I64 => Err(IntakeError::Damaged("DICOM has no such voxels")),
                }
            };
        }
        cast! { U8 u8 I8 i8 U16 u16 I16 i16 U32 u32 I32 i32 F32 f32 F64 f64 }
    }

    fn decode_as<T: Voxel>(&self, slice: &Slice, out: &mut [T]) -> Result<(), IntakeError> {
        match slice {
            Some((instance, frame, rescale)) => {
                let instance = self.instances.get(*instance).ok_or(IntakeError::Damaged("a slice is gone"))?;
                let scale = (!self.stored).then_some((rescale.slope, rescale.intercept));
                instance.decode(*frame, scale, out)
            }
            None => {
                let stored =
                    if self.stored { (self.blank - self.rescale.intercept) / self.rescale.slope } else { self.blank };
                out.fill(T::of_float(stored.round()));
                Ok(())
            }
        }
    }
}
