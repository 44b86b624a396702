use crate::{Cancel, Chosen, SegmentError, SweepPolicy, Swept};
use isochrone_prompt::{LabelName, PlacedPrompt, Polarity, Prompt};
use isochrone_volume::{Grid, Mask, Volume, VoxelBox};
use ndarray::{Array3, Array4};
use std::any::Any;
use std::sync::Arc;

/// One image channel of a session: a volume in its role (PET, CT, …). All channels of a session share
/// one frame of reference; masks live on the first channel's grid.
#[derive(Debug, Clone)]
pub struct Channel {
    /// The image.
    pub volume: Arc<Volume>,
}

/// Who produced a result. Named in every reply.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineDescription {
    /// Name the reader chooses it by, such as `network` or `geodesic`.
    pub name: String,
    /// Model bundle and version, such as `lesion-3 3.0.0`; empty for engines without a model.
    pub model: String,
    /// SHA-256 over the bundle's files, hexadecimal; empty for engines without a model.
    pub model_digest: String,
    /// Device and threads that run it, such as `cpu (2 threads)`.
    pub device: String,
    /// True if [`Segmenter::sample`] works.
    pub samples: bool,
    /// How large a region the engine works in.
    pub region: RegionPolicy,
}

/// How the working region follows the prompt and the lesion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegionPolicy {
    /// Voxels of the region along `(i, j, k)`.
    pub size: [usize; 3],
    /// Spacing of the first region of a new component, mm.
    pub first_spacing_mm: f64,
    /// Or so many of the volume's own voxels (the edge of a cube of their volume), if that is more.
    pub first_spacing_voxels: f64,
    /// Finest spacing, mm.
    pub min_spacing_mm: f64,
    /// Coarsest spacing, mm.
    pub max_spacing_mm: f64,
    /// Factor on the spacing when the result meets the region's border.
    pub zoom_out: f64,
    /// Side of the region over the extent of the component inside it.
    pub context: f64,
    /// From this prompt of a label on, a correction changes only what is connected to it, and only its way;
    /// 0: never. Before it, an answer replaces the whole component.
    pub local_from: usize,
    /// What lies farther than this from every positive prompt is not taken anew, mm; 0: no bound.
    pub within_mm: f32,
}

impl Default for RegionPolicy {
    fn default() -> Self {
        Self {
            size: [64; 3],
            first_spacing_mm: 1.5,
            first_spacing_voxels: 0.0,
            min_spacing_mm: 1.0,
            max_spacing_mm: 6.0,
            zoom_out: 1.5,
            context: 1.5,
            local_from: 0,
            within_mm: 0.0,
        }
    }
}

/// Channels made ready by an engine, which may keep an image encoding here (as SAM does).
pub struct Prepared {
    /// The session's image channels.
    pub channels: Vec<Channel>,
    /// The engine's own cache.
    pub cache: Box<dyn Any + Send + Sync>,
}

/// What to segment: one label, in one region.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    /// All prompts of the label, oldest first; those outside the region are not the engine's business.
    pub prompts: &'a [PlacedPrompt],
    /// The label's present component(s) under the prompt, on the volume's grid: never probabilities.
    pub previous: &'a Mask,
    /// A box of voxels outside which `previous` is empty, so that nobody has to search the volume.
    pub previous_box: VoxelBox,
    /// Masks of the session's other labels, on the volume's grid.
    pub other_labels: &'a [&'a Mask],
    /// The working region: an orthogonal, isotropic grid along the volume's axes.
    pub region: &'a Grid,
}

/// One possible answer. Engines return the best first.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Probability of the label `[k, j, i]` on the task's region.
    pub probability: Array3<f32>,
    /// Probability from which a voxel belongs to the label.
    pub threshold: f32,
    /// How much the engine believes in this candidate, 0 to 1.
    pub score: f32,
}

/// How an engine finds out what it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Estimator {
    /// Channels of the network are dropped at random: T samples (Gal and Ghahramani, 2016).
    #[default]
    Dropout,
    /// The region is mirrored in T ways, eight at most (Wang et al., 2019).
    Augmentation,
    /// A head that was trained to find the answer's errors: one sample, whose probability is that of the answer.
    ErrorHead,
}

/// How many samples, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// Number of samples.
    pub t: usize,
    /// Seed: the same seed gives the same samples.
    pub seed: u64,
    /// Where they come from.
    pub by: Estimator,
}

/// Samples of the probability.
#[derive(Debug, Clone)]
pub struct Samples {
    /// `[t, k, j, i]` on `grid`.
    pub probability: Array4<f32>,
    /// Where the samples are: the task's region, or a coarser grid over the same place.
    pub grid: Grid,
}

/// Turns image and prompts into a mask: networks and classical methods alike.
pub trait Segmenter: Send + Sync {
    /// Who this is.
    fn describe(&self) -> EngineDescription;

    /// What the engine can be asked for by name; empty: it segments what is pointed at.
    fn classes(&self) -> Vec<String> {
        Vec::new()
    }

    /// The engine's parameters as they are; none, unless it has some that a reader may choose.
    fn parameters(&self) -> Chosen {
        Chosen::new()
    }

    /// The engine with the parameters that the reader has chosen; `None`: as it is.
    ///
    /// # Errors
    /// A parameter that it does not have, or a value that this one cannot take.
    fn for_session(&self, chosen: &Chosen) -> Result<Option<Arc<dyn Segmenter>>, SegmentError> {
        let name = self.describe().name;
        if chosen.is_empty() {
            return Ok(None);
        }
        Err(SegmentError::Parameter(format!("The engine {name:?} has no parameters to choose; leave them out")))
    }

    /// A prompt as this engine takes it, where it makes something else of it: the active contour lets a drawn
    /// border slide to an edge. `None`: as it is. The same prompt always becomes the same.
    ///
    /// # Errors
    /// Cancelled, or the engine failed.
    fn settle(
        &self,
        prepared: &Prepared,
        prompt: &PlacedPrompt,
        cancel: &Cancel,
    ) -> Result<Option<PlacedPrompt>, SegmentError> {
        let _ = (prepared, prompt, cancel);
        Ok(None)
    }

    /// Makes the channels ready; called once a session.
    ///
    /// # Errors
    /// The engine has no use for these channels.
    fn prepare(&self, channels: &[Channel]) -> Result<Arc<Prepared>, SegmentError>;

    /// Segments one region. The same task on the same device gives the same bits.
    ///
    /// # Errors
    /// Cancelled, or the engine failed.
    fn segment(&self, prepared: &Prepared, task: &Task<'_>, cancel: &Cancel) -> Result<Vec<Candidate>, SegmentError>;

    /// A candidate's probability as it is told to people, so that it means what it says. Masks are made of the
    /// candidate's own; samples are calibrated already.
    fn calibrated(&self, probability: Array3<f32>) -> Array3<f32> {
        probability
    }

    /// The ways in which [`Segmenter::sample`] works; the first is the usual one.
    fn estimators(&self) -> Vec<Estimator> {
        if self.describe().samples { vec![Estimator::Dropout] } else { Vec::new() }
    }

    /// Draws samples; the same seed gives the same bits, batched or not.
    ///
    /// # Errors
    /// Cancelled, failed, or [`SegmentError::NoSamples`].
    fn sample(
        &self,
        prepared: &Prepared,
        task: &Task<'_>,
        draw: Draw,
        cancel: &Cancel,
    ) -> Result<Samples, SegmentError> {
        let _ = (prepared, task, draw, cancel);
        Err(SegmentError::NoSamples(self.describe().name))
    }

    /// How the engine looks a whole volume over; `None` if it cannot.
    fn sweep_policy(&self) -> Option<SweepPolicy> {
        None
    }

    /// Looks at one window of a volume without a prompt, when nobody waits for anything else.
    ///
    /// # Errors
    /// Cancelled, failed, or [`SegmentError::NoSamples`].
    fn sweep(&self, prepared: &Prepared, window: &Grid, draw: Draw, cancel: &Cancel) -> Result<Swept, SegmentError> {
        let _ = (prepared, window, draw, cancel);
        Err(SegmentError::NoSamples(self.describe().name))
    }

    /// What the engine is shown of the prompts of one polarity, `[k, j, i]` on the task's region.
    ///
    /// # Errors
    /// The engine failed, or makes no map of its prompts.
    fn guidance(&self, prepared: &Prepared, task: &Task<'_>, polarity: Polarity) -> Result<Array3<f32>, SegmentError> {
        let _ = (prepared, task, polarity);
        let name = self.describe().name;
        Err(SegmentError::Unsupported(format!(
            "The engine {name:?} makes no guidance map; open the session with a network to see one"
        )))
    }
}

/// The engine for a session, with the parameters that the reader has chosen.
///
/// # Errors
/// As [`Segmenter::for_session`].
pub fn configured(engine: &Arc<dyn Segmenter>, chosen: &Chosen) -> Result<Arc<dyn Segmenter>, SegmentError> {
    Ok(engine.for_session(chosen)?.unwrap_or_else(|| engine.clone()))
}

impl Task<'_> {
    /// What the reader has called the label, last.
    #[must_use]
    pub fn name(&self) -> Option<&LabelName> {
        self.prompts.iter().rev().find_map(|p| match &p.prompt {
            Prompt::LabelName(name) => Some(name),
            _ => None,
        })
    }

    /// Voxels `[k, j, i]` of the region that prompts of one polarity mark, oldest prompt first: all of a stroke,
    /// lasso or polygon, the middle of a box ([`PlacedPrompt::points_on`]).
    #[must_use]
    pub fn points(&self, polarity: Polarity) -> Vec<[usize; 3]> {
        let own = self.prompts.iter().filter(|p| p.polarity() == polarity);
        own.flat_map(|p| p.points_on(self.region)).map(|[i, j, k]| [k, j, i]).collect()
    }
}
