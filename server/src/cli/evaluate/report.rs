//! What is written and printed of an evaluation.

use super::reliability::{Look, MEASURES};
use super::slices::Walk;
use super::{EvaluateArgs, Played, groups as by_group, whole};
use crate::cli::cases::About;
use crate::cli::shared;
use isochrone_robot::{Calibration, consistent_improvement, noc_at};
use isochrone_segment::EngineDescription;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Clicks after which tables give the mean Dice.
const COUNTS: [usize; 4] = [1, 3, 5, 10];
/// Dice that a case should reach, per cent.
const TARGETS: [u32; 3] = [80, 85, 90];

/// Every file by its name.
pub(super) fn files(
    played: &[Played],
    engine: &EngineDescription,
    args: &EvaluateArgs,
) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut files = vec![
        ("clicks.csv", clicks(played)),
        ("summary.json", serde_json::to_string_pretty(&summary(played, engine, args))?),
    ];
    if played.iter().any(|c| !c.looks.is_empty()) {
        files.push(("uncertainty.csv", uncertainty(played)));
    }
    if played.iter().any(|c| !c.slices.is_empty()) {
        files.push(("slices.csv", slices(played)));
    }
    if played.iter().any(|c| c.whole.is_some()) {
        files.push(("sweep.csv", whole::csv(played)));
    }
    Ok(files)
}

// Writing into a String cannot fail.

fn clicks(played: &[Played]) -> String {
    let mut out =
        String::from("case,modality,click,polarity,i,j,k,dice,iou,mask_ms,uncertainty_ms,working_spacing_mm,");
    out.push_str("group,patient,volume,honoured\n");
    for case in played {
        let About { group, patient, volume, .. } = &case.about;
        for row in &case.clicks {
            let sign = if row.positive { '+' } else { '-' };
            let [i, j, k] = row.voxel;
            let uncertainty = row.uncertainty_ms.map(|ms| format!("{ms:.1}")).unwrap_or_default();
            let _ = writeln!(
                out,
                "{},{},{},{sign},{i},{j},{k},{:.5},{:.5},{:.1},{uncertainty},{:.3},{group},{patient},{volume},{}",
                case.name, case.modality, row.click, row.dice, row.iou, row.mask_ms, row.spacing_mm, row.honoured.0
            );
        }
    }
    out
}

fn uncertainty(played: &[Played]) -> String {
    let names: Vec<String> = MEASURES.iter().map(|(_, name)| format!("auroc_{name}")).collect();
    let mut out = format!("case,modality,click,estimator,voxels,wrong,{},ece,ms\n", names.join(","));
    let number = |v: Option<f64>| v.map(|v| format!("{v:.4}")).unwrap_or_default();
    for case in played {
        for look in &case.looks {
            let Look { click, estimator, voxels, wrong, ms, calibration, .. } = look;
            let values: Vec<String> = look.auroc.iter().copied().map(number).collect();
            let (name, modality, values, ece) =
                (&case.name, &case.modality, values.join(","), number(calibration.error()));
            let _ = writeln!(out, "{name},{modality},{click},{estimator},{voxels},{wrong},{values},{ece},{ms:.1}");
        }
    }
    out
}

fn slices(played: &[Played]) -> String {
    let mut out = String::from("case,modality,way,walk,slice,axis,index,share_of_worst,dice\n");
    for case in played {
        for (n, walk) in case.slices.iter().enumerate() {
            let (name, modality, way) = (&case.name, &case.modality, walk.way.name());
            let _ = writeln!(out, "{name},{modality},{way},{n},0,,,,{:.5}", walk.first);
            for (turn, t) in (1..).zip(&walk.turns) {
                let slice = t.slice.map_or_else(
                    || ",".to_owned(),
                    |s| format!("{},{}", format!("{:?}", s.axis).to_lowercase(), s.index),
                );
                let _ =
                    writeln!(out, "{name},{modality},{way},{n},{turn},{slice},{:.4},{:.5}", t.share_of_worst, t.dice);
            }
        }
    }
    out
}

/// Cases by modality, and all of them together if there is more than one kind.
pub(super) fn groups(played: &[Played]) -> Vec<(&str, Vec<&Played>)> {
    let mut by_modality: BTreeMap<&str, Vec<&Played>> = BTreeMap::new();
    for case in played {
        by_modality.entry(&case.modality).or_default().push(case);
    }
    let several = by_modality.len() > 1;
    let mut groups: Vec<_> = by_modality.into_iter().collect();
    if several {
        groups.push(("all", played.iter().collect()));
    }
    groups
}

pub(super) fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = values.into_iter().fold((0.0, 0usize), |(sum, n), v| (sum + v, n + 1));
    sum / count as f64
}

impl Played {
    fn dice(&self) -> Vec<f64> {
        self.clicks.iter().map(|row| row.dice).collect()
    }

    /// Dice after so many clicks; a reader who had nothing left to correct keeps the last value.
    fn dice_after(&self, clicks: usize) -> f64 {
        self.clicks.iter().take(clicks).next_back().map_or(f64::NAN, |row| row.dice)
    }
}

/// Shares of clicks that made the Dice better, left it, made it worse, in percent; before the first click it is 0.
fn steps(cases: &[&Played]) -> [f64; 3] {
    let (mut better, mut same, mut clicks) = (0.0, 0.0, 0.0);
    for case in cases {
        let series: Vec<f64> = std::iter::once(0.0).chain(case.dice()).collect();
        let count = case.clicks.len() as f64;
        better += consistent_improvement(&series).unwrap_or_default() / 100.0 * count;
        same += series.iter().zip(series.iter().skip(1)).filter(|(a, b)| a == b).count() as f64;
        clicks += count;
    }
    [better, same, clicks - better - same].map(|n| 100.0 * n / clicks)
}

/// Clicks that are as they said after any later click, in percent of all such looks.
fn honoured(played: &[Played]) -> f64 {
    let looks = played.iter().flat_map(|c| &c.clicks).map(|row| row.honoured);
    let (kept, all) = looks.fold((0, 0), |(kept, all), (k, a)| (kept + k, all + a));
    100.0 * kept as f64 / all as f64
}

fn median_ms(cases: &[&Played]) -> f64 {
    shared::median(&mut cases.iter().flat_map(|c| c.clicks.iter().map(|r| r.mask_ms)).collect::<Vec<_>>())
}

/// Mean number of clicks to a Dice of `percent`, and how many cases never reached it; the limit counts for these.
fn clicks_to(cases: &[&Played], percent: u32, limit: usize) -> (f64, usize) {
    let found: Vec<_> = cases.iter().map(|c| noc_at(&c.dice(), f64::from(percent) / 100.0, limit)).collect();
    (mean(found.iter().map(|n| n.clicks as f64)), found.iter().filter(|n| !n.reached).count())
}

fn summary(played: &[Played], engine: &EngineDescription, args: &EvaluateArgs) -> Value {
    let limit = usize::from(args.clicks);
    let by_modality = groups(played).into_iter().map(|(modality, cases)| {
        let dice: serde_json::Map<_, _> =
            (1..=limit).map(|n| (n.to_string(), mean(cases.iter().map(|c| c.dice_after(n))).into())).collect();
        let noc: serde_json::Map<_, _> = TARGETS
            .iter()
            .map(|&t| {
                let (clicks, missed) = clicks_to(&cases, t, limit);
                (t.to_string(), json!({ "clicks": clicks, "never": missed }))
            })
            .collect();
        let [better, same, worse] = steps(&cases);
        json!({
            "modality": modality, "cases": cases.len(), "dice": dice, "noc": noc,
            "consistent_improvement_percent": better, "unchanged_percent": same, "worse_percent": worse,
            "median_mask_ms": median_ms(&cases),
        })
    });
    json!({
        "sweep": whole::json(played),
        "engine": engine.name, "model": engine.model, "model_digest": engine.model_digest, "device": engine.device,
        "reader": args.reader.name(), "clicks": limit, "seed": args.seed, "samples": args.samples,
        "cases": played.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        "by_modality": by_modality.collect::<Vec<_>>(),
        "by_group": by_group::json(&by_group::lines(played)),
        "honoured_percent": honoured(played),
        "uncertainty": reliability(played).iter().map(Reliability::json).collect::<Vec<_>>(),
        "proposal": gains(played).iter().map(|(modality, gain)| gain.json(modality)).collect::<Vec<_>>(),
    })
}

/// Means over cases of one estimator after one click.
struct Reliability {
    estimator: &'static str,
    click: usize,
    auroc: [f64; MEASURES.len()],
    /// The cases' mean, and over the voxels of all of them together.
    ece: f64,
    ece_together: f64,
    ms: f64,
    cases: usize,
}

impl Reliability {
    fn json(&self) -> Value {
        let auroc: serde_json::Map<_, _> =
            MEASURES.iter().zip(self.auroc).map(|((_, name), v)| ((*name).to_owned(), v.into())).collect();
        json!({
            "estimator": self.estimator, "click": self.click, "cases": self.cases, "auroc": auroc, "ece": self.ece,
            "ece_together": self.ece_together, "median_ms": self.ms,
        })
    }
}

fn reliability(played: &[Played]) -> Vec<Reliability> {
    let mut looks: BTreeMap<(&'static str, usize), Vec<&Look>> = BTreeMap::new();
    for look in played.iter().flat_map(|c| &c.looks) {
        looks.entry((look.estimator, look.click)).or_default().push(look);
    }
    let of = |looks: &[&Look], n: usize| mean(looks.iter().filter_map(|l| l.auroc.get(n).copied().flatten()));
    let rows = looks.into_iter().map(|((estimator, click), looks)| Reliability {
        estimator,
        click,
        auroc: std::array::from_fn(|n| of(&looks, n)),
        ece: mean(looks.iter().filter_map(|l| l.calibration.error())),
        ece_together: Calibration::together(looks.iter().map(|l| &l.calibration)).error().unwrap_or(f64::NAN),
        ms: shared::median(&mut looks.iter().map(|l| l.ms).collect::<Vec<_>>()),
        cases: looks.len(),
    });
    rows.collect()
}

/// Mean Dice gained over the slices shown, by who chose them.
struct Gains {
    cases: usize,
    proposed: f64,
    random: f64,
    oracle: f64,
    /// Area of errors on the proposed slices over that on the worst, and on random ones.
    share: f64,
    random_share: f64,
}

impl Gains {
    fn of(cases: &[&Played]) -> Self {
        let walks = |name: &'static str| cases.iter().flat_map(|c| &c.slices).filter(move |w| w.way.name() == name);
        let gain = |name| mean(walks(name).map(Walk::gain));
        let share = |name| mean(walks(name).flat_map(|w| w.turns.iter().map(|t| t.share_of_worst)));
        Self {
            cases: cases.len(),
            proposed: gain("proposed"),
            random: gain("random"),
            oracle: gain("oracle"),
            share: share("proposed"),
            random_share: share("random"),
        }
    }

    fn json(&self, modality: &str) -> Value {
        json!({
            "modality": modality, "cases": self.cases, "gain_proposed": self.proposed, "gain_random": self.random,
            "gain_oracle": self.oracle, "proposed_over_random": self.proposed / self.random,
            "proposed_over_oracle": self.proposed / self.oracle, "share_of_worst": self.share,
            "share_of_worst_random": self.random_share,
        })
    }
}

fn gains(played: &[Played]) -> Vec<(&str, Gains)> {
    if played.iter().all(|c| c.slices.is_empty()) {
        return Vec::new();
    }
    groups(played).into_iter().map(|(modality, cases)| (modality, Gains::of(&cases))).collect()
}

/// The tables that are printed.
pub(super) fn tables(played: &[Played]) -> String {
    let mut out = format!(
        "{:<9}{:>6}{}{}{:>7}{:>7}{:>9}\n",
        "modality",
        "cases",
        COUNTS.map(|n| format!("{:>8}", format!("Dice@{n}"))).concat(),
        TARGETS.map(|t| format!("{:>8}", format!("NoC@{t}"))).concat(),
        "CI %",
        "worse",
        "mask ms",
    );
    let limit = played.iter().map(|c| c.clicks.len()).max().unwrap_or_default();
    for (modality, cases) in groups(played) {
        let _ = write!(out, "{modality:<9}{:>6}", cases.len());
        for n in COUNTS {
            let _ = write!(out, "{:>8.3}", mean(cases.iter().map(|c| c.dice_after(n))));
        }
        for target in TARGETS {
            let _ = write!(out, "{:>8.1}", clicks_to(&cases, target, limit).0);
        }
        let [better, _, worse] = steps(&cases);
        let _ = writeln!(out, "{better:>7.1}{worse:>7.1}{:>9.0}", median_ms(&cases));
    }
    let _ = writeln!(out, "clicks honoured, then and later: {:.2} %", honoured(played));
    out.push_str(&by_group::table(&by_group::lines(played)));
    let looks = reliability(played);
    if !looks.is_empty() {
        let _ = writeln!(
            out,
            "\n{:<14}{:>6}{:>6}{:>9}{:>9}{:>9}{:>9}{:>7}{:>10}{:>7}",
            "uncertainty", "click", "cases", "AUROC MI", "entropy", "variance", "exp.err", "ECE", "together", "ms"
        );
        for look in &looks {
            let Reliability { estimator, click, auroc, ece, ece_together, ms, cases } = look;
            let _ = write!(out, "{estimator:<14}{click:>6}{cases:>6}");
            for value in auroc {
                let _ = write!(out, "{value:>9.3}");
            }
            let _ = writeln!(out, "{ece:>7.3}{ece_together:>10.3}{ms:>7.0}");
        }
    }
    let gained = gains(played);
    if !gained.is_empty() {
        let _ = writeln!(
            out,
            "\n{:<9}{:>6}{:>10}{:>8}{:>8}{:>10}{:>10}{:>8}{:>8}",
            "proposal", "cases", "proposed", "random", "oracle", "× random", "÷ oracle", "share", "random"
        );
        for (modality, g) in &gained {
            let _ = writeln!(
                out,
                "{modality:<9}{:>6}{:>10.4}{:>8.4}{:>8.4}{:>10.2}{:>10.2}{:>8.2}{:>8.2}",
                g.cases,
                g.proposed,
                g.random,
                g.oracle,
                g.proposed / g.random,
                g.proposed / g.oracle,
                g.share,
                g.random_share
            );
        }
    }
    out.push_str(&whole::table(played));
    out
}
