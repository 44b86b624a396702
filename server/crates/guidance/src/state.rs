//! The points of a session, per label and polarity, and the maps that follow them.

use crate::local::{Bump, paint};
use crate::signals::{Adaptive, adaptive_sigma, attract};
use crate::{Geodesic, GeodesicField, GuidanceError, check, euclidean, location_prior};
use ndarray::{Array3, ArrayView3, ArrayViewMut3, s};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// What a layer of points looks like to a network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Signal {
    /// As [`crate::gaussian`]; σ in mm.
    Gaussian {
        /// σ, mm.
        sigma_mm: f32,
    },
    /// As [`crate::disk`].
    Disk {
        /// Radius, mm.
        radius_mm: f32,
    },
    /// As [`crate::euclidean_distance`].
    Euclidean,
    /// As [`crate::geodesic_distance`], kept up to date.
    Geodesic {
        /// λ of [`Geodesic`].
        lambda: f32,
        /// Cut-off of [`Geodesic`].
        cutoff: Option<f32>,
    },
    /// As [`crate::exponential_geodesic`], kept up to date.
    ExponentialGeodesic {
        /// λ of [`Geodesic`].
        lambda: f32,
        /// Cut-off of [`Geodesic`].
        cutoff: Option<f32>,
        /// Decay, in the distance's unit.
        tau: f32,
    },
    /// As [`crate::adaptive_gaussian`]; each point's σ is measured once.
    AdaptiveGaussian {
        /// λ of [`Geodesic`].
        lambda: f32,
        /// How σ follows the image.
        adaptive: Adaptive,
    },
    /// As [`crate::location_prior`]; edges are the voxels of the first channel that are not 0.
    LocationPrior,
    /// As [`crate::attraction_field`], each point a charge of +1.
    Attraction {
        /// ε, mm².
        epsilon_mm2: f32,
    },
}

impl Signal {
    fn check(&self) -> Result<(), GuidanceError> {
        let spacing_mm = [1.0; 3];
        match *self {
            Self::Gaussian { sigma_mm } => check::measure("sigma", sigma_mm),
            Self::Disk { radius_mm } => check::not_negative("radius", radius_mm),
            Self::Euclidean | Self::LocationPrior => Ok(()),
            Self::Geodesic { lambda, cutoff } => Geodesic { spacing_mm, lambda, cutoff }.check(),
            Self::ExponentialGeodesic { lambda, cutoff, tau } => {
                check::positive("tau", tau)?;
                Geodesic { spacing_mm, lambda, cutoff }.check()
            }
            Self::AdaptiveGaussian { lambda, adaptive } => {
                check::lambda(lambda)?;
                adaptive.check()
            }
            Self::Attraction { epsilon_mm2 } => check::measure("epsilon", epsilon_mm2),
        }
    }
}

/// Whose points: a label's, for it or against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Layer {
    /// Number of the label.
    pub label: u32,
    /// Points that lie in the label, or points that do not.
    pub positive: bool,
}

/// The points of every label and polarity on one grid, and what they look like.
///
/// Points go in and out one by one or in groups; a map is handed out for the box that is asked for.
/// Nothing is kept on the whole grid but geodesic distances (8 bytes a voxel and layer that has
/// points). Every map equals the one-shot function's in every bit (Euclidean distances to more than
/// a few points: up to rounding). The image is not kept: give the
/// same one, contiguous `[k, j, i]`, to every call; without geodesic or adaptive signals it may be empty.
///
/// ```
/// # use isochrone_guidance::{GuidanceState, Layer, Signal};
/// let mut state = GuidanceState::new([40, 50, 60], [3.0, 2.0, 2.0], Signal::Gaussian { sigma_mm: 4.0 })?;
/// let layer = Layer { label: 1, positive: true };
/// state.insert(&[], layer, &[[20, 25, 30]])?;
/// let seen = state.region(&[], layer, [10..30, 20..40, 20..40])?;
/// assert_eq!((seen.dim(), seen[[10, 5, 10]]), ((20, 20, 20), 1.0));
/// state.remove(&[], layer, &[[20, 25, 30]])?;
/// assert!(state.whole(&[], layer)?.iter().all(|v| *v == 0.0));
/// # Ok::<(), isochrone_guidance::GuidanceError>(())
/// ```
#[derive(Debug, Clone)]
pub struct GuidanceState {
    shape: [usize; 3],
    spacing_mm: [f32; 3],
    signal: Signal,
    layers: BTreeMap<Layer, Points>,
}

/// One layer: its points (a point may be in several times), each with its σ where that is its own.
#[derive(Debug, Clone, Default)]
struct Points {
    points: Vec<([usize; 3], f32)>,
    field: Option<GeodesicField>,
}

impl GuidanceState {
    /// No points yet, on a grid of `shape` `[k, j, i]` with voxels of `spacing_mm` in the same order.
    ///
    /// # Errors
    /// An empty shape, an unusable spacing, a parameter of the signal outside its range.
    pub fn new(shape: [usize; 3], spacing_mm: [f32; 3], signal: Signal) -> Result<Self, GuidanceError> {
        check::all(shape, &[], spacing_mm)?;
        signal.check()?;
        Ok(Self { shape, spacing_mm, signal, layers: BTreeMap::new() })
    }

    /// What the points look like.
    #[must_use]
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// A layer's points, `[k, j, i]`, in the order in which they came.
    pub fn points(&self, layer: Layer) -> impl Iterator<Item = [usize; 3]> + '_ {
        self.layers.get(&layer).into_iter().flat_map(|l| l.points.iter().map(|p| p.0))
    }

    /// Puts points into a layer.
    ///
    /// # Errors
    /// A point outside; an image of another shape, number of channels or layout; then none is in.
    pub fn insert(
        &mut self,
        image: &[ArrayView3<'_, f32>],
        layer: Layer,
        points: &[[usize; 3]],
    ) -> Result<(), GuidanceError> {
        check::points(points, self.shape)?;
        let (signal, metric) = (self.signal, self.metric());
        let mut new = Vec::with_capacity(points.len());
        for &point in points {
            let sigma = match signal {
                Signal::AdaptiveGaussian { adaptive, .. } => {
                    check_image(self.shape, image)?;
                    adaptive_sigma(image, point, &metric, &adaptive)?
                }
                _ => 0.0,
            };
            new.push((point, sigma));
        }
        let held = self.layers.entry(layer).or_default();
        if matches!(signal, Signal::Geodesic { .. } | Signal::ExponentialGeodesic { .. }) && !points.is_empty() {
            let mut field = match held.field.take() {
                Some(field) => field,
                None => {
                    check_image(self.shape, image)?;
                    GeodesicField::new(image, metric)?
                }
            };
            let done = field.insert_all(image, points);
            held.field = Some(field);
            done?;
        }
        held.points.append(&mut new);
        Ok(())
    }

    /// Takes points out of a layer.
    ///
    /// # Errors
    /// A point that is not in (those before it are out then); an image as in [`GuidanceState::insert`].
    pub fn remove(
        &mut self,
        image: &[ArrayView3<'_, f32>],
        layer: Layer,
        points: &[[usize; 3]],
    ) -> Result<(), GuidanceError> {
        let Some(&first) = points.first() else { return Ok(()) };
        let held = self.layers.get_mut(&layer).ok_or(GuidanceError::PointUnknown(first))?;
        let mut there = counted(held.points.iter().map(|p| p.0));
        let mut gone = HashMap::new();
        let mut done = Ok(());
        for &point in points {
            match there.get_mut(&point).filter(|count| **count > 0) {
                Some(count) => *count -= 1,
                None => {
                    done = Err(GuidanceError::PointUnknown(point));
                    break;
                }
            }
            if let Some(field) = &mut held.field
                && let Err(error) = field.remove(image, point)
            {
                done = Err(error);
                break;
            }
            *gone.entry(point).or_insert(0) += 1;
        }
        // Of a point that is in several times, the last ones go.
        let mut kept: Vec<_> = held.points.drain(..).rev().filter(|p| !took(&mut gone, p.0)).collect();
        kept.reverse();
        held.points = kept;
        if held.points.is_empty() {
            held.field = None;
        }
        done
    }

    /// Makes `points` the points of a layer: takes out what is not among them, puts in what is new.
    ///
    /// # Errors
    /// As [`GuidanceState::insert`].
    pub fn replace(
        &mut self,
        image: &[ArrayView3<'_, f32>],
        layer: Layer,
        points: &[[usize; 3]],
    ) -> Result<(), GuidanceError> {
        check::points(points, self.shape)?;
        let mut left = counted(points.iter().copied());
        let gone: Vec<_> = self.points(layer).filter(|held| !took(&mut left, *held)).collect();
        // One by one, holes are dug and filled; with most gone, or many, a new start is quicker.
        if 2 * gone.len() > points.len() || gone.len() > MOST_HOLES {
            self.layers.remove(&layer);
            return self.insert(image, layer, points);
        }
        let new: Vec<_> = points.iter().copied().filter(|point| took(&mut left, *point)).collect();
        self.remove(image, layer, &gone)?;
        self.insert(image, layer, &new)
    }

    /// The map of a layer in a box `[k, j, i]` of the grid.
    ///
    /// # Errors
    /// A box that is empty or leaves the grid; an image of another shape where the signal needs one.
    pub fn region(
        &self,
        image: &[ArrayView3<'_, f32>],
        layer: Layer,
        span: [Range<usize>; 3],
    ) -> Result<Array3<f32>, GuidanceError> {
        let size = [0, 1, 2].map(|a| span.get(a).map_or(0, |s: &Range<usize>| s.len()));
        check::shape(size)?;
        if span.iter().zip(self.shape).any(|(s, n)| s.end > n) {
            return Err(GuidanceError::ShapesDiffer { expected: self.shape, got: span.map(|s| s.end) });
        }
        let nothing = Points::default();
        let held = self.layers.get(&layer).unwrap_or(&nothing);
        let origin = [0, 1, 2].map(|a| span.get(a).map_or(0, |s| s.start));
        let mut out = Array3::zeros(size);
        let cut = s![span[0].clone(), span[1].clone(), span[2].clone()];
        match (self.signal, &held.field) {
            (Signal::Geodesic { .. }, Some(field)) => out.assign(&field.map().slice(cut)),
            (Signal::Geodesic { .. }, None) => out.fill(f32::INFINITY),
            (Signal::ExponentialGeodesic { tau, .. }, Some(field)) => {
                out.zip_mut_with(&field.map().slice(cut), |v, d| *v = (-d / tau).exp());
            }
            (Signal::LocationPrior, _) => {
                check_image(self.shape, image)?;
                let edges = image.first().map(|c| c.mapv(|v| v != 0.0)).unwrap_or_default();
                out.assign(&location_prior(edges.view(), &held.places())?.slice(cut));
            }
            _ => self.draw(out.view_mut(), origin, held),
        }
        Ok(out)
    }

    /// The map of a layer on the whole grid; networks look at a [`GuidanceState::region`].
    ///
    /// # Errors
    /// As [`GuidanceState::region`].
    pub fn whole(&self, image: &[ArrayView3<'_, f32>], layer: Layer) -> Result<Array3<f32>, GuidanceError> {
        self.region(image, layer, self.shape.map(|n| 0..n))
    }

    /// Signals that are drawn from the points alone.
    fn draw(&self, mut out: ArrayViewMut3<'_, f32>, origin: [usize; 3], held: &Points) {
        let (spacing, points) = (self.spacing_mm, held.places());
        match self.signal {
            Signal::Gaussian { sigma_mm } => paint(out, origin, &points, spacing, Bump::gaussian(sigma_mm)),
            Signal::Disk { radius_mm } => paint(out, origin, &points, spacing, Bump::disk(radius_mm)),
            Signal::Euclidean => euclidean::fill(out, origin, &euclidean::sorted(&points), spacing),
            Signal::AdaptiveGaussian { .. } => {
                for (point, sigma) in &held.points {
                    paint(out.view_mut(), origin, &[*point], spacing, Bump::gaussian(*sigma));
                }
            }
            Signal::Attraction { epsilon_mm2 } => {
                let charges: Vec<_> = points.into_iter().map(|p| (p, 1.0)).collect();
                attract(out, origin, &charges, spacing, epsilon_mm2);
            }
            Signal::Geodesic { .. } | Signal::ExponentialGeodesic { .. } | Signal::LocationPrior => {}
        }
    }

    fn metric(&self) -> Geodesic {
        let (lambda, cutoff) = match self.signal {
            Signal::Geodesic { lambda, cutoff } | Signal::ExponentialGeodesic { lambda, cutoff, .. } => {
                (lambda, cutoff)
            }
            Signal::AdaptiveGaussian { lambda, .. } => (lambda, None),
            _ => (0.0, None),
        };
        Geodesic { spacing_mm: self.spacing_mm, lambda, cutoff }
    }
}

/// Points that are taken out one by one; more of them cost more than a new start.
const MOST_HOLES: usize = 64;

/// How often each point comes.
fn counted(points: impl Iterator<Item = [usize; 3]>) -> HashMap<[usize; 3], usize> {
    let mut counts = HashMap::new();
    points.for_each(|point| *counts.entry(point).or_insert(0) += 1);
    counts
}

/// Takes one of a point away, if there is one left.
fn took(counts: &mut HashMap<[usize; 3], usize>, point: [usize; 3]) -> bool {
    let Some(count) = counts.get_mut(&point).filter(|count| **count > 0) else { return false };
    *count -= 1;
    true
}

fn check_image(expected: [usize; 3], image: &[ArrayView3<'_, f32>]) -> Result<(), GuidanceError> {
    let got = check::channels(image)?;
    if expected == got { Ok(()) } else { Err(GuidanceError::ShapesDiffer { expected, got }) }
}

impl Points {
    fn places(&self) -> Vec<[usize; 3]> {
        self.points.iter().map(|p| p.0).collect()
    }
}
