use crate::channels;
use crate::normalised::normalised_image;
use crate::sharpen::sharpened;
use crate::{
    Cancel, Candidate, Channel, Draw, EngineDescription, Estimator, Prepared, RegionPolicy, Samples, SegmentError,
    Segmenter, SweepPolicy, Swept, Task, mask_on_grid,
};
use isochrone_guidance::{GuidanceError, GuidanceState, Layer, Signal, add_gaussian};
use isochrone_network::{
    Bundle, ChannelSpec, Encoding, Features, Network, NetworkError, NetworkInputs, Runtime, SweepSpec,
};
use isochrone_prompt::Polarity;
use isochrone_volume::{DAffine3, DVec3, Grid, Mask, VoxelBox, resample};
use ndarray::{Array3, Array4, ArrayView3, Axis};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// A model bundle as an engine.
pub struct NetworkEngine {
    network: Network,
}

/// What a session remembers: the last region's inputs and their features, so that sampling after a
/// mask does not encode again.
#[derive(Default)]
struct Memory {
    /// The session's image in each of the bundle's channels.
    images: Vec<Option<usize>>,
    last: Mutex<Option<Encoded>>,
    seen: Mutex<Option<Seen>>,
}

/// A region as the encoder saw it, and the answer, where it was asked for.
#[derive(Clone)]
struct Encoded {
    inputs: Arc<NetworkInputs>,
    features: Features,
    answer: Option<Arc<Array3<f32>>>,
}

/// The last region: its image and its prompts, so that one more click there costs only what it changes.
struct Seen {
    region: Grid,
    image: Array4<f32>,
    /// The first channel that has an image: grey values for geodesic guidance.
    shown: usize,
    positive: GuidanceState,
    negative: GuidanceState,
}

impl NetworkEngine {
    /// An engine of a network that is open.
    #[must_use]
    pub fn new(network: Network) -> Self {
        Self { network }
    }

    /// Opens the bundle in a folder on a runtime, and runs it once so that the first click is quick.
    ///
    /// # Errors
    /// The bundle cannot be used; the message says why.
    pub fn load(folder: &Path, runtime: &Runtime) -> Result<Self, SegmentError> {
        let network = Network::open(Bundle::load(folder)?, runtime)?;
        network.warm_up()?;
        Ok(Self::new(network))
    }

    /// The network, with its bundle.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The features of a task, remembered or computed.
    fn encoded(&self, prepared: &Prepared, task: &Task<'_>, cancel: &Cancel) -> Result<Encoded, SegmentError> {
        let inputs = Arc::new(self.inputs(prepared, task)?);
        cancel.check()?;
        let memory = prepared.cache.downcast_ref::<Memory>();
        let last = memory.and_then(|m| m.last.lock().unwrap_or_else(PoisonError::into_inner).clone());
        if let Some(known) = last.filter(|known| known.inputs == inputs) {
            return Ok(known);
        }
        let encoded = Encoded { features: self.network.encode(inputs.clone())?, inputs, answer: None };
        remember(prepared, &encoded);
        Ok(encoded)
    }

    /// The answer to a task, remembered or computed; with its features.
    fn answer(
        &self,
        prepared: &Prepared,
        task: &Task<'_>,
        cancel: &Cancel,
    ) -> Result<(Features, Arc<Array3<f32>>), SegmentError> {
        let encoded = self.encoded(prepared, task, cancel)?;
        cancel.check()?;
        let answer = match &encoded.answer {
            Some(answer) => answer.clone(),
            None => Arc::new(self.network.decode(&encoded.features)?),
        };
        remember(prepared, &Encoded { answer: Some(answer.clone()), ..encoded.clone() });
        Ok((encoded.features, answer))
    }

    /// Which image each channel of the bundle takes.
    fn images(&self, prepared: &Prepared) -> Result<Vec<Option<usize>>, SegmentError> {
        match prepared.cache.downcast_ref::<Memory>() {
            Some(memory) => Ok(memory.images.clone()),
            None => channels::assigned(&prepared.channels, self.network.bundle()),
        }
    }

    /// The answer with the probability that the error graph gives it: a single sample.
    fn likely_errors(&self, features: &Features, answer: &Array3<f32>, region: &Grid) -> Result<Samples, SegmentError> {
        let bundle = self.network.bundle();
        let stride = bundle.graphs.error().map_or(1, |graph| graph.stride);
        let coarse = self.network.error(features)?;
        let wrong = resample::to_grid(coarse.view(), &coarser(region, stride)?, region, 0.5);
        let mut probability = answer.clone();
        probability.zip_mut_with(&wrong, |p, &wrong| *p = if *p >= bundle.threshold { 1.0 - wrong } else { wrong });
        Ok(Samples { probability: probability.insert_axis(Axis(0)), grid: region.clone() })
    }

    fn inputs(&self, prepared: &Prepared, task: &Task<'_>) -> Result<NetworkInputs, SegmentError> {
        let bundle = self.network.bundle();
        let memory = prepared.cache.downcast_ref::<Memory>();
        let known = memory.and_then(|m| m.seen.lock().unwrap_or_else(PoisonError::into_inner).take());
        let mut seen = match known.filter(|seen| seen.region == *task.region) {
            Some(seen) => seen,
            None => self.look(prepared, task.region)?,
        };
        let inputs = drawn(bundle, &mut seen, task)?;
        if let Some(memory) = memory {
            *memory.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        }
        Ok(inputs)
    }

    /// A region's image, without prompts yet.
    fn look(&self, prepared: &Prepared, region: &Grid) -> Result<Seen, SegmentError> {
        let bundle = self.network.bundle();
        let assigned = self.images(prepared)?;
        let image = |(n, spec): (&Option<usize>, &ChannelSpec)| match n.and_then(|n| prepared.channels.get(n)) {
            Some(channel) => normalised_image(&channel.volume, region, &spec.normalisation),
            None => Array3::from_elem(region.shape(), spec.missing.unwrap_or_default()),
        };
        let images: Vec<_> = assigned.iter().zip(&bundle.channels).map(image).collect();
        let views: Vec<_> = images.iter().map(|i| i.view()).collect();
        let image = ndarray::stack(Axis(0), &views).map_err(|e| SegmentError::Unsupported(e.to_string()))?;
        let shown = assigned.iter().position(Option::is_some).unwrap_or_default();
        let (positive, negative) = (state(&bundle.positive, region)?, state(&bundle.negative, region)?);
        Ok(Seen { region: region.clone(), image, shown, positive, negative })
    }
}

impl Segmenter for NetworkEngine {
    fn describe(&self) -> EngineDescription {
        let bundle = self.network.bundle();
        let spec = bundle.region;
        EngineDescription {
            name: "network".to_owned(),
            model: bundle.title(),
            model_digest: bundle.digest().to_owned(),
            device: self.network.device().to_owned(),
            samples: true,
            region: RegionPolicy {
                size: spec.size,
                first_spacing_mm: spec.first_spacing_mm,
                first_spacing_voxels: spec.first_spacing_voxels,
                min_spacing_mm: spec.min_spacing_mm,
                max_spacing_mm: spec.max_spacing_mm,
                zoom_out: spec.zoom_out,
                context: spec.context,
                local_from: spec.local_from,
                within_mm: 0.0,
            },
        }
    }

    fn classes(&self) -> Vec<String> {
        self.network.bundle().classes.clone()
    }

    fn prepare(&self, channels: &[Channel]) -> Result<Arc<Prepared>, SegmentError> {
        let images = channels::assigned(channels, self.network.bundle())?;
        let memory = Memory { images, ..Memory::default() };
        Ok(Arc::new(Prepared { channels: channels.to_vec(), cache: Box::new(memory) }))
    }

    fn segment(&self, prepared: &Prepared, task: &Task<'_>, cancel: &Cancel) -> Result<Vec<Candidate>, SegmentError> {
        let (_, answer) = self.answer(prepared, task, cancel)?;
        let probability = answer.as_ref().clone();
        Ok(vec![Candidate { probability, threshold: self.network.bundle().threshold, score: 1.0 }])
    }

    fn calibrated(&self, probability: Array3<f32>) -> Array3<f32> {
        self.network.calibrated(probability)
    }

    fn estimators(&self) -> Vec<Estimator> {
        let bundle = self.network.bundle();
        let dropout = bundle.dropout_rate.map(|_| Estimator::Dropout);
        let error = bundle.graphs.error().map(|_| Estimator::ErrorHead);
        [dropout, error, Some(Estimator::Augmentation)].into_iter().flatten().collect()
    }

    fn sample(
        &self,
        prepared: &Prepared,
        task: &Task<'_>,
        draw: Draw,
        cancel: &Cancel,
    ) -> Result<Samples, SegmentError> {
        if !self.estimators().contains(&draw.by) {
            return Err(SegmentError::NoSamples(self.network.bundle().title()));
        }
        let stop = || cancel.is_cancelled();
        match draw.by {
            Estimator::Dropout => {
                let (features, answer) = self.answer(prepared, task, cancel)?;
                let drawn = self.network.sample(&features, draw.t, draw.seed, &stop)?;
                let region = task.region.clone();
                let probability = match self.network.sample_stride() {
                    1 => drawn,
                    stride => {
                        let answer = self.network.calibrated(answer.as_ref().clone());
                        sharpened(&drawn, &coarser(&region, stride)?, &answer, &region)
                    }
                };
                Ok(Samples { probability, grid: region })
            }
            Estimator::Augmentation => {
                let inputs = self.inputs(prepared, task)?;
                let probability = self.network.augmented(&inputs, draw.t, &stop)?;
                Ok(Samples { probability, grid: task.region.clone() })
            }
            Estimator::ErrorHead => {
                let (features, answer) = self.answer(prepared, task, cancel)?;
                self.likely_errors(&features, &answer, task.region)
            }
        }
    }

    fn sweep_policy(&self) -> Option<SweepPolicy> {
        let bundle = self.network.bundle();
        let SweepSpec { spacing_mm, zero_click } = bundle.sweep;
        let stride = self.network.sample_stride().max(bundle.region.divisor.min(4));
        Some(SweepPolicy { spacing_mm, size: bundle.region.size, stride, predicts: zero_click })
    }

    fn sweep(&self, prepared: &Prepared, window: &Grid, draw: Draw, cancel: &Cancel) -> Result<Swept, SegmentError> {
        let bundle = self.network.bundle();
        let first = prepared.channels.first().ok_or_else(|| SegmentError::NoSamples(bundle.title()))?;
        let nothing = Mask::empty(first.volume.grid().clone());
        let task = Task {
            prompts: &[],
            previous: &nothing,
            previous_box: VoxelBox { min: [0; 3], max: [0; 3] },
            other_labels: &[],
            region: window,
        };
        // Not remembered: the reader's next click is about the region of the last one.
        let inputs = Arc::new(drawn(bundle, &mut self.look(prepared, window)?, &task)?);
        cancel.check()?;
        let network = self.network.in_background();
        let features = network.encode(inputs)?;
        cancel.check()?;
        let draws = bundle.dropout_rate.is_some();
        let answer = if bundle.sweep.zero_click || !draws { Some(network.decode(&features)?) } else { None };
        let samples = match &answer {
            Some(answer) if !draws => {
                let probability = network.calibrated(answer.clone()).insert_axis(Axis(0));
                Samples { probability, grid: window.clone() }
            }
            _ => {
                let probability = network.sample(&features, draw.t, draw.seed, &|| cancel.is_cancelled())?;
                Samples { probability, grid: coarser(window, network.sample_stride())? }
            }
        };
        Ok(Swept { samples, probability: answer.filter(|_| bundle.sweep.zero_click) })
    }

    fn guidance(&self, prepared: &Prepared, task: &Task<'_>, polarity: Polarity) -> Result<Array3<f32>, SegmentError> {
        let inputs = self.inputs(prepared, task)?;
        Ok(match polarity {
            Polarity::Positive => inputs.positive,
            Polarity::Negative => inputs.negative,
        })
    }
}

impl From<NetworkError> for SegmentError {
    fn from(error: NetworkError) -> Self {
        match error {
            NetworkError::Cancelled => Self::Cancelled,
            other => Self::Network(other.to_string()),
        }
    }
}

fn remember(prepared: &Prepared, encoded: &Encoded) {
    if let Some(memory) = prepared.cache.downcast_ref::<Memory>() {
        *memory.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(encoded.clone());
    }
}

/// What the network is shown of a task in a region that was looked at.
fn drawn(bundle: &Bundle, seen: &mut Seen, task: &Task<'_>) -> Result<NetworkInputs, SegmentError> {
    let first = seen.image.index_axis(Axis(0), seen.shown);
    let positive = encoded(&bundle.positive, &mut seen.positive, first, &task.points(Polarity::Positive))?;
    let negative = encoded(&bundle.negative, &mut seen.negative, first, &task.points(Polarity::Negative))?;
    let previous = mask_on_grid(task.previous, &task.previous_box, task.region);
    let previous_mask = previous.map(|&set| if set { 1.0 } else { 0.0 });
    let class = task.name().and_then(|name| name.class_among(&bundle.classes));
    Ok(NetworkInputs { positive, negative, previous_mask, image: seen.image.clone(), class })
}

/// The prompts of a region, none yet. Gaussians and disks count in voxels, distances in mm.
fn state(encoding: &Encoding, region: &Grid) -> Result<GuidanceState, SegmentError> {
    let [spacing, ..] = region.spacing_mm();
    let (spacing_mm, voxels) = ([spacing as f32; 3], [1.0; 3]);
    let (signal, sides) = match *encoding {
        Encoding::Gaussian { sigma_voxels } => (Signal::Gaussian { sigma_mm: sigma_voxels }, voxels),
        Encoding::Disk { radius_voxels } => (Signal::Disk { radius_mm: radius_voxels }, voxels),
        Encoding::Euclidean { .. } => (Signal::Euclidean, spacing_mm),
        Encoding::Geodesic { lambda, cutoff_mm, .. } => {
            (Signal::Geodesic { lambda, cutoff: Some(cutoff_mm) }, spacing_mm)
        }
        Encoding::ExponentialGeodesic { lambda, tau_mm } => {
            (Signal::ExponentialGeodesic { lambda, cutoff: Some(16.0 * tau_mm), tau: tau_mm }, spacing_mm)
        }
    };
    GuidanceState::new(region.shape(), sides, signal).map_err(guidance)
}

fn guidance(error: GuidanceError) -> SegmentError {
    SegmentError::Guidance(error.to_string())
}

/// Prompts as a map on their region; `image` is its first channel, normalised.
fn encoded(
    encoding: &Encoding,
    state: &mut GuidanceState,
    image: ArrayView3<'_, f32>,
    points: &[[usize; 3]],
) -> Result<Array3<f32>, SegmentError> {
    // A region belongs to one label.
    let layer = Layer { label: 0, positive: true };
    state.replace(&[image], layer, points).map_err(guidance)?;
    let mut map = state.whole(&[image], layer).map_err(guidance)?;
    match *encoding {
        Encoding::Euclidean { cutoff_mm } => map.mapv_inplace(|d| d.min(cutoff_mm) / cutoff_mm),
        Encoding::Geodesic { cutoff_mm, dip_voxels, .. } => {
            map.mapv_inplace(|d| d.min(cutoff_mm) / cutoff_mm);
            if dip_voxels > 0.0 {
                let mut near = Array3::zeros(map.raw_dim());
                add_gaussian(near.view_mut(), points, [1.0; 3], dip_voxels).map_err(guidance)?;
                map -= &near;
            }
        }
        Encoding::Gaussian { .. } | Encoding::Disk { .. } | Encoding::ExponentialGeodesic { .. } => {}
    }
    Ok(map)
}

/// The grid whose voxels cover `stride`³ voxels of `region` each.
fn coarser(region: &Grid, stride: usize) -> Result<Grid, SegmentError> {
    let fine = region.world_from_voxel();
    let middle = DVec3::splat((stride as f64 - 1.0) / 2.0);
    let affine = DAffine3 { matrix3: fine.matrix3 * stride as f64, translation: fine.transform_point3(middle) };
    Ok(Grid::new(region.size().map(|n| n / stride.max(1)), affine)?)
}

#[cfg(test)]
mod tests;
