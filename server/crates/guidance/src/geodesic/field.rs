//! A geodesic map that follows clicks as they come and go.
#![allow(clippy::indexing_slicing)] // Points and ranges are checked against the shape at the entrance.

use super::pending::{Pending, Region};
use super::sweep::{self, Field};
use super::{Geodesic, limit_of};
use crate::local::reach_box;
use crate::{GuidanceError, check};
use ndarray::{Array3, ArrayView3};
use std::ops::Range;

/// Geodesic distance to a changing set of points, always equal in every bit to
/// [`crate::geodesic_distance`] of the points that are in.
///
/// Each voxel keeps its distance and the point it belongs to (8 bytes together). A new point lowers
/// only what it is nearer to; a removed one leaves a hole that is filled from its rim. So the work
/// is in proportion to what changes, and a cut-off bounds it. The image is not kept: give the same
/// one to every call.
///
/// ```
/// # use isochrone_guidance::{Geodesic, GeodesicField};
/// # use ndarray::Array3;
/// let image = Array3::<f32>::zeros((20, 30, 30));
/// let metric = Geodesic { cutoff: Some(8.0), ..Geodesic::new([3.0, 2.0, 2.0]) };
/// let mut field = GeodesicField::new(&[image.view()], metric)?;
/// field.insert(&[image.view()], [10, 15, 15])?;
/// assert_eq!(field.map()[[10, 15, 16]], 1.0);
/// field.remove(&[image.view()], [10, 15, 15])?;
/// assert!(field.map().iter().all(|d| d.is_infinite()));
/// # Ok::<(), isochrone_guidance::GuidanceError>(())
/// ```
#[derive(Debug, Clone)]
pub struct GeodesicField {
    metric: Geodesic,
    channels: usize,
    distance: Array3<f32>,
    /// 0 where nothing was reached, else the seed's place in `seeds` plus 1.
    label: Array3<u32>,
    seeds: Vec<Option<Seed>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Seed {
    point: [usize; 3],
    /// How often it was inserted.
    count: usize,
}

/// Most channels that a field can follow.
pub(crate) const MAX_CHANNELS: usize = 3;

/// A box `[k, j, i]` of half-open ranges.
pub type Touched = [Range<usize>; 3];

impl GeodesicField {
    /// A field without points (+∞ everywhere) over 1 to 3 channels `[k, j, i]` of one shape, which
    /// are checked here, once.
    ///
    /// # Errors
    /// No channel or too many, different or empty shapes, NaN or infinity, a parameter outside its
    /// range, an array that is not contiguous in `[k, j, i]` order, rows longer than 32768 voxels.
    pub fn new(image: &[ArrayView3<'_, f32>], metric: Geodesic) -> Result<Self, GuidanceError> {
        let shape = check::channels(image)?;
        metric.check()?;
        flat(image, shape)?;
        if Pending::new(Region { k: 0..1, j: 0..1, i: 0..shape[2] }).is_none() {
            return Err(GuidanceError::Shape(shape));
        }
        let (distance, label) = (Array3::from_elem(shape, f32::INFINITY), Array3::zeros(shape));
        Ok(Self { metric, channels: image.len(), distance, label, seeds: Vec::new() })
    }

    /// Distances `[k, j, i]`; +∞ beyond the cut-off.
    #[must_use]
    pub fn map(&self) -> ArrayView3<'_, f32> {
        self.distance.view()
    }

    /// How distances are measured.
    #[must_use]
    pub fn metric(&self) -> &Geodesic {
        &self.metric
    }

    /// The points that are in, `[k, j, i]`, each once.
    pub fn points(&self) -> impl Iterator<Item = [usize; 3]> + '_ {
        self.seeds.iter().flatten().map(|s| s.point)
    }

    /// Puts a point in; returns the box outside which nothing changed. A point may be put in several times.
    ///
    /// # Errors
    /// A point outside, an image of another shape or number of channels.
    pub fn insert(&mut self, image: &[ArrayView3<'_, f32>], point: [usize; 3]) -> Result<Touched, GuidanceError> {
        let image = self.image(image)?;
        let shape = self.shape();
        check::points(&[point], shape)?;
        let nothing = point.map(|n| n..n);
        if let Some(seed) = self.seeds.iter_mut().flatten().find(|s| s.point == point) {
            seed.count += 1;
            return Ok(nothing);
        }
        let slot = self.seeds.iter().position(Option::is_none).unwrap_or(self.seeds.len());
        let seed = Some(Seed { point, count: 1 });
        match self.seeds.get_mut(slot) {
            Some(free) => *free = seed,
            None => self.seeds.push(seed),
        }
        if self.distance[point] == 0.0 {
            return Ok(nothing);
        }
        let region = self.reach(point);
        let Some(mut pending) = Pending::new(region.clone()) else { return Err(GuidanceError::Shape(shape)) };
        self.swap_unreached(&region, f32::INFINITY, limit_of(&self.metric));
        self.seed(slot, point, &mut pending);
        self.sweep(&image, &mut pending);
        self.swap_unreached(&region, limit_of(&self.metric), f32::INFINITY);
        Ok([region.k, region.j, region.i])
    }

    /// Takes a point out; returns the box outside which nothing changed.
    ///
    /// # Errors
    /// A point that is not in, an image of another shape or number of channels.
    pub fn remove(&mut self, image: &[ArrayView3<'_, f32>], point: [usize; 3]) -> Result<Touched, GuidanceError> {
        let image = self.image(image)?;
        let unknown = GuidanceError::PointUnknown(point);
        let slot = self.seeds.iter().position(|s| s.is_some_and(|s| s.point == point)).ok_or(unknown)?;
        if let Some(seed) = self.seeds[slot].as_mut().filter(|s| s.count > 1) {
            seed.count -= 1;
            return Ok(point.map(|n| n..n));
        }
        self.seeds[slot] = None;
        let limit = limit_of(&self.metric);
        let holes = self.dig(slot, &self.reach(point), limit);
        let Some(region) = around(&holes, self.shape()) else { return Ok(point.map(|n| n..n)) };
        let Some(mut pending) = Pending::new(region.clone()) else { return Err(GuidanceError::Shape(self.shape())) };
        self.swap_unreached(&region, f32::INFINITY, limit);
        for (k, j, i) in holes {
            pending.ask(k, j, i);
        }
        // Points that had been reached at no cost lie in the hole themselves.
        for slot in 0..self.seeds.len() {
            if let Some(seed) = self.seeds[slot].filter(|s| self.distance[s.point] != 0.0) {
                self.seed(slot, seed.point, &mut pending);
            }
        }
        self.sweep(&image, &mut pending);
        self.swap_unreached(&region, limit, f32::INFINITY);
        Ok([region.k, region.j, region.i])
    }

    fn shape(&self) -> [usize; 3] {
        check::shape_of(&self.distance.view())
    }

    fn image<'a>(&self, image: &[ArrayView3<'a, f32>]) -> Result<Vec<&'a [f32]>, GuidanceError> {
        if image.len() != self.channels {
            return Err(GuidanceError::Channels { expected: self.channels, got: image.len() });
        }
        flat(image, self.shape())
    }

    /// The box that a point can reach within the cut-off.
    fn reach(&self, point: [usize; 3]) -> Region {
        let shape = self.shape();
        let reach_mm = self.metric.cutoff.unwrap_or(f32::INFINITY) / (1.0 - self.metric.lambda);
        // Sums of steps round down by less than this.
        let [k, j, i] = reach_box(shape, point, self.metric.spacing_mm, reach_mm * 1.001);
        if reach_mm.is_finite() { Region { k, j, i } } else { Region::whole(shape) }
    }

    fn seed(&mut self, slot: usize, point: [usize; 3], pending: &mut Pending) {
        self.distance[point] = 0.0;
        self.label[point] = slot as u32 + 1;
        pending.announce(point);
    }

    /// Replaces one mark of unreached voxels by another.
    fn swap_unreached(&mut self, region: &Region, from: f32, to: f32) {
        if from.to_bits() == to.to_bits() {
            return;
        }
        let mut part = self.distance.slice_mut(ndarray::s![region.k.clone(), region.j.clone(), region.i.clone()]);
        part.rows_mut().into_iter().for_each(|mut row| row.iter_mut().for_each(|d| *d = if *d >= from { to } else { *d }));
    }

    /// Raises every voxel of a seed; returns the ranges of `i` that hold them, row by row.
    fn dig(&mut self, slot: usize, region: &Region, limit: f32) -> Vec<(usize, usize, Range<usize>)> {
        let (mut holes, label) = (Vec::new(), slot as u32 + 1);
        for k in region.k.clone() {
            for j in region.j.clone() {
                let mut labels = self.label.slice_mut(ndarray::s![k, j, region.i.clone()]);
                let Some(labels) = labels.as_slice_mut() else { continue };
                // Without an early exit, so that it becomes SIMD; most rows hold none.
                if !labels.iter().fold(false, |any, l| any | (*l == label)) {
                    continue;
                }
                let mut distances = self.distance.slice_mut(ndarray::s![k, j, region.i.clone()]);
                let (mut first, mut last) = (usize::MAX, 0);
                for (n, (l, d)) in labels.iter_mut().zip(distances.iter_mut()).enumerate().filter(|(_, (l, _))| **l == label) {
                    (*l, *d) = (0, limit);
                    (first, last) = (first.min(n), n);
                }
                holes.push((k, j, region.i.start + first..region.i.start + last + 1));
            }
        }
        holes
    }

    fn sweep(&mut self, image: &[&[f32]], pending: &mut Pending) {
        let shape = self.shape();
        let (Some(distance), Some(label)) = (self.distance.as_slice_mut(), self.label.as_slice_mut()) else { return };
        let metric = &self.metric;
        match *image {
            [a] => sweep::run::<1, true>(&mut Field { distance, label, image: [a], shape }, pending, metric),
            [a, b] => sweep::run::<2, true>(&mut Field { distance, label, image: [a, b], shape }, pending, metric),
            [a, b, c] => sweep::run::<3, true>(&mut Field { distance, label, image: [a, b, c], shape }, pending, metric),
            _ => {}
        }
    }
}

/// Channels as flat slices.
fn flat<'a>(image: &[ArrayView3<'a, f32>], expected: [usize; 3]) -> Result<Vec<&'a [f32]>, GuidanceError> {
    if image.is_empty() || image.len() > MAX_CHANNELS {
        return Err(GuidanceError::Channels { expected: MAX_CHANNELS, got: image.len() });
    }
    let one = |channel: &ArrayView3<'a, f32>| {
        let got = check::shape_of(channel);
        if got != expected {
            return Err(GuidanceError::ShapesDiffer { expected, got });
        }
        channel.to_slice().ok_or(GuidanceError::Layout)
    };
    image.iter().map(one).collect()
}

/// The box round all holes and one voxel more.
fn around(holes: &[(usize, usize, Range<usize>)], [nk, nj, ni]: [usize; 3]) -> Option<Region> {
    let grow = |low: usize, high: usize, n: usize| low.saturating_sub(1)..(high + 2).min(n);
    let ks = (holes.iter().map(|h| h.0).min()?, holes.iter().map(|h| h.0).max()?);
    let js = (holes.iter().map(|h| h.1).min()?, holes.iter().map(|h| h.1).max()?);
    let is = (holes.iter().map(|h| h.2.start).min()?, holes.iter().map(|h| h.2.end - 1).max()?);
    Some(Region { k: grow(ks.0, ks.1, nk), j: grow(js.0, js.1, nj), i: grow(is.0, is.1, ni) })
}
