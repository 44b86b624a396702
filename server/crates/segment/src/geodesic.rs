use crate::classical::{self, Said};
use crate::normalised::normalised_image;
use crate::parameters::{self, Parameter};
use crate::{
    Cancel, Candidate, Channel, Chosen, EngineDescription, Prepared, RegionPolicy, SegmentError, Segmenter, Task,
};
use isochrone_guidance::{Geodesic, geodesic_distance_channels};
use isochrone_network::Normalisation;
use ndarray::{Array3, Zip};
use std::sync::Arc;

/// The naive baseline: a voxel belongs to the label if a path through even grey values leads to a
/// positive prompt sooner than to a negative one, and soon enough.
///
/// Distances are geodesic (see `isochrone-guidance`) on the region's image, normalised as the
/// network sees it. Where a region holds no positive prompt, the previous mask stands in for one.
#[derive(Debug, Clone, PartialEq)]
pub struct GeodesicEngine {
    /// λ of the distance: 0 is length alone, 1 is grey value alone.
    pub lambda: f32,
    /// Millimetres that one standard deviation of grey value costs, before λ weighs both.
    pub contrast_mm: f32,
    /// Distance from which a voxel is outside, in the distance's own unit.
    pub cutoff: f32,
    /// Distance over which the probability falls from 0.73 to 0.5.
    pub softness: f32,
    /// Where it works.
    pub region: RegionPolicy,
}

impl Default for GeodesicEngine {
    fn default() -> Self {
        let region = RegionPolicy {
            size: [48; 3],
            first_spacing_mm: 2.0,
            min_spacing_mm: 1.0,
            max_spacing_mm: 6.0,
            zoom_out: 1.5,
            context: 1.5,
            local_from: 2,
            ..RegionPolicy::default()
        };
        Self { lambda: 0.5, contrast_mm: 15.0, cutoff: 20.0, softness: 2.0, region }
    }
}

impl GeodesicEngine {
    pub(crate) fn table(&mut self) -> Vec<Parameter<'_>> {
        vec![
            Parameter::real("lambda", [0.0, 1.0], &mut self.lambda, "0: length alone counts, 1: grey value alone"),
            Parameter::real("contrast", [0.0, 1000.0], &mut self.contrast_mm, "mm that a difference of one SD costs"),
            Parameter::real("cutoff", [1.0, 1000.0], &mut self.cutoff, "distance from which a voxel is outside"),
            Parameter::real("softness", [0.01, 100.0], &mut self.softness, "distance over which the probability falls"),
            Parameter::local_from(&mut self.region.local_from),
            Parameter::within(&mut self.region.within_mm),
        ]
    }
}

impl Segmenter for GeodesicEngine {
    fn describe(&self) -> EngineDescription {
        EngineDescription { device: "cpu (1 thread)".to_owned(), ..classical::description("geodesic", self.region) }
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
        let robust = Normalisation::PercentileZScore { low: 0.5, high: 99.5 };
        let images: Vec<Array3<f32>> = prepared
            .channels
            .iter()
            .map(|c| normalised_image(&c.volume, task.region, &robust) * self.contrast_mm)
            .collect();
        let views: Vec<_> = images.iter().map(|m| m.view()).collect();
        let [spacing, ..] = task.region.spacing_mm();
        let metric = Geodesic { spacing_mm: [spacing as f32; 3], lambda: self.lambda, cutoff: Some(2.0 * self.cutoff) };
        let distance = |points: &[[usize; 3]]| {
            cancel.check()?;
            geodesic_distance_channels(&views, points, &metric).map_err(|e| SegmentError::Guidance(e.to_string()))
        };
        let mut said = Said::of(task, cancel)?;
        if said.positive.is_empty() {
            let set = said.previous.indexed_iter().filter(|(_, set)| **set);
            said.positive = set.map(|((k, j, i), _)| [k, j, i]).collect();
        }
        let mut probability = distance(&said.positive)?;
        said.negative.extend(said.drawn.shell());
        let rival = if said.negative.is_empty() { None } else { Some(distance(&said.negative)?) };
        let soft = |own: f32, other: f32| 1.0 / (1.0 + ((own - other.min(self.cutoff)) / self.softness).exp());
        match rival {
            Some(rival) => Zip::from(&mut probability).and(&rival).for_each(|own, &other| *own = soft(*own, other)),
            None => probability.mapv_inplace(|own| soft(own, self.cutoff)),
        }
        probability.zip_mut_with(&said.barred, |p, &barred| *p = if barred { 0.0 } else { *p });
        Ok(vec![Candidate { probability, threshold: 0.5, score: 1.0 }])
    }
}
