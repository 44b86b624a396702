use crate::normalised::normalised_image;
use crate::{
    Cancel, Candidate, Channel, EngineDescription, Prepared, RegionPolicy, SegmentError, Segmenter, Task, mask_on_grid,
};
use isochrone_guidance::{Geodesic, geodesic_distance_channels};
use isochrone_network::Normalisation;
use isochrone_prompt::Polarity;
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
            ..RegionPolicy::default()
        };
        Self { lambda: 0.5, contrast_mm: 8.0, cutoff: 20.0, softness: 2.0, region }
    }
}

impl Segmenter for GeodesicEngine {
    fn describe(&self) -> EngineDescription {
        EngineDescription {
            name: "geodesic".to_owned(),
            model: String::new(),
            model_digest: String::new(),
            device: "cpu (1 thread)".to_owned(),
            samples: false,
            region: self.region,
        }
    }

    fn prepare(&self, channels: &[Channel]) -> Result<Arc<Prepared>, SegmentError> {
        if channels.is_empty() {
            return Err(SegmentError::Unsupported(
                "A session needs at least one image; open it on a volume".to_owned(),
            ));
        }
        Ok(Arc::new(Prepared { channels: channels.to_vec(), cache: Box::new(()) }))
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
        let mut positive = task.points(Polarity::Positive);
        if positive.is_empty() {
            let previous = mask_on_grid(task.previous, &task.previous_box, task.region);
            positive = previous.indexed_iter().filter(|(_, set)| **set).map(|((k, j, i), _)| [k, j, i]).collect();
        }
        let mut probability = distance(&positive)?;
        let negative = task.points(Polarity::Negative);
        let rival = if negative.is_empty() { None } else { Some(distance(&negative)?) };
        let soft = |own: f32, other: f32| 1.0 / (1.0 + ((own - other.min(self.cutoff)) / self.softness).exp());
        match rival {
            Some(rival) => Zip::from(&mut probability).and(&rival).for_each(|own, &other| *own = soft(*own, other)),
            None => probability.mapv_inplace(|own| soft(own, self.cutoff)),
        }
        Ok(vec![Candidate { probability, threshold: 0.5, score: 1.0 }])
    }
}
