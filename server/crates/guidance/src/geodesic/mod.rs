//! Geodesic distance on the 26-neighbour grid.
//!
//! A step between neighbours costs `(1−λ)·‖offset‖_mm + λ·Σ|ΔI|` (the additive mix of FastGeodis,
//! Asad et al., JOSS 2022), summed over image channels; the distance is the cheapest path to any
//! point. All sums are `f32` in the order of the path, so the map has one defined value in every
//! bit: the least over all paths, whatever algorithm finds it.

mod cells;
mod dijkstra;
mod field;
mod kernel;
mod pending;
mod pillar;
mod slice;
mod step;
mod sweep;

use crate::{GuidanceError, check};
pub use cells::{GeodesicCells, Touched};
pub use field::GeodesicField;
use ndarray::{Array3, ArrayView3, ArrayViewMut3};
use rayon::prelude::*;
use step::Steps;

/// How a geodesic distance is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geodesic {
    /// Voxel sides in mm, `(k, j, i)`.
    pub spacing_mm: [f32; 3],
    /// λ in `[0, 1]`: 0 is distance alone, 1 is intensity alone. The image's unit is a mm's equal,
    /// so normalise the image first.
    pub lambda: f32,
    /// Distances above this are written as +∞ and not searched; `None` for the full map.
    pub cutoff: Option<f32>,
}

impl Geodesic {
    /// λ = 0.5, full map.
    #[must_use]
    pub fn new(spacing_mm: [f32; 3]) -> Self {
        Self { spacing_mm, lambda: 0.5, cutoff: None }
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// λ outside `[0, 1]`, a negative or NaN cut-off, an unusable spacing.
    pub fn check(&self) -> Result<(), GuidanceError> {
        check::spacing(self.spacing_mm)?;
        check::lambda(self.lambda)?;
        check::cutoff(self.cutoff)
    }
}

/// Geodesic distance from every voxel to the nearest of `points`, `[k, j, i]`.
///
/// `image` `[k, j, i]` is one channel; see [`geodesic_distance_channels`] for more. Without points
/// every distance is +∞.
///
/// # Errors
/// An empty image, NaN or infinity in it, a point outside, a parameter outside its range.
pub fn geodesic_distance(
    image: ArrayView3<'_, f32>,
    points: &[[usize; 3]],
    metric: &Geodesic,
) -> Result<Array3<f32>, GuidanceError> {
    geodesic_distance_channels(&[image], points, metric)
}

/// As [`geodesic_distance`] with several channels (PET and CT) of one shape; their differences add up.
///
/// # Errors
/// As [`geodesic_distance`]; no channel, or channels of different shape.
pub fn geodesic_distance_channels(
    image: &[ArrayView3<'_, f32>],
    points: &[[usize; 3]],
    metric: &Geodesic,
) -> Result<Array3<f32>, GuidanceError> {
    let mut out = Array3::zeros(image.first().map(|c| c.raw_dim()).unwrap_or_default());
    geodesic_distance_into(out.view_mut(), image, points, metric)?;
    Ok(out)
}

/// As [`geodesic_distance_channels`], into an array `[k, j, i]` that exists (its values do not matter).
///
/// # Errors
/// As [`geodesic_distance_channels`]; an array of another shape, or not contiguous in `[k, j, i]` order.
pub fn geodesic_distance_into(
    mut out: ArrayViewMut3<'_, f32>,
    image: &[ArrayView3<'_, f32>],
    points: &[[usize; 3]],
    metric: &Geodesic,
) -> Result<(), GuidanceError> {
    let (expected, got) = (check::channels(image)?, check::shape_of(&out.view()));
    if expected != got {
        return Err(GuidanceError::ShapesDiffer { expected, got });
    }
    check::points(points, expected)?;
    metric.check()?;
    let standard: Vec<_> = image.iter().map(|c| c.as_standard_layout()).collect();
    let flat: Vec<&[f32]> = standard.iter().filter_map(|c| c.as_slice()).collect();
    let map = out.as_slice_mut().ok_or(GuidanceError::Layout)?;
    full(map, &flat, expected, points, metric);
    Ok(())
}

/// Fills `map` by sweeps, or by Dijkstra's algorithm where they do not apply.
fn full(map: &mut [f32], image: &[&[f32]], shape: [usize; 3], points: &[[usize; 3]], metric: &Geodesic) {
    match *image {
        [a] => swept(map, [a], shape, points, metric),
        [a, b] => swept(map, [a, b], shape, points, metric),
        [a, b, c] => swept(map, [a, b, c], shape, points, metric),
        _ => searched(map, image, shape, points, metric),
    }
}

fn swept<const C: usize>(
    map: &mut [f32],
    image: [&[f32]; C],
    shape: [usize; 3],
    points: &[[usize; 3]],
    metric: &Geodesic,
) {
    let Some(mut pending) = pending::Pending::new(pending::Region::whole(shape)) else {
        searched(map, &image, shape, points, metric);
        return;
    };
    let limit = limit_of(metric);
    fill(map, limit);
    let [_, nj, ni] = shape;
    for &[k, j, i] in points {
        if let Some(v) = map.get_mut((k * nj + j) * ni + i) {
            *v = 0.0;
        }
        pending.announce([k, j, i]);
    }
    sweep::run::<C, false>(&mut sweep::Field { distance: map, label: &mut [], image, shape }, &mut pending, metric);
    if limit < f32::INFINITY {
        map.par_chunks_mut(CHUNK)
            .for_each(|part| part.iter_mut().for_each(|v| *v = if *v < limit { *v } else { f32::INFINITY }));
    }
}

/// What unreached voxels hold during a search: the least value above the cut-off, so that no
/// candidate beyond it is lower.
fn limit_of(metric: &Geodesic) -> f32 {
    metric.cutoff.unwrap_or(f32::INFINITY).next_up()
}

fn searched(map: &mut [f32], image: &[&[f32]], shape: [usize; 3], points: &[[usize; 3]], metric: &Geodesic) {
    fill(map, f32::INFINITY);
    dijkstra::run(map, image, shape, points, metric);
}

/// Voxels handed to a thread at a time.
const CHUNK: usize = 1 << 16;

fn fill(map: &mut [f32], value: f32) {
    map.par_chunks_mut(CHUNK).for_each(|part| part.fill(value));
}

/// `exp(−D/τ)` of the geodesic distance `D`: 1 at the points, falling to 0; 0 everywhere without points.
///
/// `tau` is the decay in the distance's unit. After Luo et al., "MIDeepSeg" (Medical Image
/// Analysis 2021).
///
/// # Errors
/// As [`geodesic_distance`]; τ not above 0.
pub fn exponential_geodesic(
    image: ArrayView3<'_, f32>,
    points: &[[usize; 3]],
    metric: &Geodesic,
    tau: f32,
) -> Result<Array3<f32>, GuidanceError> {
    exponential_geodesic_channels(&[image], points, metric, tau)
}

/// As [`exponential_geodesic`] with several channels of one shape.
///
/// # Errors
/// As [`exponential_geodesic`] and [`geodesic_distance_channels`].
pub fn exponential_geodesic_channels(
    image: &[ArrayView3<'_, f32>],
    points: &[[usize; 3]],
    metric: &Geodesic,
    tau: f32,
) -> Result<Array3<f32>, GuidanceError> {
    check::positive("tau", tau)?;
    let mut map = geodesic_distance_channels(image, points, metric)?;
    map.par_mapv_inplace(|d| (-d / tau).exp());
    Ok(map)
}
