//! The active contour as an engine: a curve on the slice where the reader draws, a surface in space.

mod curve;

use crate::classical::{self, Said};
use crate::parameters::{self, Parameter};
use crate::{
    Cancel, Candidate, Channel, Chosen, EngineDescription, GeodesicEngine, Prepared, RegionPolicy, SegmentError,
    Segmenter, Task, border,
};
use isochrone_classical::morphological::{GeodesicContour, Pinned, geodesic_active_contour, inverse_gaussian_gradient};
use isochrone_classical::snake::Snake;
use isochrone_prompt::{PlacedPrompt, Prompt};
use std::sync::Arc;

/// Morphological geodesic active contour (Márquez-Neila et al. 2014) in 3D, on the region's first
/// image, normalised as the network sees it.
///
/// It starts from the geodesic engine's answer to the same prompts, joined with what is left of the
/// previous mask, and slides to edges. Balls round positive prompts stay inside, balls round negative ones outside.
///
/// A border that the reader draws on a slice is a snake (Kass, Witkin, Terzopoulos 1988): it slides to the edge on
/// its own plane, held where a vertex was dragged. On that plane the label is then exactly its inside; in the
/// slices above and below, the surface starts from a body as thick as the border is wide, and slides to edges.
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
    /// How a drawn border slides; its σ is at least the voxel's side in the plane.
    pub snake: Snake,
    /// Where it works.
    pub region: RegionPolicy,
}

impl Default for ActiveContourEngine {
    fn default() -> Self {
        let start = GeodesicEngine { cutoff: 15.0, ..GeodesicEngine::default() };
        let region = RegionPolicy { size: [64; 3], first_spacing_mm: 1.5, ..start.region };
        let contour = GeodesicContour { iterations: 20, smoothing: 1, balloon: 0.0, threshold: None };
        Self { start, contour, alpha: 100.0, sigma_mm: 2.0, pin_mm: 2.0, snake: Snake::default(), region }
    }
}

impl ActiveContourEngine {
    fn table(&mut self) -> Vec<Parameter<'_>> {
        let (start, contour, snake) = (&mut self.start, &mut self.contour, &mut self.snake);
        vec![
            Parameter::real("start", [1.0, 1000.0], &mut start.cutoff, "geodesic distance at which the surface starts"),
            Parameter::count("iterations", [0.0, 500.0], &mut contour.iterations, "steps of the surface"),
            Parameter::count("smoothing", [0.0, 10.0], &mut contour.smoothing, "smoothing steps in each"),
            Parameter::real(
                "balloon",
                [-1.0, 1.0],
                &mut contour.balloon,
                "1: swells where there is no edge, -1: shrinks",
            ),
            Parameter::real("alpha", [0.0, 100_000.0], &mut self.alpha, "contrast at which an edge is one"),
            Parameter::real("sigma", [0.1, 20.0], &mut self.sigma_mm, "Gaussian before edges are looked for, mm"),
            Parameter::real("pin", [0.0, 50.0], &mut self.pin_mm, "radius within which a prompt holds the surface, mm"),
            Parameter::real("tension", [0.0, 100.0], &mut snake.tension, "of a drawn border: against stretching"),
            Parameter::real("rigidity", [0.0, 100.0], &mut snake.rigidity, "of a drawn border: against bending"),
            Parameter::real("spring", [0.0, 10_000.0], &mut snake.pin, "of a drawn border: hold of dragged vertices"),
            Parameter::real("slide", [0.0, 50.0], &mut snake.reach_mm, "how far off a drawn border feels an edge, mm"),
            Parameter::count(
                "slides",
                [0.0, 2000.0],
                &mut snake.iterations,
                "most steps of a drawn border; 0: as drawn",
            ),
            Parameter::local_from(&mut self.region.local_from),
            Parameter::within(&mut self.region.within_mm),
        ]
    }
}

impl Segmenter for ActiveContourEngine {
    fn describe(&self) -> EngineDescription {
        classical::description("active-contour", self.region)
    }

    fn parameters(&self) -> Chosen {
        parameters::values(&self.clone().table())
    }

    fn for_session(&self, chosen: &Chosen) -> Result<Option<Arc<dyn Segmenter>>, SegmentError> {
        let mut engine = self.clone();
        parameters::set(&mut engine.table(), chosen)?;
        Ok(Some(Arc::new(engine)))
    }

    fn settle(
        &self,
        prepared: &Prepared,
        prompt: &PlacedPrompt,
        cancel: &Cancel,
    ) -> Result<Option<PlacedPrompt>, SegmentError> {
        let (Some(polygon), Some(first)) = (border::border(prompt), prepared.channels.first()) else { return Ok(None) };
        if self.snake.iterations == 0 {
            return Ok(None);
        }
        let slid = curve::slid(&first.volume, &polygon, &self.snake, &|| cancel.is_cancelled());
        cancel.check()?;
        let slid = slid.map_err(|e| SegmentError::Unsupported(e.to_string()))?;
        // A curve that leaves the volume or comes to nothing stays as it was drawn.
        Ok(slid.and_then(|p| Prompt::Polygon(p).place(&first.volume, "").ok()))
    }

    fn prepare(&self, channels: &[Channel]) -> Result<Arc<Prepared>, SegmentError> {
        classical::prepared(channels)
    }

    fn segment(&self, prepared: &Prepared, task: &Task<'_>, cancel: &Cancel) -> Result<Vec<Candidate>, SegmentError> {
        let said = Said::of(task, cancel)?;
        let image = classical::first_image(prepared, task)?;
        let [spacing, ..] = task.region.spacing_mm().map(|s| s as f32);
        let [near, far] = said.distances_mm(spacing)?;
        let mut initial = match &said.body {
            Some(body) => body.clone(),
            None => {
                let found = self.start.segment(prepared, task, cancel)?.into_iter().next();
                let start = found.ok_or(SegmentError::NoPositivePrompt)?;
                start.probability.map(|&p| p >= start.threshold)
            }
        };
        initial.zip_mut_with(&said.previous, |initial, previous| *initial |= previous);
        initial.zip_mut_with(&said.barred, |initial, barred| *initial &= !barred);
        let edges = inverse_gaussian_gradient(image.view(), self.alpha, self.sigma_mm / spacing);
        let edges = classical::answer(edges.map(Some))?;
        let pin = self.pin_mm.max(0.5 * spacing);
        let mut inside = near.map(|&d| d <= pin);
        inside.zip_mut_with(&far, |inside, &far| *inside &= far > pin);
        let mut outside = far.map(|&d| d <= pin);
        outside.zip_mut_with(&said.barred, |outside, barred| *outside |= barred);
        inside.zip_mut_with(&outside, |inside, outside| *inside &= !outside);
        let pinned = Pinned { inside: inside.view(), outside: outside.view() };
        let stop = || cancel.is_cancelled();
        let found = geodesic_active_contour(edges.view(), initial.view(), Some(pinned), &self.contour, &stop);
        let probability = classical::answer(found)?.map(|&v| if v { 1.0 } else { 0.0 });
        Ok(vec![Candidate { probability, threshold: 0.5, score: 1.0 }])
    }
}
