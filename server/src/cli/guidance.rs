//! `isochrone guidance`: what a network is shown of some clicks, as an image of its own.

use super::series::ImageArgs;
use super::shared;
use anyhow::bail;
use clap::{Args, ValueEnum};
use isochrone_guidance::{Geodesic, disk, euclidean_distance, exponential_geodesic, gaussian, geodesic_distance};
use isochrone_prompt::{Click, Polarity, Prompt};
use isochrone_volume::{Volume, VoxelBox};
use ndarray::Array3;
use std::path::PathBuf;
use std::time::Instant;

/// Writes the guidance map of some clicks as float32.
#[derive(Debug, Args)]
pub struct GuidanceArgs {
    #[command(flatten)]
    image: ImageArgs,
    /// A click in LPS mm; `,-` after it makes it negative. Can be repeated.
    #[arg(long, value_name = "X,Y,Z[,-]", required = true, allow_hyphen_values = true)]
    click: Vec<Click>,
    /// Draw the negative clicks instead of the positive ones.
    #[arg(long)]
    negative: bool,
    /// Which map.
    #[arg(long, value_enum, default_value_t = Kind::Geodesic)]
    kind: Kind,
    /// Geodesic: weight of intensity against distance, 0 (distance alone) to 1 (intensity alone).
    #[arg(long, default_value_t = 0.5)]
    lambda: f32,
    /// Geodesic: change of intensity that costs as much as a millimetre; default: a fifteenth of the image's
    /// standard deviation between its 0.5th and 99.5th percentiles, as in the geodesic engine.
    #[arg(long, value_name = "VALUE")]
    intensity_per_mm: Option<f32>,
    /// Exponential geodesic: distance at which the map has fallen to 1/e.
    #[arg(long, value_name = "MM", default_value_t = 10.0)]
    tau_mm: f32,
    /// Gaussian: standard deviation.
    #[arg(long, value_name = "MM", default_value_t = 3.0)]
    sigma_mm: f32,
    /// Disk: radius.
    #[arg(long, value_name = "MM", default_value_t = 3.0)]
    radius_mm: f32,
    /// Distances: not measured beyond this, which makes the geodesic ones much quicker.
    #[arg(long, value_name = "MM")]
    cutoff_mm: Option<f32>,
    /// Where the map goes: .nii or .nii.gz.
    #[arg(short, long)]
    out: PathBuf,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Straight-line distance in mm.
    Euclidean,
    /// Cheapest path through the image, in mm and intensity.
    Geodesic,
    /// The same, 1 at the clicks and falling to 0.
    ExponentialGeodesic,
    /// A Gaussian bump round each click.
    Gaussian,
    /// A ball round each click.
    Disk,
}

/// Writes the map.
///
/// # Errors
/// The image cannot be read, a click lies outside it, a parameter is out of range, or the map cannot be written.
pub fn run(args: &GuidanceArgs) -> anyhow::Result<()> {
    shared::check_output(&args.out, args.force)?;
    let volume = args.image.load()?;
    if !volume.grid().is_orthogonal() {
        bail!(
            "This image has a tilted gantry, along which distances cannot be measured axis by axis; resample it first"
        );
    }
    let points = points(args, &volume)?;
    let started = Instant::now();
    let spinner = shared::spinner("Measuring".to_owned());
    let map = map(args, &volume, &points);
    spinner.finish_and_clear();
    let map = map?;
    let took = started.elapsed().as_secs_f64();
    isochrone_export::write_map(&args.out, volume.grid(), map.view())?;
    let (low, high) = map.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
    println!("{}: {} clicks, {low} to {high}, {took:.1} s", args.out.display(), points.len());
    Ok(())
}

/// Voxels `[k, j, i]` of the clicks to draw.
fn points(args: &GuidanceArgs, volume: &Volume) -> anyhow::Result<Vec<[usize; 3]>> {
    let wanted = if args.negative { Polarity::Negative } else { Polarity::Positive };
    let mut points = Vec::new();
    for &click in &args.click {
        let [i, j, k] = Prompt::Click(click).place(volume, "")?.voxel;
        if click.polarity == wanted {
            points.push([k, j, i]);
        }
    }
    if points.is_empty() {
        let (has, flag) =
            if args.negative { ("positive", "leave out --negative") } else { ("negative", "add --negative") };
        bail!("Every click is {has}: {flag}, or give another click");
    }
    Ok(points)
}

fn map(args: &GuidanceArgs, volume: &Volume, points: &[[usize; 3]]) -> anyhow::Result<Array3<f32>> {
    let shape = volume.grid().shape();
    let [si, sj, sk] = volume.grid().spacing_mm().map(|s| s as f32);
    let spacing_mm = [sk, sj, si];
    let metric = Geodesic { spacing_mm, lambda: args.lambda, cutoff: args.cutoff_mm };
    let mut map = match args.kind {
        Kind::Euclidean => euclidean_distance(shape, points, spacing_mm)?,
        Kind::Geodesic => geodesic_distance(in_mm(args, volume)?.view(), points, &metric)?,
        Kind::ExponentialGeodesic => exponential_geodesic(in_mm(args, volume)?.view(), points, &metric, args.tau_mm)?,
        Kind::Gaussian => gaussian(shape, points, spacing_mm, args.sigma_mm)?,
        Kind::Disk => disk(shape, points, spacing_mm, args.radius_mm)?,
    };
    if let (Kind::Euclidean | Kind::Geodesic, Some(cutoff)) = (args.kind, args.cutoff_mm) {
        // Viewers do not like infinity: what lies beyond the cut-off gets the cut-off.
        map.mapv_inplace(|d| d.min(cutoff));
    }
    Ok(map)
}

/// The image in the geodesic distance's unit: one unit costs as much as a millimetre.
fn in_mm(args: &GuidanceArgs, volume: &Volume) -> anyhow::Result<Array3<f32>> {
    let mut values = volume.values(&VoxelBox::whole(volume.grid().size()));
    let per_mm = match args.intensity_per_mm {
        Some(v) if v > 0.0 && v.is_finite() => v,
        Some(v) => bail!("--intensity-per-mm must be above 0, not {v}"),
        None => robust_deviation(&values) / 15.0,
    };
    values.mapv_inplace(|v| v / per_mm);
    Ok(values)
}

/// Standard deviation between the 0.5th and 99.5th percentiles; 10 where it is 0.
fn robust_deviation(values: &Array3<f32>) -> f32 {
    // Percentiles of a million voxels are those of the image, near enough.
    let stride = (values.len() >> 20).max(1);
    let mut some: Vec<f32> = values.iter().step_by(stride).copied().filter(|v| v.is_finite()).collect();
    some.sort_unstable_by(f32::total_cmp);
    let cut = some.len() / 200;
    let middle = some.get(cut..some.len() - cut).unwrap_or_default();
    let n = middle.len().max(1) as f64;
    let mean = middle.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let variance = middle.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
    if variance > 0.0 { variance.sqrt() as f32 } else { 10.0 }
}
