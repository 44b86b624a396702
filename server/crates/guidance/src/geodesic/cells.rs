//! Which point each voxel of a geodesic map belongs to, and how that changes.
#![allow(clippy::indexing_slicing)] // Points and ranges are checked against the shape at the entrance.

use super::pending::{Pending, Region};
use super::sweep::{self, Field};
use super::{Geodesic, limit_of};
use crate::local::reach_box;
use crate::{GuidanceError, check};
use ndarray::{Array3, ArrayView3, ArrayViewMut3};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::ops::Range;

/// The cells of a geodesic map's points, kept apart from the distances so that these may lie in
/// memory that somebody else owns (a NumPy array). [`super::GeodesicField`] holds both.
#[derive(Debug, Clone)]
pub struct GeodesicCells {
    metric: Geodesic,
    channels: usize,
    /// 0 where nothing was reached, else the seed's place in `seeds` plus 1.
    label: Array3<u32>,
    seeds: Vec<Option<Seed>>,
    /// The place in `seeds` of each point that is in.
    place_of: HashMap<[usize; 3], usize>,
    /// Empty places in `seeds`, the first one on top.
    free: BinaryHeap<Reverse<usize>>,
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

impl GeodesicCells {
    /// No points, over 1 to 3 channels `[k, j, i]` of one shape; the distances must be +∞ everywhere.
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
        Ok(Self {
            metric,
            channels: image.len(),
            label: Array3::zeros(shape),
            seeds: Vec::new(),
            place_of: HashMap::new(),
            free: BinaryHeap::new(),
        })
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

    /// Puts a point in, changing `distance`; see [`super::GeodesicField::insert`].
    ///
    /// # Errors
    /// A point outside, an image or distances of another shape or layout, another number of channels.
    pub fn insert(
        &mut self,
        distance: ArrayViewMut3<'_, f32>,
        image: &[ArrayView3<'_, f32>],
        point: [usize; 3],
    ) -> Result<Touched, GuidanceError> {
        Change::new(self, distance)?.insert(image, &[point])
    }

    /// Puts points in together, which is quicker than one by one.
    ///
    /// # Errors
    /// As [`GeodesicCells::insert`]; then none is in.
    pub fn insert_all(
        &mut self,
        distance: ArrayViewMut3<'_, f32>,
        image: &[ArrayView3<'_, f32>],
        points: &[[usize; 3]],
    ) -> Result<Touched, GuidanceError> {
        Change::new(self, distance)?.insert(image, points)
    }

    /// Takes a point out, changing `distance`; see [`super::GeodesicField::remove`].
    ///
    /// # Errors
    /// A point that is not in; else as [`GeodesicCells::insert`].
    pub fn remove(
        &mut self,
        distance: ArrayViewMut3<'_, f32>,
        image: &[ArrayView3<'_, f32>],
        point: [usize; 3],
    ) -> Result<Touched, GuidanceError> {
        Change::new(self, distance)?.remove(image, point)
    }
}

/// One change: the cells and the distances that belong to them.
struct Change<'a> {
    cells: &'a mut GeodesicCells,
    distance: ArrayViewMut3<'a, f32>,
}

impl<'c> Change<'c> {
    fn new(cells: &'c mut GeodesicCells, distance: ArrayViewMut3<'c, f32>) -> Result<Self, GuidanceError> {
        let (expected, got) = (check::shape_of(&cells.label.view()), check::shape_of(&distance.view()));
        if expected != got {
            return Err(GuidanceError::ShapesDiffer { expected, got });
        }
        if !distance.is_standard_layout() {
            return Err(GuidanceError::Layout);
        }
        Ok(Self { cells, distance })
    }

    /// Puts points in; returns the box outside which nothing changed. A point may be put in several times.
    pub(super) fn insert(
        &mut self,
        image: &[ArrayView3<'_, f32>],
        points: &[[usize; 3]],
    ) -> Result<Touched, GuidanceError> {
        let image = self.image(image)?;
        let shape = self.shape();
        check::points(points, shape)?;
        let mut new = Vec::new();
        for &point in points {
            if let Some(slot) = self.add(point).filter(|_| self.distance[point] != 0.0) {
                new.push((slot, point));
            }
        }
        let boxes = new.iter().map(|(_, point)| self.reach(*point));
        let Some(region) = boxes.reduce(|a, b| a.union(&b)) else { return Ok([0..0, 0..0, 0..0]) };
        let Some(mut pending) = Pending::new(region.clone()) else { return Err(GuidanceError::Shape(shape)) };
        self.swap_unreached(&region, f32::INFINITY, limit_of(&self.cells.metric));
        for (slot, point) in new {
            self.seed(slot, point, &mut pending);
        }
        self.sweep(&image, &mut pending);
        self.swap_unreached(&region, limit_of(&self.cells.metric), f32::INFINITY);
        Ok([region.k, region.j, region.i])
    }

    /// Notes a point; returns its place if it was not in before.
    fn add(&mut self, point: [usize; 3]) -> Option<usize> {
        let GeodesicCells { seeds, place_of, free, .. } = &mut *self.cells;
        if let Some(seed) = place_of.get(&point).and_then(|slot| seeds.get_mut(*slot)?.as_mut()) {
            seed.count += 1;
            return None;
        }
        let slot = free.pop().map_or(seeds.len(), |Reverse(slot)| slot);
        let seed = Some(Seed { point, count: 1 });
        match seeds.get_mut(slot) {
            Some(free) => *free = seed,
            None => seeds.push(seed),
        }
        place_of.insert(point, slot);
        Some(slot)
    }

    /// Takes a point out; returns the box outside which nothing changed.
    pub(super) fn remove(
        &mut self,
        image: &[ArrayView3<'_, f32>],
        point: [usize; 3],
    ) -> Result<Touched, GuidanceError> {
        let image = self.image(image)?;
        let unknown = GuidanceError::PointUnknown(point);
        let slot = *self.cells.place_of.get(&point).ok_or(unknown)?;
        if let Some(seed) = self.cells.seeds[slot].as_mut().filter(|s| s.count > 1) {
            seed.count -= 1;
            return Ok(point.map(|n| n..n));
        }
        self.cells.seeds[slot] = None;
        self.cells.place_of.remove(&point);
        self.cells.free.push(Reverse(slot));
        let limit = limit_of(&self.cells.metric);
        let holes = self.dig(slot, &self.reach(point), limit);
        let Some(region) = around(&holes, self.shape()) else { return Ok(point.map(|n| n..n)) };
        let Some(mut pending) = Pending::new(region.clone()) else { return Err(GuidanceError::Shape(self.shape())) };
        self.swap_unreached(&region, f32::INFINITY, limit);
        for (k, j, i) in holes {
            pending.ask(k, j, i);
        }
        // Points that had been reached at no cost lie in the hole themselves.
        for slot in 0..self.cells.seeds.len() {
            if let Some(seed) = self.cells.seeds[slot].filter(|s| self.distance[s.point] != 0.0) {
                self.seed(slot, seed.point, &mut pending);
            }
        }
        self.sweep(&image, &mut pending);
        self.swap_unreached(&region, limit, f32::INFINITY);
        Ok([region.k, region.j, region.i])
    }

    fn shape(&self) -> [usize; 3] {
        check::shape_of(&self.cells.label.view())
    }

    fn image<'a>(&self, image: &[ArrayView3<'a, f32>]) -> Result<Vec<&'a [f32]>, GuidanceError> {
        if image.len() != self.cells.channels {
            return Err(GuidanceError::Channels { expected: self.cells.channels, got: image.len() });
        }
        flat(image, self.shape())
    }

    /// The box that a point can reach within the cut-off.
    fn reach(&self, point: [usize; 3]) -> Region {
        let shape = self.shape();
        let reach_mm = self.cells.metric.cutoff.unwrap_or(f32::INFINITY) / (1.0 - self.cells.metric.lambda);
        // Sums of steps round down by less than this.
        let [k, j, i] = reach_box(shape, point, self.cells.metric.spacing_mm, reach_mm * 1.001);
        if reach_mm.is_finite() { Region { k, j, i } } else { Region::whole(shape) }
    }

    fn seed(&mut self, slot: usize, point: [usize; 3], pending: &mut Pending) {
        self.distance[point] = 0.0;
        self.cells.label[point] = slot as u32 + 1;
        pending.announce(point);
    }

    /// Replaces one mark of unreached voxels by another.
    fn swap_unreached(&mut self, region: &Region, from: f32, to: f32) {
        if from.to_bits() == to.to_bits() {
            return;
        }
        let mut part = self.distance.slice_mut(ndarray::s![region.k.clone(), region.j.clone(), region.i.clone()]);
        part.rows_mut()
            .into_iter()
            .for_each(|mut row| row.iter_mut().for_each(|d| *d = if *d >= from { to } else { *d }));
    }

    /// Raises every voxel of a seed; returns the ranges of `i` that hold them, row by row.
    fn dig(&mut self, slot: usize, region: &Region, limit: f32) -> Vec<(usize, usize, Range<usize>)> {
        let (mut holes, label) = (Vec::new(), slot as u32 + 1);
        for k in region.k.clone() {
            for j in region.j.clone() {
                let mut labels = self.cells.label.slice_mut(ndarray::s![k, j, region.i.clone()]);
                let Some(labels) = labels.as_slice_mut() else { continue };
                // Without an early exit, so that it becomes SIMD; most rows hold none.
                if !labels.iter().fold(false, |any, l| any | (*l == label)) {
                    continue;
                }
                let mut distances = self.distance.slice_mut(ndarray::s![k, j, region.i.clone()]);
                let (mut first, mut last) = (usize::MAX, 0);
                for (n, (l, d)) in
                    labels.iter_mut().zip(distances.iter_mut()).enumerate().filter(|(_, (l, _))| **l == label)
                {
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
        let (Some(distance), Some(label)) = (self.distance.as_slice_mut(), self.cells.label.as_slice_mut()) else {
            return;
        };
        let metric = &self.cells.metric;
        match *image {
            [a] => sweep::run::<1, true>(&mut Field { distance, label, image: [a], shape }, pending, metric),
            [a, b] => sweep::run::<2, true>(&mut Field { distance, label, image: [a, b], shape }, pending, metric),
            [a, b, c] => {
                sweep::run::<3, true>(&mut Field { distance, label, image: [a, b, c], shape }, pending, metric)
            }
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
