//! `isochrone import`: a DICOM series becomes a NIfTI volume.

use super::series::ImageArgs;
use super::shared;
use super::suv::kind;
use clap::Args;
use isochrone_intake::suv::{SuvKind, SuvOptions, SuvUse};
use std::path::PathBuf;

/// Reads an image (a DICOM series, as a rule) and writes it as NIfTI: stored values with their scale, or SUV.
#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(flatten)]
    image: ImageArgs,
    /// PET: write SUV; refuse the series if it cannot be worked out. Without it values stay in the units of the files.
    #[arg(long)]
    suv: bool,
    /// Which SUV: bw (body weight), lbm-janma, lbm-james or bsa.
    #[arg(long, value_parser = kind, default_value = "bw", requires = "suv")]
    suv_kind: SuvKind,
    /// Where the volume goes: .nii or .nii.gz.
    #[arg(short, long)]
    out: PathBuf,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
}

/// Writes the volume and says what it is.
///
/// # Errors
/// The image cannot be read, SUV cannot be worked out, or the file cannot be written.
pub fn run(args: &ImportArgs) -> anyhow::Result<()> {
    shared::check_output(&args.out, args.force)?;
    let wanted = if args.suv { SuvUse::Required } else { SuvUse::Off };
    let suv = SuvOptions { wanted, kind: args.suv_kind, ..SuvOptions::default() };
    let volume = args.image.load_with(suv)?.volume;
    isochrone_export::write_volume(&args.out, &volume)?;
    let size = volume.grid().size().map(|n| n.to_string()).join(" × ");
    let spacing = shared::times(volume.grid().spacing_mm(), 2);
    println!("{}: {}, {size} voxels of {spacing} mm", args.out.display(), volume.modality().code());
    volume.origin().warnings.iter().for_each(|w| println!("  {w}"));
    Ok(())
}
