//! Readers that click as people do, each in a way of their own, from a seed.

use crate::mistake::{Mistake, shape_of, wrong};
use crate::{Click, RobotError};
use ndarray::{ArrayView3, Zip};
use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;
use rand::seq::IteratorRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::str::FromStr;

/// How a reader chooses where to click. Every one but [`Reader::Uncertain`] looks at the largest 26-connected
/// component of the mistakes (of the lesion itself before the first mask).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Reader {
    /// R1: the deepest voxel, as [`crate::centre_click`]; no chance in it.
    #[default]
    Centre,
    /// R2: the most uncertain voxel of all mistakes; without uncertainty as [`Reader::Centre`].
    Uncertain,
    /// R3: a voxel with a probability in proportion to its depth.
    Edt,
    /// R4: any voxel.
    Uniform,
    /// Any voxel at most one and a half voxel diagonals deep.
    Boundary,
    /// The deepest voxel, missed by a hand that shakes ([`SHAKE_MM`] along each axis, normally distributed). The click
    /// keeps its meaning, so that it may lie on the wrong side of the border.
    Perturbed,
    /// Along the longest axis: in turn the middle of its middle, first and last third.
    LongAxis,
}

/// Standard deviation of [`Reader::Perturbed`], mm.
pub const SHAKE_MM: f32 = 4.0;

/// What a reader sees; arrays `[k, j, i]` of one shape.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// The present mask; `None` before the first.
    pub prediction: Option<ArrayView3<'a, bool>>,
    /// The lesion, as the reader knows it.
    pub truth: ArrayView3<'a, bool>,
    /// Voxel sides along `k`, `j`, `i`, mm.
    pub spacing_mm: [f32; 3],
    /// How unsure the engine is, in any unit.
    pub uncertainty: Option<ArrayView3<'a, f32>>,
}

impl Reader {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Centre, Self::Uncertain, Self::Edt, Self::Uniform, Self::Boundary, Self::Perturbed, Self::LongAxis];

    /// As people write it: `centre`, `uncertain`, `edt`, `uniform`, `boundary`, `perturbed`, `long-axis`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Centre => "centre",
            Self::Uncertain => "uncertain",
            Self::Edt => "edt",
            Self::Uniform => "uniform",
            Self::Boundary => "boundary",
            Self::Perturbed => "perturbed",
            Self::LongAxis => "long-axis",
        }
    }

    /// Click number `turn` (from 0) of the reader with this seed; `None` if there is nothing to correct. The same
    /// sight, seed and turn give the same click.
    ///
    /// # Errors
    /// Shapes that differ, an unusable spacing.
    pub fn click(self, sight: &Sight<'_>, seed: u64, turn: u64) -> Result<Option<Click>, RobotError> {
        if let (Self::Uncertain, Some(uncertainty)) = (self, sight.uncertainty) {
            return most_uncertain(sight, uncertainty);
        }
        let Some(mistake) = Mistake::largest(sight.prediction, sight.truth, sight.spacing_mm)? else {
            return Ok(None);
        };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(turn);
        let centre = mistake.deepest();
        let at = match self {
            Self::Centre | Self::Uncertain | Self::Perturbed => centre,
            Self::Edt => by_depth(&mistake, &mut rng).unwrap_or(centre),
            Self::Uniform => mistake.voxels().map(|v| v.0).choose(&mut rng).unwrap_or(centre),
            Self::Boundary => {
                let rim = 1.5 * sight.spacing_mm.iter().map(|s| s * s).sum::<f32>().sqrt();
                mistake.voxels().filter(|v| v.1 <= rim).map(|v| v.0).choose(&mut rng).unwrap_or(centre)
            }
            Self::LongAxis => along(&mistake, sight.spacing_mm, turn).unwrap_or(centre),
        };
        let positive = sight.truth.get(at).copied().unwrap_or_default();
        let voxel_kji = if self == Self::Perturbed { shaken(at, sight, &mut rng) } else { at };
        Ok(Some(Click { voxel_kji, positive }))
    }
}

impl FromStr for Reader {
    type Err = RobotError;

    fn from_str(text: &str) -> Result<Self, RobotError> {
        let found = Self::ALL.into_iter().find(|reader| reader.name() == text);
        found.ok_or_else(|| RobotError::NoSuchReader(text.chars().take(40).collect()))
    }
}

fn most_uncertain(sight: &Sight<'_>, uncertainty: ArrayView3<'_, f32>) -> Result<Option<Click>, RobotError> {
    let wrong = wrong(sight.prediction, sight.truth)?;
    if uncertainty.dim() != wrong.dim() {
        let (k, j, i) = uncertainty.dim();
        return Err(RobotError::ShapesDiffer { prediction: [k, j, i], truth: shape_of(sight.truth) });
    }
    let mut best: Option<([usize; 3], f32)> = None;
    Zip::indexed(&wrong).and(uncertainty).for_each(|(k, j, i), &wrong, &u| {
        if wrong && best.is_none_or(|(_, most)| u > most) {
            best = Some(([k, j, i], u));
        }
    });
    Ok(best.map(|(at, _)| Click { voxel_kji: at, positive: sight.truth.get(at).copied().unwrap_or_default() }))
}

fn by_depth(mistake: &Mistake, rng: &mut ChaCha8Rng) -> Option<[usize; 3]> {
    let voxels: Vec<([usize; 3], f32)> = mistake.voxels().collect();
    let weights = WeightedIndex::new(voxels.iter().map(|v| v.1)).ok()?;
    voxels.get(weights.sample(rng)).map(|v| v.0)
}

/// Rounded to whole voxels, symmetrically; what would leave the volume stays at its border.
fn shaken(at: [usize; 3], sight: &Sight<'_>, rng: &mut impl Rng) -> [usize; 3] {
    let mut moved = at;
    for ((n, size), spacing) in moved.iter_mut().zip(shape_of(sight.truth)).zip(sight.spacing_mm) {
        let by = (normal(rng) * f64::from(SHAKE_MM / spacing)).round();
        *n = (*n as f64 + by).clamp(0.0, size as f64 - 1.0) as usize;
    }
    moved
}

/// A standard normal number, by Box and Muller.
fn normal(rng: &mut impl Rng) -> f64 {
    let (a, b): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

/// The voxel nearest the middle of a third of the first principal axis (in mm) of the mistake.
fn along(mistake: &Mistake, [sk, sj, si]: [f32; 3], turn: u64) -> Option<[usize; 3]> {
    let places: Vec<([usize; 3], [f64; 3])> = mistake
        .voxels()
        .map(|([k, j, i], _)| {
            ([k, j, i], [k as f64 * f64::from(sk), j as f64 * f64::from(sj), i as f64 * f64::from(si)])
        })
        .collect();
    let count = places.len() as f64;
    let mean = places.iter().fold([0.0; 3], |sum, (_, p)| sum_of(sum, *p)).map(|s| s / count);
    let from_mean = |p: [f64; 3]| sum_of(p, mean.map(|m| -m));
    let axis = principal(places.iter().map(|(_, p)| from_mean(*p)));
    let position = |p: [f64; 3]| dot(from_mean(p), axis);
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for (_, p) in &places {
        (low, high) = (low.min(position(*p)), high.max(position(*p)));
    }
    let third = match turn % 3 {
        0 => 0.5,
        1 => 1.0 / 6.0,
        _ => 5.0 / 6.0,
    };
    let target = axis.map(|a| a * (low + third * (high - low)));
    let away = |p: [f64; 3]| {
        let d = sum_of(from_mean(p), target.map(|t| -t));
        dot(d, d)
    };
    places.iter().min_by(|a, b| away(a.1).total_cmp(&away(b.1))).map(|p| p.0)
}

/// The direction of greatest variance, by power iteration.
fn principal(centred: impl Iterator<Item = [f64; 3]>) -> [f64; 3] {
    let mut covariance = [[0.0f64; 3]; 3];
    for p in centred {
        for (row, a) in covariance.iter_mut().zip(p) {
            *row = sum_of(*row, p.map(|b| a * b));
        }
    }
    // A start that is unlikely to be square to the axis that is looked for.
    let mut axis = [0.61, 0.53, 0.59];
    for _ in 0..64 {
        let next = covariance.map(|row| dot(row, axis));
        let length = dot(next, next).sqrt();
        if length < 1e-12 {
            break;
        }
        axis = next.map(|v| v / length);
    }
    axis
}

fn dot([a, b, c]: [f64; 3], [x, y, z]: [f64; 3]) -> f64 {
    a * x + b * y + c * z
}

fn sum_of([a, b, c]: [f64; 3], [x, y, z]: [f64; 3]) -> [f64; 3] {
    [a + x, b + y, c + z]
}
