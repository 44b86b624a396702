//! `isochrone export`: a mask as DICOM objects of the series it was drawn on, or as a file of another format.

use super::series::ImageArgs;
use super::{Usage, measure};
use anyhow::Context;
use clap::{Args, ValueEnum};
use isochrone_export::dicom::{
    Algorithm, Code, Object, Segment, Series, measured, probability, report, segmentation, structure_set,
};
use isochrone_intake::Image;
use isochrone_intake::suv::{SuvOptions, SuvReport};
use isochrone_volume::{Mask, Volume, VoxelBox};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Turns a label map into DICOM SEG, RTSTRUCT or SR of the series it was drawn on, or into NIfTI, NRRD or .seg.nrrd.
#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    image: ImageArgs,
    /// Label map on the image's grid: every value but 0 is a label. With --format fractional: probabilities.
    #[arg(long)]
    mask: PathBuf,
    /// What to write. The measurements (sr) bring the segmentation that they refer to along, beside them.
    #[arg(long, value_enum)]
    format: Format,
    /// Name of a label, in the order of the label map's values; can be repeated.
    #[arg(long)]
    name: Vec<String>,
    /// What the labels are: a term such as Neoplasm, or SCHEME:VALUE:MEANING [default: Lesion].
    #[arg(long, value_name = "CODE")]
    r#type: Option<Code>,
    /// Where they are: a term such as Lung, or SCHEME:VALUE:MEANING.
    #[arg(long, value_name = "CODE")]
    anatomy: Option<Code>,
    /// What drew them, for the record, such as "nnU-Net 2.5" [default: drawn by hand].
    #[arg(long, default_value = "")]
    algorithm: String,
    /// Where it goes: .dcm, .nii, .nii.gz, .nrrd or .seg.nrrd.
    #[arg(short, long)]
    out: PathBuf,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// DICOM Segmentation
    Seg,
    /// DICOM Segmentation of probabilities: the mask is one map of numbers from 0 to 1, on any grid
    Fractional,
    /// DICOM RT Structure Set
    Rtstruct,
    /// DICOM SR, template 1500
    Sr,
    /// NIfTI, NRRD or .seg.nrrd, by the name of the file
    File,
}

/// Writes the files and names them.
///
/// # Errors
/// Image or mask cannot be read, do not lie on one grid, or the image is not DICOM; or the disk fails.
pub fn run(args: &ExportArgs) -> anyhow::Result<()> {
    if !args.force && args.out.exists() {
        return Err(Usage(format!(
            "{} is there already: name another file, or add --force to replace it",
            args.out.display()
        ))
        .into());
    }
    let image = args.image.load_with(SuvOptions::default())?;
    let mask = args.image.file(&args.mask).load()?;
    if args.format == Format::Fractional {
        return fractional(args, image, &mask);
    }
    let labels = measure::labels(&mask, &image.volume)?;
    let segments: Vec<(u16, Segment, &Mask)> =
        labels.iter().enumerate().map(|(n, (value, mask))| (*value, segment(args, n, *value), mask)).collect();
    if args.format == Format::File {
        isochrone_export::write_segments(&args.out, image.volume.grid(), &segments)?;
        println!("{}", args.out.display());
        return Ok(());
    }
    let (series, volume) = series(args, image)?;
    for (path, object) in objects(args, &series, &volume, segments)? {
        write(&path, &object)?;
    }
    Ok(())
}

/// A map of probabilities instead of labels.
fn fractional(args: &ExportArgs, image: Image, map: &Volume) -> anyhow::Result<()> {
    let (series, _) = series(args, image)?;
    let values = map.values(&VoxelBox::whole(map.grid().size()));
    let within = values.iter().all(|v| (0.0..=1.0).contains(v));
    anyhow::ensure!(within, "{}: probabilities lie between 0 and 1; this map holds others", args.mask.display());
    let mut segment = segment(args, 0, 1);
    note_by_hand(&series, &mut segment);
    write(&args.out, &probability(&series, &segment, map.grid(), values.view())?)
}

fn series(args: &ExportArgs, image: Image) -> anyhow::Result<(Series, Volume)> {
    let info = image.series.with_context(|| {
        format!(
            "{}: this is not a DICOM series, so there is no patient and no study to attach the mask to",
            args.image.image.display()
        )
    })?;
    Ok((Series { info: Arc::new(info), grid: image.volume.grid().clone() }, image.volume))
}

fn write(path: &Path, object: &Object) -> anyhow::Result<()> {
    object.write(path)?;
    println!("{}: {} bytes, instance {}", path.display(), object.bytes.len(), object.sop_instance_uid);
    Ok(())
}

fn note_by_hand(series: &Series, segment: &mut Segment) {
    if let Some(note) = series.info.suv.as_ref().and_then(SuvReport::by_hand_note) {
        segment.algorithm.add(&note);
    }
}

fn segment(args: &ExportArgs, n: usize, value: u16) -> Segment {
    let name = args.name.get(n).cloned().unwrap_or_else(|| format!("label {value}"));
    let algorithm = Algorithm { engine: args.algorithm.clone(), ..Algorithm::default() };
    let mut segment = Segment::lesion(n, &name, algorithm);
    if let Some(kind) = &args.r#type {
        segment.kind = kind.clone();
    }
    segment.anatomy.clone_from(&args.anatomy);
    segment
}

fn objects(
    args: &ExportArgs,
    series: &Series,
    volume: &Volume,
    segments: Vec<(u16, Segment, &Mask)>,
) -> anyhow::Result<Vec<(PathBuf, Object)>> {
    let mut pairs: Vec<(Segment, &Mask)> = segments.into_iter().map(|(_, segment, mask)| (segment, mask)).collect();
    pairs.iter_mut().for_each(|(segment, _)| note_by_hand(series, segment));
    let out = args.out.clone();
    Ok(match args.format {
        Format::Rtstruct => vec![(out, structure_set(series, &pairs)?)],
        Format::Seg | Format::Fractional | Format::File => vec![(out, segmentation(series, &pairs)?)],
        Format::Sr => {
            let seg = segmentation(series, &pairs)?;
            let sr = report(series, &seg, &measured(volume, &pairs)?)?;
            vec![(beside(&args.out), seg), (out, sr)]
        }
    })
}

/// `report.dcm` → `report.seg.dcm`.
fn beside(path: &Path) -> PathBuf {
    path.with_extension("seg.dcm")
}
