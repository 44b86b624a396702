//! Figures by group of cases, with intervals by patient.
//!
//! Labels are averaged to volumes, volumes to groups, groups to modalities, so that neither a volume of many labels nor
//! a group of many volumes outweighs the others. What a program has outlined is no truth: it has rows of its own, and is in no
//! mean. Intervals are percentiles of a bootstrap (Efron 1979) that draws patients with
//! replacement within each group.

use super::Played;
use rand::SeedableRng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Clicks after which the Dice is reported.
const COUNTS: [usize; 4] = [1, 3, 5, 10];
/// A click that costs more than this much Dice is a costly one.
const COSTLY: f64 = 0.02;
/// A first click that ends below this Dice has failed.
const FAILED: f64 = 0.3;
const DRAWS: usize = 1000;
/// Figures of a case: Dice after [`COUNTS`], failed, costly clicks, clicks, honoured looks.
const FIGURES: usize = COUNTS.len() + 2;

/// One target's figures, and where it belongs.
struct Score<'a> {
    patient: &'a str,
    volume: &'a str,
    group: &'a str,
    modality: &'a str,
    automatic: bool,
    figures: [f64; FIGURES],
}

/// A row of the table: modality, and group.
type Row = (String, String);

impl Score<'_> {
    fn row(&self) -> Row {
        let by = if self.automatic { " (automatic)" } else { "" };
        (self.modality.to_owned(), format!("{}{by}", self.group))
    }
}

impl Played {
    /// Dice after each of [`COUNTS`], whether the first click failed, and the share of clicks that cost.
    fn figures(&self) -> [f64; FIGURES] {
        let dice: Vec<f64> = self.clicks.iter().map(|row| row.dice).collect();
        let after = |n: usize| dice.iter().take(n).next_back().copied().unwrap_or(0.0);
        let costly = dice.iter().zip(dice.iter().skip(1)).filter(|(a, b)| **a - **b > COSTLY).count();
        let [one, three, five, ten] = COUNTS.map(after);
        let failed = f64::from(u8::from(one < FAILED));
        [one, three, five, ten, failed, costly as f64 / dice.len().saturating_sub(1).max(1) as f64]
    }
}

fn mean<'a>(rows: impl IntoIterator<Item = &'a [f64; FIGURES]>) -> [f64; FIGURES] {
    let (mut sum, mut count) = ([0.0; FIGURES], 0.0);
    for row in rows {
        sum.iter_mut().zip(row).for_each(|(s, v)| *s += v);
        count += 1.0;
    }
    sum.map(|s| s / count)
}

/// Means of label → volume → group → modality, and over the modalities; and over the groups alike.
struct Means {
    by_group: BTreeMap<Row, [f64; FIGURES]>,
    modalities: [f64; FIGURES],
    groups: [f64; FIGURES],
}

/// `scores`: each with the number of the draw that it comes from, since a patient may be drawn twice.
fn means(scores: &[(usize, &Score<'_>)]) -> Means {
    let mut volumes: BTreeMap<(Row, bool, usize, &str), Vec<&[f64; FIGURES]>> = BTreeMap::new();
    for (draw, s) in scores {
        volumes.entry((s.row(), s.automatic, *draw, s.volume)).or_default().push(&s.figures);
    }
    let mut groups: BTreeMap<(Row, bool), Vec<[f64; FIGURES]>> = BTreeMap::new();
    for ((row, automatic, ..), labels) in volumes {
        groups.entry((row, automatic)).or_default().push(mean(labels));
    }
    let rows: Vec<_> = groups.into_iter().map(|((row, automatic), of)| (row, automatic, mean(&of))).collect();
    let mut modalities: BTreeMap<&str, Vec<&[f64; FIGURES]>> = BTreeMap::new();
    for ((modality, _), _, of) in rows.iter().filter(|(_, automatic, _)| !automatic) {
        modalities.entry(modality).or_default().push(of);
    }
    let each: Vec<_> = modalities.into_values().map(mean).collect();
    let (modalities, groups) = (mean(&each), mean(rows.iter().filter(|r| !r.1).map(|r| &r.2)));
    Means { modalities, groups, by_group: rows.into_iter().map(|(row, _, of)| (row, of)).collect() }
}

/// One line of the table: means, and the 2.5th and 97.5th percentile of each.
pub(super) struct Line {
    name: String,
    cases: usize,
    mean: [f64; FIGURES],
    interval: [(f64, f64); FIGURES],
}

impl Line {
    fn json(&self) -> Value {
        let number = |n: usize| {
            let (low, high) = self.interval.get(n).copied().unwrap_or_default();
            json!({ "mean": self.mean.get(n), "low": low, "high": high })
        };
        let dice: serde_json::Map<_, _> = COUNTS.iter().enumerate().map(|(n, c)| (c.to_string(), number(n))).collect();
        json!({
            "group": self.name, "cases": self.cases, "dice": dice,
            "first_clicks_failed": number(COUNTS.len()), "clicks_that_cost": number(COUNTS.len() + 1),
        })
    }
}

/// Each group, then the mean over modalities and the mean over groups. Empty where there is nothing to group by.
pub(super) fn lines(played: &[Played]) -> Vec<Line> {
    let scores: Vec<Score<'_>> = played
        .iter()
        .map(|c| Score {
            patient: &c.about.patient,
            volume: &c.about.volume,
            group: &c.about.group,
            modality: &c.modality,
            automatic: c.about.automatic,
            figures: c.figures(),
        })
        .collect();
    if played.iter().all(|c| c.about.group.is_empty()) {
        return Vec::new();
    }
    let of = means(&scores.iter().map(|s| (0, s)).collect::<Vec<_>>());
    let draws: Vec<Means> = (0..DRAWS).map(|seed| means(&drawn(&scores, seed as u64))).collect();
    let line = |name: String, cases: usize, mean: [f64; FIGURES], pick: &dyn Fn(&Means) -> Option<[f64; FIGURES]>| {
        let drawn: Vec<[f64; FIGURES]> = draws.iter().filter_map(pick).collect();
        let interval = std::array::from_fn(|n| {
            let mut values: Vec<f64> = drawn.iter().filter_map(|d| d.get(n).copied()).collect();
            values.sort_by(f64::total_cmp);
            let at = |share: f64| values.get((share * (values.len() as f64 - 1.0)).round() as usize).copied();
            (at(0.025).unwrap_or(f64::NAN), at(0.975).unwrap_or(f64::NAN))
        });
        Line { name, cases, mean, interval }
    };
    let mut lines: Vec<Line> = of
        .by_group
        .iter()
        .map(|(key, mean)| {
            let cases = scores.iter().filter(|s| s.row() == *key).count();
            line(format!("{} {}", key.0, key.1), cases, *mean, &|m| m.by_group.get(key).copied())
        })
        .collect();
    let true_ones = scores.iter().filter(|s| !s.automatic).count();
    lines.push(line("over modalities".to_owned(), true_ones, of.modalities, &|m| Some(m.modalities)));
    lines.push(line("over groups".to_owned(), true_ones, of.groups, &|m| Some(m.groups)));
    lines
}

/// As many patients of each group as there are, drawn with replacement, with all that is theirs.
fn drawn<'a>(scores: &'a [Score<'a>], seed: u64) -> Vec<(usize, &'a Score<'a>)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut groups: BTreeMap<&str, BTreeMap<&str, Vec<&Score<'_>>>> = BTreeMap::new();
    for s in scores {
        groups.entry(s.group).or_default().entry(s.patient).or_default().push(s);
    }
    let mut found = Vec::with_capacity(scores.len());
    for patients in groups.values() {
        let names: Vec<_> = patients.keys().collect();
        for draw in 0..names.len() {
            let own = names.choose(&mut rng).and_then(|name| patients.get(**name));
            found.extend(own.into_iter().flatten().map(|s| (draw, *s)));
        }
    }
    found
}

/// The table, or nothing where no case names a group.
pub(super) fn table(lines: &[Line]) -> String {
    let mut out = String::new();
    if lines.is_empty() {
        return out;
    }
    let _ = write!(out, "\n{:<28}{:>6}", "by group, 95 % by patient", "cases");
    for n in COUNTS {
        let _ = write!(out, "{:>20}", format!("Dice@{n}"));
    }
    let _ = writeln!(out, "{:>8}{:>8}", "< 0.3", "costly");
    for line in lines {
        let _ = write!(out, "{:<28}{:>6}", line.name, line.cases);
        for (mean, (low, high)) in line.mean.iter().zip(line.interval).take(COUNTS.len()) {
            let _ = write!(out, "{:>20}", format!("{mean:.3} ({low:.2}–{high:.2})"));
        }
        for mean in line.mean.iter().skip(COUNTS.len()) {
            let _ = write!(out, "{:>7.1}%", 100.0 * mean);
        }
        out.push('\n');
    }
    let _ = writeln!(
        out,
        "label → volume → group → modality; < 0.3: first clicks below that Dice; costly: clicks that cost more than {COSTLY}"
    );
    out
}

pub(super) fn json(lines: &[Line]) -> Value {
    lines.iter().map(Line::json).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score<'a>(place: [&'a str; 4], dice: f64) -> Score<'a> {
        let [patient, volume, group, modality] = place;
        Score { patient, volume, group, modality, automatic: false, figures: [dice; FIGURES] }
    }

    #[test]
    fn neither_many_labels_nor_many_volumes_outweigh() {
        let scores = [
            score(["p", "v", "g", "CT"], 1.0),
            score(["p", "v", "g", "CT"], 0.0),
            score(["q", "w", "g", "CT"], 0.9),
            score(["r", "x", "h", "CT"], 0.1),
            score(["s", "y", "h", "MR"], 0.6),
            Score { automatic: true, ..score(["t", "z", "h", "MR"], 0.2) },
        ];
        let found = means(&scores.iter().map(|s| (0, s)).collect::<Vec<_>>());
        // CT: g is the mean of 0.5 and 0.9, h is 0.1; MR is 0.6.
        let first = |of: &[f64; FIGURES]| of.first().copied().unwrap();
        assert!((first(&found.modalities) - (0.4 + 0.6) / 2.0).abs() < 1e-12);
        assert!((first(&found.groups) - (0.7 + 0.1 + 0.6) / 3.0).abs() < 1e-12);
        // What a program outlined has a row, and is in no mean.
        assert_eq!(found.by_group.len(), 4);
        // One patient more than once counts more than once.
        let twice = means(&[(0, &scores[2]), (1, &scores[2]), (0, &scores[0])]);
        assert!((first(&twice.groups) - (0.9 + 0.9 + 1.0) / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_draw_keeps_the_number_of_patients_of_each_group() {
        let scores = [
            score(["p", "v", "g", "CT"], 1.0),
            score(["p", "u", "g", "MR"], 0.0),
            score(["q", "w", "g", "CT"], 0.9),
            score(["r", "x", "h", "CT"], 0.1),
        ];
        for seed in 0..20 {
            let found = drawn(&scores, seed);
            assert_eq!(found.iter().filter(|(_, s)| s.group == "h").count(), 1);
            let draws = found.iter().filter(|(_, s)| s.group == "g");
            assert_eq!(draws.map(|(n, _)| *n).collect::<std::collections::BTreeSet<_>>().len(), 2);
        }
    }
}
