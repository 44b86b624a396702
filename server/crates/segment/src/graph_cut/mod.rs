//! The graph cut as an engine.

use crate::classical::{self, Said};
use crate::parameters::{self, Parameter};
use crate::{
    Cancel, Candidate, Channel, Chosen, EngineDescription, Prepared, RegionPolicy, SegmentError, Segmenter, Task,
};
use isochrone_classical::graph_cut::{Histogram, Links, Neighbours, graph_cut};
use ndarray::{Array3, Zip};
use std::sync::Arc;

/// Interactive graph cut (Boykov and Jolly 2001) on the region's first image, normalised as the network sees it.
///
/// Voxels at prompts and of finished labels are hard seeds. The regional term compares smoothed histograms: of the object, from
/// balls round positive prompts and the previous mask; of the background, from balls round negative
/// prompts and everything far from positive ones. Where the reader has drawn round the lesion, inside and outside stand
/// for these, and outside is background for certain. As in GrabCut (Rother et al. 2004), the object's
/// histogram is then taken from the answer, and the cut made again.
#[derive(Debug, Clone, PartialEq)]
pub struct GraphCutEngine {
    /// λ: weight of the regional term against the n-links, per mm.
    pub lambda: f32,
    /// σ: difference in grey value that makes an edge, in standard deviations of the region.
    pub sigma: f32,
    /// Which voxels are joined.
    pub neighbours: Neighbours,
    /// Voxels this near a prompt are hard seeds, mm.
    pub seed_mm: f32,
    /// Voxels this near a prompt are taken for samples of its kind, mm.
    pub sample_mm: f32,
    /// Distance from positive prompts and previous mask at which a voxel is taken to be background, mm;
    /// the regional term gives way to it with the square of the distance.
    pub reach_mm: f32,
    /// How much it costs to be nearer to a negative prompt than to a positive one, in units of λ.
    pub nearness: f32,
    /// Times the object's histogram is taken from the answer.
    pub rounds: usize,
    /// Where it works.
    pub region: RegionPolicy,
}

impl Default for GraphCutEngine {
    fn default() -> Self {
        let region = RegionPolicy {
            size: [64; 3],
            first_spacing_mm: 1.5,
            min_spacing_mm: 1.0,
            max_spacing_mm: 6.0,
            zoom_out: 1.5,
            context: 1.6,
            local_from: 2,
            ..RegionPolicy::default()
        };
        Self {
            lambda: 1.0,
            sigma: 0.3,
            neighbours: Neighbours::Six,
            seed_mm: 2.0,
            sample_mm: 5.0,
            reach_mm: 30.0,
            nearness: 4.0,
            rounds: 1,
            region,
        }
    }
}

impl GraphCutEngine {
    fn table(&mut self) -> Vec<Parameter<'_>> {
        vec![
            Parameter::real(
                "lambda",
                [0.0, 100.0],
                &mut self.lambda,
                "weight of grey values against smoothness, per mm",
            ),
            Parameter::real(
                "sigma",
                [0.001, 100.0],
                &mut self.sigma,
                "difference in grey value that makes an edge, SD",
            ),
            Parameter::neighbours(&mut self.neighbours),
            Parameter::real(
                "seed",
                [0.0, 50.0],
                &mut self.seed_mm,
                "radius within which a prompt's side is certain, mm",
            ),
            Parameter::real("sample", [0.0, 50.0], &mut self.sample_mm, "radius in which a prompt shows its kind, mm"),
            Parameter::real("reach", [1.0, 1000.0], &mut self.reach_mm, "distance at which a voxel is background, mm"),
            Parameter::real("nearness", [0.0, 100.0], &mut self.nearness, "cost of being nearer to a negative prompt"),
            Parameter::count("rounds", [0.0, 10.0], &mut self.rounds, "times the grey values are learnt anew"),
            Parameter::local_from(&mut self.region.local_from),
            Parameter::within(&mut self.region.within_mm),
        ]
    }
}

/// Bins of a histogram over ±[`RANGE`] standard deviations.
const BINS: usize = 64;
const RANGE: f32 = 4.0;
/// Smoothing in bins, and the share of every value that is left possible.
const SMOOTHING: f32 = 2.0;
const FLOOR: f32 = 0.1;

impl Segmenter for GraphCutEngine {
    fn describe(&self) -> EngineDescription {
        classical::description("graph-cut", self.region)
    }

    fn parameters(&self) -> Chosen {
        parameters::values(&self.clone().table())
    }

    fn for_session(&self, chosen: &Chosen) -> Result<Option<Arc<dyn Segmenter>>, SegmentError> {
        let mut engine = self.clone();
        parameters::set(&mut engine.table(), chosen)?;
        Ok(Some(Arc::new(engine)))
    }

    fn prepare(&self, channels: &[Channel]) -> Result<Arc<Prepared>, SegmentError> {
        classical::prepared(channels)
    }

    fn segment(&self, prepared: &Prepared, task: &Task<'_>, cancel: &Cancel) -> Result<Vec<Candidate>, SegmentError> {
        let said = Said::of(task, cancel)?;
        let image = classical::first_image(prepared, task)?;
        let [spacing, ..] = task.region.spacing_mm().map(|s| s as f32);
        let [near, far] = said.distances_mm(spacing)?;
        let terms = Terms { engine: self, image: &image, said: &said, near, far, spacing };
        let links = Links { neighbours: self.neighbours, scale: 1.0, sigma: self.sigma, spacing_mm: [spacing; 3] };
        let mut object = said.previous.clone();
        Zip::from(&mut object).and(&terms.near).for_each(|o, &d| *o |= d <= self.sample_mm.max(spacing));
        if let Some(inside) = &said.drawn.inside {
            Zip::from(&mut object)
                .and(inside)
                .and(&said.barred)
                .for_each(|o, &inside, &barred| *o |= inside && !barred);
        }
        for _ in 0..=self.rounds {
            cancel.check()?;
            let unary = terms.unary(&object);
            object = classical::answer(graph_cut(image.view(), unary.view(), &links, &|| cancel.is_cancelled()))?;
        }
        let probability = object.map(|&o| if o { 1.0 } else { 0.0 });
        Ok(vec![Candidate { probability, threshold: 0.5, score: 1.0 }])
    }
}

struct Terms<'a> {
    engine: &'a GraphCutEngine,
    image: &'a Array3<f32>,
    said: &'a Said,
    /// Distance to the nearest positive prompt, mm.
    near: Array3<f32>,
    /// Distance to the nearest negative prompt, mm.
    far: Array3<f32>,
    spacing: f32,
}

impl Terms<'_> {
    /// What each voxel gains by being object, if `object` shows what objects look like.
    fn unary(&self, object: &Array3<bool>) -> Array3<f32> {
        let engine = self.engine;
        let sample = engine.sample_mm.max(self.spacing);
        let drawn = &self.said.drawn;
        let of = |inside: &dyn Fn(bool, bool, f32, f32) -> bool| {
            let voxels = self.image.iter().zip(object).zip(&drawn.outside).zip(&self.near).zip(&self.far);
            let chosen = voxels.filter(|((((_, o), out), near), far)| inside(**o, **out, **near, **far));
            Histogram::new(chosen.map(|((((v, _), _), _), _)| *v), [-RANGE, RANGE], BINS, SMOOTHING, FLOOR)
        };
        let own = of(&|object, _, near, far| (object || near <= sample) && far > sample.min(near));
        let distant = match drawn.inside {
            Some(_) => f32::INFINITY,
            None => engine.reach_mm.min(0.25 * self.side()),
        };
        let other =
            of(&|object, outside, near, far| far <= sample.min(near) || (!object && (outside || near > distant)));
        let mut unary = Array3::zeros(self.image.dim());
        Zip::indexed(&mut unary).and(self.image).and(&self.near).and(&self.far).for_each(
            |at, gain, &v, &near, &far| {
                let within = self.said.drawn.inside.as_ref().and_then(|inside| inside.get(at)).copied();
                let inside = self.said.previous.get(at).copied().unwrap_or_default() || within.unwrap_or_default();
                let barred = self.said.barred.get(at).copied().unwrap_or_default();
                *gain = if barred {
                    f32::NEG_INFINITY
                } else if near <= engine.seed_mm.max(0.5 * self.spacing) && near < far {
                    f32::INFINITY
                } else if far <= engine.seed_mm.max(0.5 * self.spacing) {
                    f32::NEG_INFINITY
                } else {
                    let away = if inside || near.is_infinite() { 0.0 } else { (near / engine.reach_mm).powi(2) };
                    let side = if far.is_infinite() || near.is_infinite() {
                        0.0
                    } else {
                        ((far - near) / (far + near)).min(0.0)
                    };
                    engine.lambda * (own.log_density(v) - other.log_density(v) - away + engine.nearness * side)
                };
            },
        );
        unary
    }

    fn side(&self) -> f32 {
        self.image.dim().2 as f32 * self.spacing
    }
}
