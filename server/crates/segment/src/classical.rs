//! What the classical engines share.

use crate::border;
use crate::drawn::{self, Drawn};
use crate::normalised::normalised_image;
use crate::{
    Cancel, Channel, EngineDescription, Prepared, RegionPolicy, SegmentError, Task, content_box, mask_on_grid,
};
use isochrone_network::Normalisation;
use isochrone_prompt::Polarity;
use isochrone_volume::{Grid, Mask, resample};
use ndarray::Array3;
use std::sync::Arc;

pub(crate) fn description(name: &str, region: RegionPolicy) -> EngineDescription {
    EngineDescription {
        name: name.to_owned(),
        model: String::new(),
        model_digest: String::new(),
        device: format!("cpu ({} threads)", rayon::current_num_threads()),
        samples: false,
        region,
    }
}

pub(crate) fn prepared(channels: &[Channel]) -> Result<Arc<Prepared>, SegmentError> {
    if channels.is_empty() {
        return Err(SegmentError::Unsupported("A session needs at least one image; open it on a volume".to_owned()));
    }
    Ok(Arc::new(Prepared { channels: channels.to_vec(), cache: Box::new(()) }))
}

/// The first channel on the region `[k, j, i]`, as the network would see it.
pub(crate) fn first_image(prepared: &Prepared, task: &Task<'_>) -> Result<Array3<f32>, SegmentError> {
    let robust = Normalisation::PercentileZScore { low: 0.5, high: 99.5 };
    let first = prepared.channels.first();
    let first = first.ok_or_else(|| {
        SegmentError::Unsupported("A session needs at least one image; open it on a volume".to_owned())
    })?;
    Ok(normalised_image(&first.volume, task.region, &robust))
}

/// A kernel that refused its input, or (`None`) was stopped.
pub(crate) fn answer<T>(found: Result<Option<T>, isochrone_classical::ClassicalError>) -> Result<T, SegmentError> {
    found.map_err(|e| SegmentError::Unsupported(e.to_string()))?.ok_or(SegmentError::Cancelled)
}

/// What the reader has said about a region, `[k, j, i]`.
pub(crate) struct Said {
    /// Voxels that positive prompts take for their own.
    pub positive: Vec<[usize; 3]>,
    /// Voxels of negative prompts.
    pub negative: Vec<[usize; 3]>,
    /// The active component.
    pub previous: Array3<bool>,
    /// What is certainly not of the label: finished labels, and what lies outside of what was drawn round the lesion.
    pub barred: Array3<bool>,
    /// What was drawn round it.
    pub drawn: Drawn,
    /// Where there are drawn borders and no other positive prompts: a body round them.
    pub body: Option<Array3<bool>>,
}

impl Said {
    /// # Errors
    /// Neither a positive prompt nor a component is in the region; cancelled.
    pub fn of(task: &Task<'_>, cancel: &Cancel) -> Result<Self, SegmentError> {
        let previous = mask_on_grid(task.previous, &task.previous_box, task.region);
        let mut barred = others_on_grid(task.other_labels, task.region);
        let drawn = Drawn::of(task, cancel)?;
        barred.zip_mut_with(&drawn.outside, |barred, out| *barred |= out);
        let body = border::body(task.prompts, task.region, border::border).map(|b| b.inside);
        let (positive, negative) = (drawn::seeds(task), task.points(Polarity::Negative));
        let said = Self { positive, negative, previous, barred, body, drawn };
        if said.positive.is_empty() && said.previous.iter().all(|set| !set) {
            return Err(SegmentError::NoPositivePrompt);
        }
        Ok(said)
    }

    /// Distances in mm to the nearest positive and negative prompt on a grid of equal spacing; infinite without one.
    pub fn distances_mm(&self, spacing_mm: f32) -> Result<[Array3<f32>; 2], SegmentError> {
        let (k, j, i) = self.previous.dim();
        let distance = |points: &[[usize; 3]]| {
            isochrone_guidance::euclidean_distance([k, j, i], points, [spacing_mm; 3])
                .map_err(|e| SegmentError::Guidance(e.to_string()))
        };
        Ok([distance(&self.positive)?, distance(&self.negative)?])
    }
}

/// Voxels `[k, j, i]` of a grid that belong to other labels.
pub(crate) fn others_on_grid(labels: &[&Mask], grid: &Grid) -> Array3<bool> {
    let mut all = Array3::from_elem(grid.shape(), false);
    for label in labels {
        let content = content_box(label, &resample::footprint(label.grid(), grid));
        if !content.is_empty() {
            all.zip_mut_with(&mask_on_grid(label, &content, grid), |all, one| *all |= one);
        }
    }
    all
}
