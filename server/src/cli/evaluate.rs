//! `isochrone evaluate`: a simulated reader over many cases, through the server's own session code.

use super::cases::{self, Case};
use super::engine::EngineArgs;
use super::shared;
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use isochrone_prompt::{Click, Polarity, Prompt};
use isochrone_robot::{centre_click, consistent_improvement, dice, iou};
use isochrone_segment::{Channel, Segmenter};
use isochrone_session::{Session, SessionLimits};
use isochrone_volume::{Mask, Volume};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Clicks after which the printed table gives the mean Dice.
const COUNTS: [usize; 4] = [1, 3, 5, 10];

/// Plays a simulated reader over labelled cases and writes what came of every click.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Folder of cases: `CASE/image.nii.gz` and `CASE/mask.nii.gz`, or `CASE_image.nrrd` and `CASE_label.nrrd`.
    #[arg(long)]
    cases: PathBuf,
    /// Only cases whose name begins so; can be repeated.
    #[arg(long, value_name = "PREFIX")]
    only: Vec<String>,
    /// Who clicks.
    #[arg(long, value_enum, default_value_t = Reader::Centre)]
    reader: Reader,
    /// Clicks a case.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    clicks: u16,
    #[command(flatten)]
    engine: EngineArgs,
    /// Where `clicks.csv` and `summary.json` go.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Reader {
    /// The middle of the largest mistake (R1).
    Centre,
}

/// What came of one click.
struct Row {
    click: usize,
    polarity: Polarity,
    dice: f64,
    iou: f64,
    mask_ms: f64,
    spacing_mm: f64,
}

struct Played {
    name: String,
    modality: &'static str,
    rows: Vec<Row>,
}

/// Plays all cases, writes the files and prints the table.
///
/// # Errors
/// No case, an engine that cannot be loaded, a case that cannot be read or segmented.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<()> {
    let found = cases::find(&args.cases, &args.only)?;
    if found.is_empty() {
        bail!("{} holds no case: a case is a folder with image.nii.gz and mask.nii.gz", args.cases.display());
    }
    let engine = args.engine.load()?;
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    let bar = shared::bar(found.len() as u64, "Cases".to_owned());
    let played: anyhow::Result<Vec<Played>> = found
        .par_iter()
        .map(|case| {
            let played = play(case, &engine, args).with_context(|| format!("case {}", case.name));
            bar.inc(1);
            played
        })
        .collect();
    bar.finish_and_clear();
    let played = played?;
    std::fs::write(args.out.join("clicks.csv"), csv(&played))?;
    let summary = summary(&played);
    std::fs::write(args.out.join("summary.json"), serde_json::to_string_pretty(&summary)?)?;
    shared::print(&table(&played))?;
    Ok(())
}

fn play(case: &Case, engine: &Arc<dyn Segmenter>, args: &EvaluateArgs) -> anyhow::Result<Played> {
    let Reader::Centre = args.reader;
    let (volume, truth) = case.read()?;
    let volume = Arc::new(volume);
    let channels = [Channel { volume: volume.clone() }];
    let engine = args.engine.for_session(engine, &channels)?;
    let mut session = Session::open(engine, &channels, 0, SessionLimits::default())?;
    let label = session.add_label("lesion")?.label.context("The session gave the label no number")?;
    let mut rows: Vec<Row> = Vec::new();
    for click in 1..=usize::from(args.clicks) {
        let (mask, _) = session.mask(label)?;
        let before = (click > 1).then(|| mask.voxels().view());
        let Some((prompt, polarity)) = next_prompt(before, &truth, &volume)? else { break };
        let started = Instant::now();
        let update = session.add_prompts(label, vec![prompt], "")?;
        let mask_ms = started.elapsed().as_secs_f64() * 1000.0;
        let (mask, _) = session.mask(label)?;
        let score = |of: Option<f64>| of.unwrap_or(f64::NAN);
        rows.push(Row {
            click,
            polarity,
            dice: score(dice(mask.voxels().view(), truth.voxels().view())?),
            iou: score(iou(mask.voxels().view(), truth.voxels().view())?),
            mask_ms,
            spacing_mm: update.spacing_mm.unwrap_or_default(),
        });
    }
    Ok(Played { name: case.name.clone(), modality: volume.modality().code(), rows })
}

fn next_prompt(
    before: Option<ndarray::ArrayView3<'_, bool>>,
    truth: &Mask,
    volume: &Volume,
) -> anyhow::Result<Option<(Prompt, Polarity)>> {
    let [si, sj, sk] = volume.grid().spacing_mm().map(|s| s as f32);
    let Some(found) = centre_click(before, truth.voxels().view(), [sk, sj, si])? else { return Ok(None) };
    let [k, j, i] = found.voxel_kji;
    let polarity = if found.positive { Polarity::Positive } else { Polarity::Negative };
    let position_lps_mm = volume.grid().centre_mm([i, j, k]);
    Ok(Some((Prompt::Click(Click { position_lps_mm, polarity }), polarity)))
}

impl Played {
    /// Dice after `clicks`; a reader who had nothing left to correct keeps the last value.
    fn dice_after(&self, clicks: usize) -> f64 {
        self.rows.iter().take(clicks).next_back().map_or(f64::NAN, |row| row.dice)
    }
}

fn csv(played: &[Played]) -> String {
    let mut out = String::from("case,modality,click,polarity,dice,iou,mask_ms,working_spacing_mm\n");
    for case in played {
        for row in &case.rows {
            let sign = if row.polarity == Polarity::Positive { '+' } else { '-' };
            let Row { click, dice, iou, mask_ms, spacing_mm, .. } = row;
            let (name, modality) = (&case.name, case.modality);
            // Writing into a String cannot fail.
            let _ = writeln!(out, "{name},{modality},{click},{sign},{dice:.5},{iou:.5},{mask_ms:.1},{spacing_mm:.3}");
        }
    }
    out
}

/// Cases by modality, and all of them together if there is more than one kind.
fn groups(played: &[Played]) -> Vec<(&str, Vec<&Played>)> {
    let mut by_modality: BTreeMap<&str, Vec<&Played>> = BTreeMap::new();
    for case in played {
        by_modality.entry(case.modality).or_default().push(case);
    }
    let several = by_modality.len() > 1;
    let mut groups: Vec<_> = by_modality.into_iter().collect();
    if several {
        groups.push(("all", played.iter().collect()));
    }
    groups
}

fn mean_dice(cases: &[&Played], clicks: usize) -> f64 {
    cases.iter().map(|c| c.dice_after(clicks)).sum::<f64>() / cases.len() as f64
}

/// Share of clicks that made the Dice strictly better, in percent; the state before the first click is 0.
fn improving(cases: &[&Played]) -> f64 {
    let clicks: usize = cases.iter().map(|c| c.rows.len()).sum();
    let better: f64 = cases
        .iter()
        .filter_map(|c| {
            let series: Vec<f64> = std::iter::once(0.0).chain(c.rows.iter().map(|r| r.dice)).collect();
            consistent_improvement(&series).map(|share| share / 100.0 * c.rows.len() as f64)
        })
        .sum();
    100.0 * better / clicks as f64
}

fn median_ms(cases: &[&Played]) -> f64 {
    let mut ms: Vec<f64> = cases.iter().flat_map(|c| c.rows.iter().map(|r| r.mask_ms)).collect();
    ms.sort_by(f64::total_cmp);
    ms.get(ms.len() / 2).copied().unwrap_or(f64::NAN)
}

fn summary(played: &[Played]) -> serde_json::Value {
    let groups = groups(played).into_iter().map(|(modality, cases)| {
        let dice: serde_json::Map<_, _> =
            COUNTS.iter().map(|&n| (n.to_string(), mean_dice(&cases, n).into())).collect();
        serde_json::json!({
            "modality": modality, "cases": cases.len(), "dice": dice,
            "consistent_improvement_percent": improving(&cases), "median_mask_ms": median_ms(&cases),
        })
    });
    let names: Vec<&str> = played.iter().map(|c| c.name.as_str()).collect();
    serde_json::json!({ "cases": names, "by_modality": groups.collect::<Vec<_>>() })
}

fn table(played: &[Played]) -> String {
    let mut out = String::from("modality  cases  Dice@1  Dice@3  Dice@5 Dice@10    CI %  mask ms\n");
    for (modality, cases) in groups(played) {
        let _ = write!(out, "{modality:<8}  {:>5}", cases.len());
        for n in COUNTS {
            let _ = write!(out, "  {:>6.3}", mean_dice(&cases, n));
        }
        let _ = writeln!(out, "  {:>6.1}  {:>7.0}", improving(&cases), median_ms(&cases));
    }
    out
}
