//! The active contour as an engine.

use crate::classical::{self, Said};
use crate::{
    Cancel, Candidate, Channel, EngineDescription, GeodesicEngine, Prepared, RegionPolicy, SegmentError, Segmenter,
    Task,
};
use isochrone_classical::morphological::{GeodesicContour, Pinned, geodesic_active_contour, inverse_gaussian_gradient};
use std::sync::Arc;

/// Morphological geodesic active contour (Márquez-Neila et al. 2014) in 3D, on the region's first
/// image, normalised as the network sees it.
///
/// It starts from the geodesic engine's answer to the same prompts, joined with what is left of the
/// previous mask, and slides to edges. Balls round positive prompts stay inside, balls round negative ones outside.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveContourEngine {
    /// Draws the initial contour.
    pub start: GeodesicEngine,
    /// How the contour moves. Its threshold is on the edge image, see `alpha`.
    pub contour: GeodesicContour,
    /// α: contrast at which the edge image `1 / √(1 + α·|∇I|)` falls; `I` in standard deviations, `∇` per voxel.
    pub alpha: f32,
    /// σ of the Gaussian before the gradient, mm.
    pub sigma_mm: f32,
    /// Voxels this near a prompt stay on its side, mm.
    pub pin_mm: f32,
    /// Where it works.
    pub region: RegionPolicy,
}

impl Default for ActiveContourEngine {
    fn default() -> Self {
        let start = GeodesicEngine::default();
        let region = RegionPolicy { size: [64; 3], first_spacing_mm: 1.5, ..start.region };
        let contour = GeodesicContour { iterations: 20, smoothing: 1, balloon: 0.0, threshold: None };
        Self { start, contour, alpha: 100.0, sigma_mm: 2.0, pin_mm: 2.0, region }
    }
}

impl Segmenter for ActiveContourEngine {
    fn describe(&self) -> EngineDescription {
        classical::description("active-contour", self.region)
    }

    fn prepare(&self, channels: &[Channel]) -> Result<Arc<Prepared>, SegmentError> {
        classical::prepared(channels)
    }

    fn segment(&self, prepared: &Prepared, task: &Task<'_>, cancel: &Cancel) -> Result<Vec<Candidate>, SegmentError> {
        let said = Said::of(task)?;
        let image = classical::first_image(prepared, task)?;
        let [spacing, ..] = task.region.spacing_mm().map(|s| s as f32);
        let [near, far] = said.distances_mm(spacing)?;
        let start =
            self.start.segment(prepared, task, cancel)?.into_iter().next().ok_or(SegmentError::NoPositivePrompt)?;
        let initial = start.probability.map(|&p| p >= start.threshold);
        let edges = inverse_gaussian_gradient(image.view(), self.alpha, self.sigma_mm / spacing);
        let edges = classical::answer(edges.map(Some))?;
        let pin = self.pin_mm.max(0.5 * spacing);
        let mut inside = near.map(|&d| d <= pin);
        inside.zip_mut_with(&far, |inside, &far| *inside &= far > pin);
        let outside = far.map(|&d| d <= pin);
        let pinned = Pinned { inside: inside.view(), outside: outside.view() };
        let stop = || cancel.is_cancelled();
        let found = geodesic_active_contour(edges.view(), initial.view(), Some(pinned), &self.contour, &stop);
        let probability = classical::answer(found)?.map(|&v| if v { 1.0 } else { 0.0 });
        Ok(vec![Candidate { probability, threshold: 0.5, score: 1.0 }])
    }
}
