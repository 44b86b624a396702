//! `isochrone measure`: what a mask measures on an image.

use super::series::ImageArgs;
use super::shared;
use anyhow::Context;
use clap::Args;
use isochrone_measure::Measures;
use isochrone_volume::{Mask, Quantity, Volume, VoxelBox};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Volume, values, and of PET in SUV the peak, the metabolic tumour volume (MTV) and the lesion glycolysis (TLG),
/// of every label and of all together.
#[derive(Debug, Args)]
pub struct MeasureArgs {
    #[command(flatten)]
    image: ImageArgs,
    /// Label map on the image's grid: every value but 0 is a label.
    #[arg(long)]
    mask: PathBuf,
    /// Machine-readable.
    #[arg(long)]
    json: bool,
}

/// Prints the measures.
///
/// # Errors
/// Image or mask cannot be read, or do not lie on one grid.
pub fn run(args: &MeasureArgs) -> anyhow::Result<()> {
    let volume = args.image.load()?;
    let labels = labels(&args.image.file(&args.mask).load()?, &volume)?;
    let mut found = Vec::new();
    for (label, mask) in &labels {
        if let Some(measures) = isochrone_measure::measure(&volume, mask)? {
            found.push((*label, measures));
        }
    }
    let masks: Vec<&Mask> = labels.iter().map(|(_, mask)| mask).collect();
    let total = isochrone_measure::total(&volume, &masks)?;
    let mut report = if args.json {
        let labels: Vec<Value> = found.iter().map(|(label, m)| as_json(Some(*label), m)).collect();
        let total = total.as_ref().map(|m| as_json(None, m));
        serde_json::to_string_pretty(&json!({
            "quantity": unit(volume.quantity()), "inferred": volume.origin().inferred,
            "warnings": volume.origin().warnings, "labels": labels, "total": total,
        }))?
    } else {
        as_text(&volume, &found, total.as_ref())
    };
    report.push('\n');
    Ok(shared::print(&report)?)
}

/// The masks of a label map that lies on the image's grid.
///
/// # Errors
/// Another grid, values that are no labels, or more labels than there can be.
pub fn labels(map: &Volume, image: &Volume) -> anyhow::Result<Vec<(u16, Mask)>> {
    let (ours, theirs) = (image.grid(), map.grid());
    let [i, j, k] = ours.size().map(|n| n - 1);
    // Formats keep geometry to different digits.
    let near = |voxel| ours.centre_mm(voxel).distance(theirs.centre_mm(voxel)) < 1e-2;
    let fits =
        ours.size() == theirs.size() && [[0; 3], [i, 0, 0], [0, j, 0], [0, 0, k], [i, j, k]].into_iter().all(near);
    anyhow::ensure!(
        fits,
        "The mask does not lie on the image's grid (size, spacing, origin or direction differ). Resample it onto the image first"
    );
    let values = map.values(&VoxelBox::whole(map.grid().size()));
    let mut seen = BTreeSet::new();
    let mut last = 0.0;
    for &v in &values {
        if v != last {
            anyhow::ensure!(
                (0.0..=65_535.0).contains(&v) && v.fract() == 0.0,
                "The mask holds the value {v}, which is no label: labels are whole numbers from 1 to 65535"
            );
            seen.insert(v as u16);
            last = v;
        }
    }
    seen.remove(&0);
    anyhow::ensure!(
        seen.len() <= 1024,
        "The mask holds {} different values: it is an image, not a label map",
        seen.len()
    );
    let one = |label: u16| {
        let mask = Mask::new(ours.clone(), values.mapv(|v| v == f32::from(label)));
        Ok((label, mask.context("The mask could not be made")?))
    };
    seen.into_iter().map(one).collect()
}

fn as_json(label: Option<u16>, m: &Measures) -> Value {
    json!({
        "label": label, "voxels": m.voxels, "volume_ml": m.volume_ml, "lesions": m.lesions, "min": m.min, "max": m.max,
        "max_lps_mm": m.max_lps_mm.to_array(), "mean": m.mean, "standard_deviation": m.deviation, "peak": m.peak,
        "tlg_g": m.glycolysis,
    })
}

fn as_text(volume: &Volume, found: &[(u16, Measures)], total: Option<&Measures>) -> String {
    let suv = volume.quantity() == Quantity::SuvBw;
    let inferred = if volume.origin().inferred { ", inferred from the image (--modality says better)" } else { "" };
    let mut lines = vec![format!("values are {}{inferred}", unit(volume.quantity()))];
    lines.extend(volume.origin().warnings.iter().map(|w| format!("warning: {w}")));
    let volume_name = if suv { "MTV mL" } else { "mL" };
    let mut head = format!(
        "{:<7}{:>12}{:>9}{:>12}{:>12}{:>12}{:>12}",
        "label", volume_name, "lesions", "max", "mean", "min", "sd"
    );
    if suv {
        head.push_str(&format!("{:>12}{:>12}", "peak", "TLG g"));
    }
    lines.push(head);
    let rows = found.iter().map(|(label, m)| (label.to_string(), m));
    for (name, m) in rows.chain(total.map(|m| ("all".to_owned(), m))) {
        let mut row = format!(
            "{name:<7}{:>12.3}{:>9}{:>12.4}{:>12.4}{:>12.4}{:>12.4}",
            m.volume_ml, m.lesions, m.max, m.mean, m.min, m.deviation
        );
        for value in [m.peak, m.glycolysis].into_iter().flatten() {
            row.push_str(&format!("{value:>12.4}"));
        }
        lines.push(row);
    }
    if total.is_none() {
        lines.push("no voxel is set in the mask".to_owned());
    }
    lines.join("\n")
}

fn unit(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Hounsfield => "Hounsfield units",
        Quantity::SuvBw => "SUV by body weight (g/mL)",
        Quantity::Arbitrary => "arbitrary units",
    }
}
