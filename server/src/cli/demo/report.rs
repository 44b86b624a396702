//! What the demo prints and writes down.

use super::case::Case;
use super::play::{Turn, Way, dice_after};
use crate::cli::info::hex;
use crate::cli::shared::plane;
use crate::client::Slice;
use isochrone_prompt::Polarity;
use isochrone_volume::{Axis, Grid};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Clicks whose Dice goes into the summary.
pub const AFTER: [usize; 4] = [1, 3, 5, 10];

/// All that was played on one lesion.
pub struct Played {
    /// The lesion.
    pub case: Case,
    /// The reader who follows the proposals.
    pub proposed: Vec<Turn>,
    /// Readers of random slices.
    pub random: Vec<Vec<Turn>>,
    /// The reader who sees the whole volume, by engine.
    pub anywhere: Vec<(String, Vec<Turn>)>,
    /// What the picture needs, see `figure`.
    pub figure: Value,
}

/// Heading of the table of clicks.
pub fn heading() -> String {
    format!(
        "  {:>5}  {:<14} {:>6}  {:<28} {:>6}  {:>8}  {:>8}  {:>14}\n",
        "click", "slice", "looked", "at, LPS mm", "Dice", "mL", "mask ms", "uncertainty ms"
    )
}

/// One line of the table of clicks.
pub fn line(grid: &Grid, turn: &Turn) -> String {
    let place = turn.click.position_lps_mm;
    let sign = sign(turn);
    let slice = turn.slice.map_or_else(|| "lesion centre".to_owned(), |s| slice_name(grid, &s));
    let at = format!("{sign} ({:.1}, {:.1}, {:.1})", place.x, place.y, place.z);
    let looked = if turn.looked_at == 0 { String::new() } else { turn.looked_at.to_string() };
    let uncertainty = turn.answer.proposal_ms.map_or_else(String::new, |ms| format!("{ms:.0}"));
    format!(
        "  {:>5}  {slice:<14} {looked:>6}  {at:<28} {:>6.3}  {:>8.2}  {:>8.0}  {uncertainty:>14}\n",
        turn.number, turn.dice, turn.volume_ml, turn.answer.mask_ms
    )
}

/// Dice after 1, 3, 5 and 10 clicks, by lesion and reader.
pub fn summary(all: &[Played], clicks: usize) -> String {
    let mut text = String::new();
    let after: Vec<usize> = AFTER.into_iter().filter(|&n| n <= clicks).collect();
    let heads: String = after.iter().map(|n| format!("{:>8}", format!("@{n}"))).collect();
    // Writing into a String cannot fail.
    let _ = writeln!(text, "  {:<18} {:<44}{heads}", "Dice", "reader, engine");
    for played in all {
        let mut row = |reader: &str, scores: &[f64]| {
            let cells: String = scores.iter().map(|d| format!("{d:>8.3}")).collect();
            let _ = writeln!(text, "  {:<18} {reader:<44}{cells}", played.case.name);
        };
        let scores = |turns: &[Turn]| after.iter().map(|&n| dice_after(turns, n)).collect::<Vec<_>>();
        row("proposed slices, network", &scores(&played.proposed));
        if !played.random.is_empty() {
            let runs = played.random.len() as f64;
            let mean = |n: usize| played.random.iter().map(|t| dice_after(t, n)).sum::<f64>() / runs;
            let means: Vec<f64> = after.iter().map(|&n| mean(n)).collect();
            row(&format!("random slices (mean of {runs}), network"), &means);
        }
        for (engine, turns) in &played.anywhere {
            row(&format!("largest error of the volume, {engine}"), &scores(turns));
        }
    }
    text
}

/// `clicks.csv`: one line a click of every reader.
pub fn csv(all: &[Played]) -> String {
    let mut text = String::from(
        "case,engine,reader,seed,click,looked_at,axis,index,plane,x_mm,y_mm,z_mm,polarity,dice,volume_ml,mask_ms,server_mask_ms,uncertainty_ms,delta_bytes,working_spacing_mm,mask_sha256\n",
    );
    for played in all {
        let grid = played.case.truth.grid();
        let mut rows = |engine: &str, way: Way, turns: &[Turn]| {
            for t in turns {
                let p = t.click.position_lps_mm;
                let seed = if let Way::Random(seed) = way { seed.to_string() } else { String::new() };
                let slice = t.slice.map_or_else(
                    || ",,".to_owned(),
                    |s| format!("{:?},{},{}", s.axis, s.index, plane(grid, s.axis)).to_lowercase(),
                );
                let _ = writeln!(
                    text,
                    "{},{engine},{},{seed},{},{},{slice},{:.4},{:.4},{:.4},{},{:.6},{:.4},{:.2},{:.2},{},{},{:.4},{}",
                    played.case.name,
                    way.name(),
                    t.number,
                    t.looked_at,
                    p.x,
                    p.y,
                    p.z,
                    sign(t),
                    t.dice,
                    t.volume_ml,
                    t.answer.mask_ms,
                    t.answer.server_mask_ms,
                    t.answer.proposal_ms.map_or_else(String::new, |ms| format!("{ms:.2}")),
                    t.answer.delta_bytes,
                    t.answer.working_spacing_mm,
                    hex(&t.digest)
                );
            }
        };
        rows("network", Way::Proposed, &played.proposed);
        for (seed, turns) in (0..).zip(&played.random) {
            rows("network", Way::Random(seed), turns);
        }
        for (engine, turns) in &played.anywhere {
            rows(engine, Way::Anywhere, turns);
        }
    }
    text
}

/// One lesion of `demo.json`.
pub fn as_json(played: &Played) -> Value {
    let grid = played.case.truth.grid();
    let dice = |turns: &[Turn]| turns.iter().map(|t| t.dice).collect::<Vec<_>>();
    let turn = |t: &Turn| {
        json!({
            "click": t.number,
            "slice": t.slice.map(|s| slice_json(grid, &s)),
            "looked_at": t.looked_at,
            "lps_mm": t.click.position_lps_mm.to_array(),
            "voxel": grid.voxel_at(t.click.position_lps_mm),
            "positive": t.click.polarity == Polarity::Positive,
            "dice": t.dice,
            "volume_ml": t.volume_ml,
            "mask_ms": t.answer.mask_ms,
            "uncertainty_ms": t.answer.proposal_ms,
            "band_mean_nats": t.answer.band_mean,
            "proposals": t.answer.proposals.iter().map(|s| slice_json(grid, s)).collect::<Vec<_>>(),
        })
    };
    json!({
        "name": played.case.name,
        "title": played.case.title,
        "modality": played.case.modality.code(),
        "image": played.case.image,
        "truth": played.case.truth_file,
        "planes": Axis::ALL.map(|a| (format!("{a:?}").to_lowercase(), plane(grid, a))).into_iter().collect::<BTreeMap<_, _>>(),
        "truth_ml": played.case.truth.volume_ml(),
        "proposed": played.proposed.iter().map(turn).collect::<Vec<_>>(),
        "random_dice": played.random.iter().map(|t| dice(t)).collect::<Vec<_>>(),
        "anywhere_dice": played.anywhere.iter().map(|(e, t)| (e.as_str(), dice(t))).collect::<BTreeMap<_, _>>(),
        "figure": played.figure,
    })
}

fn slice_json(grid: &Grid, s: &Slice) -> Value {
    json!({
        "axis": format!("{:?}", s.axis).to_lowercase(),
        "index": s.index,
        "plane": plane(grid, s.axis),
        "score": s.score,
        "spot_lps_mm": s.spot.map(|p| p.to_array()),
    })
}

fn slice_name(grid: &Grid, slice: &Slice) -> String {
    let axis = format!("{:?}", slice.axis).to_lowercase();
    format!("{} {axis}={}", plane(grid, slice.axis), slice.index)
}

fn sign(turn: &Turn) -> char {
    match turn.click.polarity {
        Polarity::Positive => '+',
        Polarity::Negative => '-',
    }
}
