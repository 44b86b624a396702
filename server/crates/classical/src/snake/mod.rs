//! The classic snake: a closed curve on one slice that slides to an edge and can be dragged.
//!
//! Kass, Witkin, Terzopoulos: Snakes: active contour models, IJCV 1 (1988). The curve `v(s)` lowers
//! `E = ∫ α/2·|v′|² + β/2·|v″|² + P(v) ds + Σ pins K/2·|v − pin|²`: it stays short (α) and smooth (β),
//! seeks edges (`P`), and is held by springs (`K`) where the reader drags it. All lengths are in mm, so
//! that voxels may be of any shape.
//!
//! Near a pin the image is heard less, so that what the reader drags is a bulge and not a needle.
//!
//! Three things make it rest *on* the edge:
//! - The internal forces of a circle of the same length are added outwards, so that a curve does not
//!   shrink for being curved, but only where it is more curved than the rest of it.
//! - `P` falls with the strength of edges, but ever less (`−g / (g + ḡ)`): a strong edge elsewhere does
//!   not tear at a curve that lies on a weak one. Its valley is the ridge of the gradient, between voxels.
//! - The image is looked at through a wide Gaussian first and a narrow one last, so that an edge is felt
//!   from afar and found exactly. That a Gaussian moves a curved edge inwards, by `σ²/2` of its curvature,
//!   is taken back at the end (Bouma et al., IEEE TPAMI 27, 2005, give the shift).

mod curve;
mod edges;
mod solve;

use crate::ClassicalError;
use crate::error::{not_negative, positive, usable};
use curve::{Curve, Point};
use edges::Edges;
use ndarray::ArrayView2;
use solve::Stiffness;

/// Weights of a snake. Pulls at the curve are relative to that of an edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Snake {
    /// α: resistance to stretching.
    pub tension: f32,
    /// β: resistance to bending, in units of σ².
    pub rigidity: f32,
    /// K: stiffness of a pin's spring, in units of 1/σ².
    pub pin: f32,
    /// σ of the last Gaussian before derivatives are taken, mm.
    pub sigma_mm: f32,
    /// How far off an edge is felt at first, mm: twice the first σ.
    pub reach_mm: f32,
    /// Most steps at each σ.
    pub iterations: usize,
}

impl Default for Snake {
    fn default() -> Self {
        Self { tension: 0.02, rigidity: 0.1, pin: 100.0, sigma_mm: 1.0, reach_mm: 8.0, iterations: 300 }
    }
}

/// A spring between one point of the curve and a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pin {
    /// Index of the point.
    pub point: usize,
    /// Where it is dragged to, `(j, i)` in fractional voxels.
    pub target: [f64; 2],
}

/// Where a snake came to rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Evolved {
    /// Points `(j, i)` in fractional voxels, evenly along the curve (from pin to pin, where there are pins),
    /// the same way round as those that were given.
    pub curve: Vec<[f64; 2]>,
    /// Steps taken.
    pub steps: usize,
    /// Furthest that a point moved across the curve in the last step, mm.
    pub moved_mm: f64,
}

/// Most points of a curve.
pub const MAX_POINTS: usize = 2000;
/// Shift in a step below which a curve rests, in units of σ.
const TOLERANCE: f64 = 0.002;
/// Steps between two times at which points are spread evenly.
const SPREAD: usize = 10;
/// How far from a pin the image is heard less, in units of σ.
const PINNED: f64 = 4.0;
/// Deepest that an edge's valley is curved, in units of 1/σ²: see [`Edges`].
const EDGE: f64 = 0.25;

/// Moves a closed curve on a slice `[j, i]` until it rests. `stop` is asked at each step; once it says true
/// there is no answer.
///
/// # Errors
/// Fewer than 3 points or more than [`MAX_POINTS`], points that are no numbers, pins on points that the
/// curve does not have, or unusable weights.
pub fn evolve(
    image: ArrayView2<'_, f32>,
    spacing_mm: [f32; 2],
    curve: &[[f64; 2]],
    pins: &[Pin],
    snake: &Snake,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Evolved>, ClassicalError> {
    check(image, spacing_mm, curve, pins, snake)?;
    let [sj, si] = spacing_mm.map(f64::from);
    let place = |[j, i]: [f64; 2]| [j * sj, i * si];
    let targets = pins.iter().map(|p| (p.point, place(p.target))).collect();
    let apart = f64::from(snake.sigma_mm).min(sj.min(si));
    let mut curve = Curve::new(curve.iter().map(|p| place(*p)).collect(), targets, apart);
    let (mut steps, mut moved_mm) = (0, 0.0);
    for sigma in sigmas(snake, curve.radius()) {
        if curve.radius() < 0.5 * f64::from(sigma) {
            break;
        }
        let edges = Edges::new(image, spacing_mm, sigma, &curve)?;
        curve.spread();
        for n in 0..snake.iterations {
            if stop() {
                return Ok(None);
            }
            if n % SPREAD == SPREAD - 1 {
                curve.spread();
            }
            moved_mm = step(&mut curve, &edges, snake, f64::from(sigma));
            steps += 1;
            if moved_mm < TOLERANCE * f64::from(sigma) {
                break;
            }
        }
    }
    curve.spread();
    curve.swell(f64::from(snake.sigma_mm));
    Ok(Some(Evolved { curve: curve.points.iter().map(|[y, x]| [y / sj, x / si]).collect(), steps, moved_mm }))
}

/// Internal forces and springs are taken implicitly, the image explicitly; returns how far a point moved across the curve, mm.
fn step(curve: &mut Curve, edges: &Edges, snake: &Snake, sigma: f64) -> f64 {
    let (alpha, beta) = (f64::from(snake.tension), f64::from(snake.rigidity) * sigma * sigma);
    let (viscosity, spring) = (EDGE / (sigma * sigma), f64::from(snake.pin) / (sigma * sigma));
    let mut springs = vec![0.0; curve.points.len()];
    let mean = std::f64::consts::TAU / curve.length().max(f64::MIN_POSITIVE);
    let outward = alpha * mean + beta * mean.powi(3);
    let mut next: Vec<Point> = curve.points.clone();
    let normals = curve.normals();
    for ((v, p), normal) in next.iter_mut().zip(&curve.points).zip(&normals) {
        let [fy, fx] = edges.force(*p);
        let nearest = curve.pins.iter().map(|(_, at)| curve::distance(*p, *at)).fold(f64::INFINITY, f64::min);
        let heard = 1.0 - (-(nearest / (PINNED * sigma)).powi(2)).exp();
        // Along the curve the image has nothing to say.
        let push = heard * (fy * normal[0] + fx * normal[1]) + outward;
        *v = [viscosity * p[0] + push * normal[0], viscosity * p[1] + push * normal[1]];
    }
    for &(point, target) in &curve.pins {
        if let (Some(stiff), Some(v)) = (springs.get_mut(point), next.get_mut(point)) {
            *stiff += spring;
            *v = [v[0] + spring * target[0], v[1] + spring * target[1]];
        }
    }
    let apart = curve.apart();
    let internal = [alpha / (apart * apart), beta / apart.powi(4)];
    Stiffness::new(internal, viscosity, &springs).solve(&mut next);
    // What slides along the curve does not change it.
    let across = |((a, b), n): ((&Point, &Point), &Point)| ((b[0] - a[0]) * n[0] + (b[1] - a[1]) * n[1]).abs();
    let moved = curve.points.iter().zip(&next).zip(&normals).map(across).fold(0.0, f64::max);
    curve.points = next;
    moved
}

/// From wide to narrow; never so wide that a small curve's two sides are seen as one edge.
fn sigmas(snake: &Snake, radius_mm: f64) -> Vec<f32> {
    let widest = (snake.reach_mm / 2.0).min(radius_mm as f32 / 3.0);
    let mut sigmas = vec![snake.sigma_mm];
    while let Some(next) = sigmas.last().map(|s| 2.0 * s).filter(|s| *s <= widest) {
        sigmas.push(next);
    }
    sigmas.reverse();
    sigmas
}

fn check(
    image: ArrayView2<'_, f32>,
    spacing_mm: [f32; 2],
    curve: &[[f64; 2]],
    pins: &[Pin],
    snake: &Snake,
) -> Result<(), ClassicalError> {
    let (nj, ni) = image.dim();
    usable((1, nj, ni))?;
    spacing_mm.iter().try_for_each(|&s| positive("spacing", s).map(|_| ()))?;
    let wrong = |name, value: f64, wanted| Err(ClassicalError::Parameter { name, value, wanted });
    if !(3..=MAX_POINTS).contains(&curve.len()) {
        return wrong("The number of points", curve.len() as f64, "3 to 2000; draw a longer curve or thin it out");
    }
    if let Some(value) =
        curve.iter().chain(pins.iter().map(|p| &p.target)).flatten().find(|v| v.is_nan() || v.abs() >= 1e6)
    {
        return wrong("A coordinate", *value, "a number of voxels below a million");
    }
    if let Some(pin) = pins.iter().find(|p| p.point >= curve.len()) {
        return wrong("A pin's point", pin.point as f64, "the index of a point of the curve");
    }
    positive("sigma", snake.sigma_mm)?;
    let weights = [("tension", snake.tension), ("rigidity", snake.rigidity), ("pin", snake.pin)];
    weights.into_iter().try_for_each(|(name, value)| not_negative(name, value).map(|_| ()))?;
    not_negative("reach", snake.reach_mm).map(|_| ())
}
