//! Fixations of a synthetic eye tracker: 60 Hz, 3 mm of noise, 5 % drop-outs, fixations of 150 to 600 ms.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail that way.

mod common;

use common::{at, in_range, rng};
use isochrone_prompt::{Fixation, Gaze, GazeSample, Plane, Polarity, PromptError};
use isochrone_volume::{DAffine3, DVec3, Grid};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

const PERIOD_MS: f64 = 1000.0 / 60.0;
const NOISE_MM: f64 = 3.0;
const DROP_OUTS: f64 = 0.05;

struct True {
    start_ms: f64,
    end_ms: f64,
    at: [f64; 2],
}

/// One normally distributed number (Box and Muller).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (a, b) = (in_range(rng, f64::MIN_POSITIVE, 1.0), in_range(rng, 0.0, 1.0));
    (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

/// Fixations at random places of a 300 mm square, at least `apart_mm` from one to the next, with saccades of
/// 30 to 80 ms between them; the eyes never stand still because of the noise.
fn stream(rng: &mut ChaCha8Rng, plane: &Plane, fixations: usize, apart_mm: f64) -> (Vec<GazeSample>, Vec<True>) {
    let mut truth: Vec<True> = Vec::new();
    let mut now = 0.0;
    while truth.len() < fixations {
        let place = [in_range(rng, -150.0, 150.0), in_range(rng, -150.0, 150.0)];
        if truth.last().is_some_and(|t| (t.at[0] - place[0]).hypot(t.at[1] - place[1]) < apart_mm) {
            continue;
        }
        let end_ms = now + in_range(rng, 150.0, 600.0);
        truth.push(True { start_ms: now, end_ms, at: place });
        now = end_ms + in_range(rng, 30.0, 80.0);
    }
    let end = truth.last().map_or(0.0, |t| t.end_ms);
    let samples = (0..=(end / PERIOD_MS) as usize).map(|n| {
        let time_ms = n as f64 * PERIOD_MS;
        let next = truth.iter().position(|t| time_ms <= t.end_ms).unwrap_or(truth.len() - 1);
        let target = &truth[next];
        let [x, y] = if time_ms >= target.start_ms || next == 0 {
            target.at
        } else {
            let before = &truth[next - 1];
            let share = (time_ms - before.end_ms) / (target.start_ms - before.end_ms);
            [0, 1].map(|a| before.at[a] + share * (target.at[a] - before.at[a]))
        };
        let noisy = [x + NOISE_MM * normal(rng), y + NOISE_MM * normal(rng)];
        GazeSample { time_ms, position_lps_mm: (!rng.random_bool(DROP_OUTS)).then(|| at(plane, noisy)) }
    });
    (samples.collect(), truth)
}

/// The same time by half of both together, and the same place to 5 mm.
fn same(found: &Fixation, truth: &True, plane: &Plane) -> bool {
    let both = found.end_ms.min(truth.end_ms) - found.start_ms.max(truth.start_ms);
    let either = found.end_ms.max(truth.end_ms) - found.start_ms.min(truth.start_ms);
    both / either >= 0.5 && found.position_lps_mm.distance(at(plane, truth.at)) <= 5.0
}

fn plane() -> Plane {
    Plane::new(DVec3::new(5.0, -60.0, 900.0), DVec3::new(1.0, 0.2, 0.1), DVec3::new(-0.3, 0.7, 1.0)).unwrap()
}

fn gaze(samples: Vec<GazeSample>) -> Gaze {
    Gaze {
        samples,
        plane: Some(plane()),
        dispersion_mm: Gaze::DISPERSION_MM,
        min_duration_ms: Gaze::MIN_DURATION_MS,
        polarity: Polarity::Positive,
    }
}

#[test]
fn finds_what_was_looked_at() {
    for apart_mm in [25.0, 40.0] {
        let (mut true_positive, mut found, mut expected, mut off) = (0, 0, 0, 0.0);
        for seed in 0..20 {
            let (samples, truth) = stream(&mut rng(seed), &plane(), 100, apart_mm);
            let fixations = gaze(samples).fixations().unwrap();
            found += fixations.len();
            expected += truth.len();
            for t in &truth {
                if let Some(f) = fixations.iter().find(|f| same(f, t, &plane())) {
                    true_positive += 1;
                    off += f.position_lps_mm.distance(at(&plane(), t.at));
                }
            }
        }
        let (precision, recall) = (f64::from(true_positive) / found as f64, f64::from(true_positive) / expected as f64);
        println!(
            "targets ≥ {apart_mm} mm apart: precision {precision:.4}, recall {recall:.4}, {:.2} mm off",
            off / f64::from(true_positive)
        );
        assert!(precision >= 0.95 && recall >= 0.95);
    }
}

#[test]
fn marks_the_voxels_looked_at_and_bridges_short_gaps_only() {
    let grid = Grid::new([64, 64, 8], DAffine3::from_scale(DVec3::new(2.0, 2.0, 4.0))).unwrap();
    let sample = |n: usize, p: Option<DVec3>| GazeSample { time_ms: n as f64 * PERIOD_MS, position_lps_mm: p };
    let rest = |from: usize, to: usize, p: DVec3| (from..to).map(move |n| sample(n, Some(p)));
    let (here, there) = (DVec3::new(20.0, 40.0, 8.0), DVec3::new(90.0, 40.0, 8.0));
    let mut samples: Vec<GazeSample> = rest(0, 8, here).collect();
    samples.extend((8..11).map(|n| sample(n, None)));
    samples.extend(rest(11, 20, here));
    samples.extend(rest(20, 30, there));
    samples.extend((30..40).map(|n| sample(n, None)));
    samples.extend(rest(40, 50, there));
    let level = Plane::with_normal(here, DVec3::Z).unwrap();
    let gaze = Gaze { plane: Some(level), ..gaze(samples) };
    let fixations = gaze.fixations().unwrap();
    assert_eq!(fixations.iter().map(|f| f.samples).collect::<Vec<_>>(), [17, 10, 10]);
    assert_eq!(gaze.rasterise(&grid).unwrap().voxels().collect::<Vec<_>>(), [[10, 20, 2], [45, 20, 2]]);
    assert_eq!(gaze.bounds_mm().unwrap(), Some((here, there)));
    let hasty = Gaze { min_duration_ms: 2000.0, ..gaze.clone() };
    assert_eq!(hasty.rasterise(&grid), Err(PromptError::NoFixation(2000.0, Gaze::DISPERSION_MM)));
    let elsewhere = Gaze { plane: None, ..gaze };
    assert_eq!(elsewhere.fixations().unwrap().len(), 3);
}

#[test]
fn a_stream_that_goes_back_in_time_is_refused() {
    let p = Some(DVec3::ZERO);
    let samples =
        vec![GazeSample { time_ms: 10.0, position_lps_mm: p }, GazeSample { time_ms: 10.2, position_lps_mm: p }];
    let gaze = Gaze { plane: None, ..gaze(samples) };
    assert_eq!(gaze.fixations(), Err(PromptError::Time(1, Gaze::MIN_STEP_MS)));
}
