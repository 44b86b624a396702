//! The classic snake: a closed curve on one slice that slides to edges and can be dragged.
//!
//! Kass, Witkin, Terzopoulos: Snakes: active contour models, IJCV 1 (1988). The curve lowers
//! `E = Σ α/2·|v′|² + β/2·|v″|² + P(v) + Σ pins k/2·|v − pin|²`: it stays short (α) and smooth (β),
//! seeks what the image offers (`P`), and is pulled by springs to where the reader drags it.
//! Internal forces and springs are taken implicitly, the image explicitly, so large steps stay stable.

mod fill;
mod potential;
mod solve;

pub use fill::inside;

use crate::ClassicalError;
use crate::error::{not_negative, positive, usable};
use ndarray::ArrayView2;
use potential::Potential;
use solve::Stiffness;

/// Weights of a snake.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Snake {
    /// α: resistance to stretching.
    pub tension: f64,
    /// β: resistance to bending.
    pub rigidity: f64,
    /// γ: resistance to moving; its inverse is the step.
    pub viscosity: f64,
    /// Weight of brightness: above 0 the snake seeks dark lines, below 0 bright ones.
    pub line: f64,
    /// Weight of edges.
    pub edge: f64,
    /// σ of the Gaussian before derivatives are taken, mm.
    pub sigma_mm: f32,
    /// Most steps.
    pub iterations: usize,
    /// Stops once no point moves further in a step, mm.
    pub tolerance_mm: f64,
}

impl Default for Snake {
    fn default() -> Self {
        Self {
            tension: 0.05,
            rigidity: 0.1,
            viscosity: 0.5,
            line: 0.0,
            edge: 10.0,
            sigma_mm: 2.0,
            iterations: 1000,
            tolerance_mm: 1e-3,
        }
    }
}

/// A spring between one point of the curve and a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pin {
    /// Index of the point.
    pub point: usize,
    /// Where it is dragged to, `(j, i)` in fractional voxels.
    pub target: [f64; 2],
    /// k: how strongly; 10 moves a point of a default snake nearly all the way.
    pub stiffness: f64,
}

/// Where a snake came to rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Evolved {
    /// Points `(j, i)` in fractional voxels, in the order in which they were given.
    pub curve: Vec<[f64; 2]>,
    /// Steps taken.
    pub steps: usize,
    /// Furthest that a point moved in the last step, mm.
    pub moved_mm: f64,
}

/// Longest curve, in points.
pub const MAX_POINTS: usize = 100_000;

/// Moves a closed curve on a slice `[j, i]` until it rests.
///
/// # Errors
/// Fewer than 5 points or more than [`MAX_POINTS`], points that are no numbers, pins on points that the
/// curve does not have, or unusable weights.
pub fn evolve(
    image: ArrayView2<'_, f32>,
    spacing_mm: [f32; 2],
    curve: &[[f64; 2]],
    pins: &[Pin],
    snake: &Snake,
) -> Result<Evolved, ClassicalError> {
    check(image, spacing_mm, curve, pins, snake)?;
    let spacing = spacing_mm.map(f64::from);
    let potential = Potential::new(image, spacing_mm, snake)?;
    let mut springs = vec![0.0; curve.len()];
    let mut pull = vec![[0.0; 2]; curve.len()];
    for pin in pins {
        let place = millimetres(pin.target, spacing);
        if let (Some(spring), Some(pull)) = (springs.get_mut(pin.point), pull.get_mut(pin.point)) {
            *spring += pin.stiffness;
            pull.iter_mut().zip(place).for_each(|(p, x)| *p += pin.stiffness * x);
        }
    }
    let stiffness = Stiffness::new(snake, &springs);
    let mut points: Vec<[f64; 2]> = curve.iter().map(|&p| millimetres(p, spacing)).collect();
    let (mut steps, mut moved_mm) = (0, f64::INFINITY);
    while steps < snake.iterations && moved_mm > snake.tolerance_mm {
        let mut next: Vec<[f64; 2]> = points
            .iter()
            .zip(&pull)
            .map(|(&[y, x], &[py, px])| {
                let [fy, fx] = potential.force([y, x]);
                [snake.viscosity * y + fy + py, snake.viscosity * x + fx + px]
            })
            .collect();
        stiffness.solve(&mut next);
        let distance = |([ay, ax], [by, bx]): (&[f64; 2], &[f64; 2])| (ay - by).hypot(ax - bx);
        moved_mm = points.iter().zip(&next).map(distance).fold(0.0, f64::max);
        points = next;
        steps += 1;
    }
    let [sy, sx] = spacing;
    Ok(Evolved { curve: points.into_iter().map(|[y, x]| [y / sy, x / sx]).collect(), steps, moved_mm })
}

fn millimetres([j, i]: [f64; 2], [sj, si]: [f64; 2]) -> [f64; 2] {
    [j * sj, i * si]
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
    if !(5..=MAX_POINTS).contains(&curve.len()) {
        return wrong("The number of points", curve.len() as f64, "5 to 100000; draw a longer curve or thin it out");
    }
    if let Some(value) = curve.iter().chain(pins.iter().map(|p| &p.target)).flatten().find(|v| !v.is_finite()) {
        return wrong("A coordinate", *value, "a finite number of voxels");
    }
    if let Some(pin) = pins.iter().find(|p| p.point >= curve.len()) {
        return wrong("A pin's point", pin.point as f64, "the index of a point of the curve");
    }
    positive("viscosity", snake.viscosity as f32)?;
    for (name, value) in [("tension", snake.tension), ("rigidity", snake.rigidity)] {
        not_negative(name, value as f32)?;
    }
    pins.iter().try_for_each(|p| not_negative("A pin's stiffness", p.stiffness as f32).map(|_| ()))
}
