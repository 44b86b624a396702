use crate::normalised::normalised_image;
use crate::{
    Cancel, Candidate, Channel, EngineDescription, Prepared, RegionPolicy, Samples, SegmentError, Segmenter, Task,
    mask_on_grid,
};
use isochrone_guidance::{GuidanceError, GuidanceState, Layer, Signal, add_gaussian};
use isochrone_network::{Bundle, Encoding, Features, Network, NetworkError, NetworkInputs, Runtime};
use isochrone_prompt::Polarity;
use isochrone_volume::{DAffine3, DVec3, Grid};
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
    last: Mutex<Option<(Arc<NetworkInputs>, Features)>>,
    seen: Mutex<Option<Seen>>,
}

/// The last region: its image and its prompts, so that one more click there costs only what it changes.
struct Seen {
    region: Grid,
    image: Array4<f32>,
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
        let memory = prepared.cache.downcast_ref::<Memory>();
        let known = memory.and_then(|m| m.seen.lock().unwrap_or_else(PoisonError::into_inner).take());
        let mut seen = match known.filter(|seen| seen.region == *task.region) {
            Some(seen) => seen,
            None => self.look(prepared, task.region)?,
        };
        let first = seen.image.index_axis(Axis(0), 0);
        let positive = encoded(&bundle.positive, &mut seen.positive, first, &task.points(Polarity::Positive))?;
        let negative = encoded(&bundle.negative, &mut seen.negative, first, &task.points(Polarity::Negative))?;
        let previous = mask_on_grid(task.previous, &task.previous_box, task.region);
        let image = seen.image.clone();
        if let Some(memory) = memory {
            *memory.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        }
        Ok(NetworkInputs { positive, negative, previous_mask: previous.map(|&set| if set { 1.0 } else { 0.0 }), image })
    }

    /// A region's image, without prompts yet.
    fn look(&self, prepared: &Prepared, region: &Grid) -> Result<Seen, SegmentError> {
        let bundle = self.network.bundle();
        let channels = prepared.channels.iter().zip(&bundle.channels);
        let images: Vec<_> =
            channels.map(|(c, spec)| normalised_image(&c.volume, region, &spec.normalisation)).collect();
        let views: Vec<_> = images.iter().map(|i| i.view()).collect();
        let image = ndarray::stack(Axis(0), &views).map_err(|e| SegmentError::Unsupported(e.to_string()))?;
        let (positive, negative) = (state(&bundle.positive, region)?, state(&bundle.negative, region)?);
        Ok(Seen { region: region.clone(), image, positive, negative })
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
                first_spacing_voxels: spec.first_spacing_voxels,
                min_spacing_mm: spec.min_spacing_mm,
                max_spacing_mm: spec.max_spacing_mm,
                zoom_out: spec.zoom_out,
                context: spec.context,
                local_from: spec.local_from,
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
mod tests {
    use super::*;
    use crate::{RefineInput, refine};
    use isochrone_network::{Device, RuntimeOptions};
    use isochrone_prompt::{Click, PlacedPrompt, Prompt};
    use isochrone_volume::{DMat3, Mask, Modality, Quantity, Rescale, Volume, VolumeOrigin, Voxels};

    fn engine() -> NetworkEngine {
        let runtime = Runtime::load(&RuntimeOptions { device: Device::Cpu, ..RuntimeOptions::default() }).unwrap();
        NetworkEngine::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../models/lesion-1"), &runtime).unwrap()
    }

    fn volume(modality: Modality) -> Arc<Volume> {
        let affine = DAffine3 { matrix3: DMat3::from_diagonal(DVec3::new(1.5, 1.5, 3.0)), translation: DVec3::ZERO };
        let grid = Grid::new([60, 50, 30], affine).unwrap();
        let voxels = Array3::from_shape_fn(grid.shape(), |(k, j, i)| {
            let ball = (3 * k as i64 - 45).pow(2) + (j as i64 - 25).pow(2) + (i as i64 - 30).pow(2) < 150;
            ((k * 31 + j * 17 + i * 7) % 23) as i16 + if ball { 100 } else { 0 }
        });
        let origin = VolumeOrigin {
            modality,
            quantity: Quantity::Arbitrary,
            inferred: false,
            frame_of_reference: None,
            warnings: vec![],
        };
        Arc::new(Volume::new(grid, Voxels::I16(voxels), Rescale::IDENTITY, origin).unwrap())
    }

    fn positive(volume: &Volume, voxel: [usize; 3]) -> PlacedPrompt {
        let click = Click { position_lps_mm: volume.grid().centre_mm(voxel), polarity: Polarity::Positive };
        Prompt::Click(click).place(volume, "").unwrap()
    }

    #[test]
    fn samples_reuse_the_masks_features_and_bits_repeat() {
        let (engine, volume) = (engine(), volume(Modality::Ct));
        let prepared = engine.prepare(&[Channel { volume: volume.clone() }]).unwrap();
        let (prompts, mask) = ([positive(&volume, [30, 25, 15])], Mask::empty(volume.grid().clone()));
        let input = RefineInput { prompts: &prompts, newest: 1, mask: &mask, other_labels: &[] };
        let refined = refine(&engine, &prepared, &input, &Cancel::new()).unwrap();
        let task = refined.task.task(&[]);
        // The accepted pass need not be the last one; after this it is.
        engine.segment(&prepared, &task, &Cancel::new()).unwrap();
        let known = || prepared.cache.downcast_ref::<Memory>().unwrap().last.lock().unwrap().clone().unwrap().0;
        let before = known();
        let samples = engine.sample(&prepared, &task, 3, 9, &Cancel::new()).unwrap();
        assert!(Arc::ptr_eq(&before, &known()));
        assert_eq!(samples.probability.dim(), (3, 16, 16, 16));
        // A session that has forgotten gets the same bits.
        let fresh = engine.prepare(&[Channel { volume: volume.clone() }]).unwrap();
        assert_eq!(samples.probability, engine.sample(&fresh, &task, 3, 9, &Cancel::new()).unwrap().probability);
        assert_eq!(refined.mask, refine(&engine, &fresh, &input, &Cancel::new()).unwrap().mask);
        let cancelled = Cancel::new();
        cancelled.cancel();
        assert!(matches!(engine.sample(&prepared, &task, 3, 9, &cancelled), Err(SegmentError::Cancelled)));
    }

    #[test]
    fn coarse_voxels_cover_what_they_stand_for() {
        let region = volume(Modality::Ct).grid().working(DVec3::new(40.0, 30.0, 20.0), 1.5, [16; 3]).unwrap();
        let coarse = coarser(&region, 4).unwrap();
        assert_eq!((coarse.size(), coarse.spacing_mm()[0]), ([4; 3], 6.0));
        let middle = (region.centre_mm([4, 8, 12]) + region.centre_mm([7, 11, 15])) / 2.0;
        assert!(coarse.centre_mm([1, 2, 3]).distance(middle) < 1e-9);
    }

    #[test]
    fn channels_must_fit() {
        let engine = engine();
        let channel = Channel { volume: volume(Modality::Mr) };
        assert!(matches!(engine.prepare(&[]), Err(SegmentError::Unsupported(_))));
        let two = [channel.clone(), channel];
        let error = engine.prepare(&two).err().unwrap().to_string();
        assert!(error.contains("1 image") && error.contains("not 2"), "{error}");
    }

    #[test]
    fn encodings() {
        let region = volume(Modality::Ct).grid().working(DVec3::ZERO, 2.0, [8; 3]).unwrap();
        let image = Array3::zeros((8, 8, 8));
        let map = |encoding, points: &[[usize; 3]]| {
            encoded(&encoding, &mut state(&encoding, &region).unwrap(), image.view(), points).unwrap()
        };
        // Three working voxels of 2 mm away from the prompt; without prompts.
        let e = |x: f32| x.exp();
        let expected = [
            (Encoding::Gaussian { sigma_voxels: 2.0 }, e(-9.0 / 8.0), 0.0),
            (Encoding::Disk { radius_voxels: 3.0 }, 1.0, 0.0),
            (Encoding::Disk { radius_voxels: 2.9 }, 0.0, 0.0),
            (Encoding::Euclidean { cutoff_mm: 24.0 }, 0.25, 1.0),
            (Encoding::Euclidean { cutoff_mm: 3.0 }, 1.0, 1.0),
            (Encoding::Geodesic { lambda: 0.5, cutoff_mm: 12.0, dip_voxels: 0.0 }, 0.25, 1.0),
            (Encoding::Geodesic { lambda: 0.5, cutoff_mm: 12.0, dip_voxels: 2.0 }, 0.25 - e(-9.0 / 8.0), 1.0),
            (Encoding::ExponentialGeodesic { lambda: 0.5, tau_mm: 3.0 }, e(-1.0), 0.0),
        ];
        for (encoding, away, without) in expected {
            let value = map(encoding, &[[4, 4, 4]])[[4, 1, 4]];
            assert!((value - away).abs() < 1e-5, "{encoding:?}: {value}");
            assert!(map(encoding, &[]).iter().all(|v| *v == without), "{encoding:?}");
        }
    }

    #[test]
    fn a_known_region_follows_its_prompts_bit_for_bit() {
        let region = volume(Modality::Ct).grid().working(DVec3::ZERO, 2.0, [16; 3]).unwrap();
        let image = Array3::from_shape_fn((16, 16, 16), |(k, j, i)| ((k * 7 + j * 5 + i * 3) % 11) as f32);
        let prompts: [&[[usize; 3]]; 6] = [
            &[[4, 4, 4]],
            &[[4, 4, 4], [9, 9, 2]],
            &[[9, 9, 2]],
            &[],
            &[[1, 2, 3], [1, 2, 4]],
            &[[1, 2, 4], [15, 0, 0]],
        ];
        for encoding in [
            Encoding::Gaussian { sigma_voxels: 2.0 },
            Encoding::Euclidean { cutoff_mm: 24.0 },
            Encoding::Geodesic { lambda: 0.5, cutoff_mm: 12.0, dip_voxels: 2.0 },
            Encoding::ExponentialGeodesic { lambda: 0.5, tau_mm: 3.0 },
        ] {
            let mut kept = state(&encoding, &region).unwrap();
            for points in prompts {
                let fresh = encoded(&encoding, &mut state(&encoding, &region).unwrap(), image.view(), points).unwrap();
                assert_eq!(
                    encoded(&encoding, &mut kept, image.view(), points).unwrap(),
                    fresh,
                    "{encoding:?} {points:?}"
                );
            }
        }
    }
}
