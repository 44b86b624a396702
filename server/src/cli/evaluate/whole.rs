//! What the network says of the whole volume before the first click.

use super::{Played, Table, report};
use anyhow::Context;
use isochrone_robot::{dice, missed_voxels};
use isochrone_volume::resample;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Instant;

/// Probability from which on a voxel is part of the prediction without a click.
const THRESHOLD: f32 = 0.5;

/// One volume.
pub(super) struct Whole {
    /// Dice@0.
    pub dice: f64,
    /// Predicted parts that share nothing with the truth (FPV), and parts of the truth that were not found (FNV), mL.
    pub false_positive_ml: f64,
    pub false_negative_ml: f64,
    /// All that is predicted: parts that merge with a lesion hide in it.
    pub predicted_ml: f64,
    pub truth_ml: f64,
    pub working_spacing_mm: f64,
    /// Windows that were worked, and those that held only air.
    pub windows: [usize; 2],
    pub ms: f64,
}

/// Looks the volume over as the server does in the background.
pub(super) fn look(table: &Table<'_>) -> anyhow::Result<Whole> {
    let (session, _) = table.session()?;
    let started = Instant::now();
    let found = session.sweep_job(usize::from(table.args.samples))?.run(&mut |_, _| {})?;
    let ms = started.elapsed().as_secs_f64() * 1000.0;
    let (grid, map) = found.prediction.as_ref().context("the engine made no prediction")?;
    let on_truth = resample::to_grid(map.view(), grid, table.truth.grid().as_ref(), 0.0);
    let (ours, truth) = (on_truth.mapv(|p| p >= THRESHOLD), table.truth.voxels().view());
    let voxel_ml = table.truth.grid().spacing_mm().into_iter().product::<f64>() / 1000.0;
    let ml = |set: usize| set as f64 * voxel_ml;
    Ok(Whole {
        dice: dice(ours.view(), truth)?.unwrap_or(f64::NAN),
        false_positive_ml: ml(missed_voxels(ours.view(), truth)?),
        false_negative_ml: ml(missed_voxels(truth, ours.view())?),
        predicted_ml: ml(ours.iter().filter(|v| **v).count()),
        truth_ml: ml(truth.iter().filter(|v| **v).count()),
        working_spacing_mm: found.working_spacing_mm,
        windows: found.windows,
        ms,
    })
}

/// `sweep.csv`.
pub(super) fn csv(played: &[Played]) -> String {
    let mut out = String::from(
        "case,modality,dice,false_positive_ml,false_negative_ml,predicted_ml,truth_ml,windows,empty_windows,\
         working_spacing_mm,ms\n",
    );
    for (case, w) in found(played) {
        let [worked, empty] = w.windows;
        // Writing into a String cannot fail.
        let _ = writeln!(
            out,
            "{},{},{:.5},{:.2},{:.2},{:.2},{:.2},{worked},{empty},{:.3},{:.0}",
            case.name,
            case.modality,
            w.dice,
            w.false_positive_ml,
            w.false_negative_ml,
            w.predicted_ml,
            w.truth_ml,
            w.working_spacing_mm,
            w.ms
        );
    }
    out
}

/// The table that is printed; empty if no volume was looked over.
pub(super) fn table(played: &[Played]) -> String {
    let rows = means(played);
    let mut out = String::new();
    if rows.is_empty() {
        return out;
    }
    let _ = writeln!(
        out,
        "\n{:<9}{:>6}{:>8}{:>20}{:>20}{:>14}{:>10}",
        "sweep", "cases", "Dice@0", "false positive mL", "false negative mL", "predicted mL", "truth mL"
    );
    for (modality, cases, [dice, positive, negative, predicted, truth]) in rows {
        let _ = writeln!(
            out,
            "{modality:<9}{cases:>6}{dice:>8.3}{positive:>20.1}{negative:>20.1}{predicted:>14.1}{truth:>10.1}"
        );
    }
    out
}

/// For `summary.json`.
pub(super) fn json(played: &[Played]) -> Value {
    let row = |(modality, cases, [dice, positive, negative, predicted, truth]): (&str, usize, [f64; 5])| {
        json!({
            "modality": modality, "cases": cases, "dice": dice, "false_positive_ml": positive,
            "false_negative_ml": negative, "predicted_ml": predicted, "truth_ml": truth,
        })
    };
    means(played).into_iter().map(row).collect()
}

fn found(played: &[Played]) -> impl Iterator<Item = (&Played, &Whole)> {
    played.iter().filter_map(|case| Some((case, case.whole.as_ref()?)))
}

/// Means by modality of Dice@0, FPV, FNV, predicted and true volume, and how many cases they are of.
fn means(played: &[Played]) -> Vec<(&str, usize, [f64; 5])> {
    let of = |cases: &[&Played]| {
        let values = |value: fn(&Whole) -> f64| {
            report::mean(cases.iter().filter_map(|c| c.whole.as_ref()).map(value).filter(|v| v.is_finite()))
        };
        [
            values(|w| w.dice),
            values(|w| w.false_positive_ml),
            values(|w| w.false_negative_ml),
            values(|w| w.predicted_ml),
            values(|w| w.truth_ml),
        ]
    };
    if found(played).next().is_none() {
        return Vec::new();
    }
    report::groups(played).into_iter().map(|(modality, cases)| (modality, cases.len(), of(&cases))).collect()
}
