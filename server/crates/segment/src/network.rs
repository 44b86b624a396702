use crate::normalised::normalised_image;
use crate::{
    Cancel, Candidate, Channel, EngineDescription, Prepared, RegionPolicy, Samples, SegmentError, Segmenter, Task,
    mask_on_grid,
};
use isochrone_guidance::{Geodesic, disk, euclidean_distance, exponential_geodesic, gaussian, geodesic_distance};
use isochrone_network::{Bundle, Encoding, Features, Network, NetworkError, NetworkInputs, Runtime};
use isochrone_prompt::Polarity;
use isochrone_volume::{DAffine3, DVec3, Grid};
use ndarray::{Array3, ArrayView3, Axis};
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
    last: Mutex<Option<(Arc<NetworkInputs>, Features)>>,
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
    fn features(&self, prepared: &Prepared, task: &Task<'_>, cancel: &Cancel) -> Result<Features, SegmentError> {
        let inputs = Arc::new(self.inputs(prepared, task)?);
        cancel.check()?;
        let memory = prepared.cache.downcast_ref::<Memory>();
        let last = memory.map(|m| m.last.lock().unwrap_or_else(PoisonError::into_inner).clone());
        if let Some(Some((known, features))) = last
            && known == inputs
        {
            return Ok(features);
        }
        let features = self.network.encode(inputs.clone())?;
        if let Some(memory) = memory {
            *memory.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((inputs, features.clone()));
        }
        Ok(features)
    }

    fn inputs(&self, prepared: &Prepared, task: &Task<'_>) -> Result<NetworkInputs, SegmentError> {
        let bundle = self.network.bundle();
        let channels = prepared.channels.iter().zip(&bundle.channels);
        let images: Vec<_> =
            channels.map(|(c, spec)| normalised_image(&c.volume, task.region, &spec.normalisation)).collect();
        let views: Vec<_> = images.iter().map(|i| i.view()).collect();
        let image = ndarray::stack(Axis(0), &views).map_err(|e| SegmentError::Unsupported(e.to_string()))?;
        let first = image.index_axis(Axis(0), 0);
        let guide = |encoding, polarity| encoded(encoding, first, &task.points(polarity), task.region);
        let previous = mask_on_grid(task.previous, &task.previous_box, task.region);
        Ok(NetworkInputs {
            positive: guide(&bundle.positive, Polarity::Positive)?,
            negative: guide(&bundle.negative, Polarity::Negative)?,
            previous_mask: previous.map(|&set| if set { 1.0 } else { 0.0 }),
            image,
        })
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
            samples: bundle.dropout_rate.is_some(),
            region: RegionPolicy {
                size: spec.size,
                first_spacing_mm: spec.first_spacing_mm,
                min_spacing_mm: spec.min_spacing_mm,
                max_spacing_mm: spec.max_spacing_mm,
                zoom_out: spec.zoom_out,
                context: spec.context,
            },
        }
    }

    fn prepare(&self, channels: &[Channel]) -> Result<Arc<Prepared>, SegmentError> {
        let bundle = self.network.bundle();
        if channels.len() != bundle.channels.len() {
            return Err(SegmentError::Unsupported(format!(
                "The model {} needs {} image(s) a session, not {}; open the session with that many, or choose another engine",
                bundle.title(),
                bundle.channels.len(),
                channels.len()
            )));
        }
        for (n, (channel, spec)) in channels.iter().zip(&bundle.channels).enumerate() {
            let modality = channel.volume.modality();
            if !spec.modalities.contains(&modality) {
                let known: Vec<_> = spec.modalities.iter().map(|m| m.code()).collect();
                return Err(SegmentError::Unsupported(format!(
                    "Image {} is {}, but the model {} takes {} there; choose another image or engine",
                    n + 1,
                    modality.code(),
                    bundle.title(),
                    known.join(", ")
                )));
            }
        }
        Ok(Arc::new(Prepared { channels: channels.to_vec(), cache: Box::new(Memory::default()) }))
    }

    fn segment(&self, prepared: &Prepared, task: &Task<'_>, cancel: &Cancel) -> Result<Vec<Candidate>, SegmentError> {
        let features = self.features(prepared, task, cancel)?;
        cancel.check()?;
        let probability = self.network.decode(&features)?;
        Ok(vec![Candidate { probability, threshold: self.network.bundle().threshold, score: 1.0 }])
    }

    fn sample(
        &self,
        prepared: &Prepared,
        task: &Task<'_>,
        t: usize,
        seed: u64,
        cancel: &Cancel,
    ) -> Result<Samples, SegmentError> {
        if self.network.bundle().dropout_rate.is_none() {
            return Err(SegmentError::NoSamples(self.network.bundle().title()));
        }
        let features = self.features(prepared, task, cancel)?;
        let probability = self.network.sample(&features, t, seed, &|| cancel.is_cancelled())?;
        Ok(Samples { probability, grid: coarser(task.region, self.network.sample_stride())? })
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

/// Prompts as a map on the region; `image` is its first channel, normalised.
fn encoded(
    encoding: &Encoding,
    image: ArrayView3<'_, f32>,
    points: &[[usize; 3]],
    region: &Grid,
) -> Result<Array3<f32>, SegmentError> {
    let shape = region.shape();
    let [spacing, ..] = region.spacing_mm();
    let spacing_mm = [spacing as f32; 3];
    let voxels = [1.0; 3];
    let map = match *encoding {
        Encoding::Gaussian { sigma_voxels } => gaussian(shape, points, voxels, sigma_voxels),
        Encoding::Disk { radius_voxels } => disk(shape, points, voxels, radius_voxels),
        Encoding::Euclidean { cutoff_mm } => {
            euclidean_distance(shape, points, spacing_mm).map(|d| d.mapv(|d| d.min(cutoff_mm) / cutoff_mm))
        }
        Encoding::Geodesic { lambda, cutoff_mm } => {
            let metric = Geodesic { spacing_mm, lambda, cutoff: Some(cutoff_mm) };
            geodesic_distance(image, points, &metric).map(|d| d.mapv(|d| d.min(cutoff_mm) / cutoff_mm))
        }
        Encoding::ExponentialGeodesic { lambda, tau_mm } => {
            exponential_geodesic(image, points, &Geodesic { spacing_mm, lambda, cutoff: Some(16.0 * tau_mm) }, tau_mm)
        }
    };
    map.map_err(|e| SegmentError::Guidance(e.to_string()))
}

/// The grid whose voxels cover `stride`³ voxels of `region` each.
fn coarser(region: &Grid, stride: usize) -> Result<Grid, SegmentError> {
    let fine = region.world_from_voxel();
    let middle = DVec3::splat((stride as f64 - 1.0) / 2.0);
    let affine = DAffine3 { matrix3: fine.matrix3 * stride as f64, translation: fine.transform_point3(middle) };
    Ok(Grid::new(region.size().map(|n| n / stride.max(1)), affine)?)
}
