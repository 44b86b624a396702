use crate::dropout;
use crate::graph::{Feed, Graph};
use crate::worker::{Priority, Worker};
use crate::{Bundle, Graphs, NetworkError, Runtime};
use ndarray::{Array3, Array4, Axis};
use ort::value::DynValue;
use std::borrow::Cow;
use std::sync::Arc;

/// What a network sees of one region; every map `[k, j, i]` has the same shape.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkInputs {
    /// Normalised image channels `[C, k, j, i]`.
    pub image: Array4<f32>,
    /// The present mask, 0 or 1.
    pub previous_mask: Array3<f32>,
    /// Guidance of positive prompts.
    pub positive: Array3<f32>,
    /// Guidance of negative prompts.
    pub negative: Array3<f32>,
}

/// What a region gave in the encoder; cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct Features(Arc<Encoded>);

enum Encoded {
    /// The encoder's outputs by name, and the region's shape `[k, j, i]`.
    Values(Vec<(String, DynValue)>, [usize; 3]),
    /// A single graph has no features: the inputs, to run again.
    Inputs(Arc<NetworkInputs>),
}

/// A bundle's graphs, open, on a thread of their own.
pub struct Network {
    bundle: Arc<Bundle>,
    worker: Worker<Opened>,
    device: String,
}

struct Opened {
    encoder: Option<Graph>,
    decoder: Graph,
    sampler: Option<Graph>,
}

impl Opened {
    fn sampler(&mut self) -> &mut Graph {
        self.sampler.as_mut().unwrap_or(&mut self.decoder)
    }
}

impl Network {
    /// Opens a bundle's graphs.
    ///
    /// # Errors
    /// A file changed since the bundle was loaded, a graph that ONNX Runtime refuses, or names that do
    /// not fit the bundle.
    pub fn open(bundle: Bundle, runtime: &Runtime) -> Result<Self, NetworkError> {
        let bundle = Arc::new(bundle);
        let device = runtime.description();
        let (shared, runtime) = (bundle.clone(), runtime.clone());
        let worker = Worker::start(move || open(&shared.graphs, &runtime))?;
        Ok(Self { bundle, worker, device })
    }

    /// The bundle.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// Device and threads, such as `cpu (2 threads)`.
    #[must_use]
    pub fn device(&self) -> &str {
        &self.device
    }

    /// Runs everything once on an empty region, so that the first prompt does not pay for it, and a graph
    /// that cannot run is found now.
    ///
    /// # Errors
    /// The graph does not run on regions of the bundle's size.
    pub fn warm_up(&self) -> Result<(), NetworkError> {
        let [i, j, k] = self.bundle.region.size;
        let map = Array3::zeros((k, j, i));
        let image = Array4::zeros((self.bundle.channels.len(), k, j, i));
        let inputs = NetworkInputs { image, previous_mask: map.clone(), positive: map.clone(), negative: map };
        let features = self.encode(Arc::new(inputs))?;
        self.decode(&features)?;
        if self.bundle.dropout_rate.is_some() {
            self.sample(&features, 1, 0, &|| false)?;
        }
        Ok(())
    }

    /// Image and prompts to features: the part that every sample shares.
    ///
    /// # Errors
    /// Arrays that do not fit the bundle, or the pass failed.
    pub fn encode(&self, inputs: Arc<NetworkInputs>) -> Result<Features, NetworkError> {
        let shape = self.check(&inputs)?;
        let bundle = self.bundle.clone();
        self.worker.run(Priority::Mask, move |opened| {
            let Some(encoder) = opened.encoder.as_mut() else { return Ok(Features(Arc::new(Encoded::Inputs(inputs)))) };
            let Graphs::Split { encoder: spec, decoder, sampler } = &bundle.graphs else {
                return Err(NetworkError::Run("the bundle has no encoder".to_owned()));
            };
            let mut outputs = encoder.run(Graph::prompts(spec, &inputs)?)?;
            let mut names: Vec<&String> =
                decoder.features.iter().chain(sampler.iter().flat_map(|s| &s.features)).collect();
            names.sort();
            names.dedup();
            let take = |name: &String| outputs.remove(name).map(|value| (name.clone(), value));
            Ok(Features(Arc::new(Encoded::Values(names.into_iter().filter_map(take).collect(), shape))))
        })
    }

    /// Features to the probability `[k, j, i]` on the region, without dropout. The same features give the same bits.
    ///
    /// # Errors
    /// The pass failed, or its output has a wrong shape.
    pub fn decode(&self, features: &Features) -> Result<Array3<f32>, NetworkError> {
        let (features, temperature) = (features.clone(), self.bundle.temperature);
        self.worker.run(Priority::Mask, move |opened| {
            let masks = dropout::ones(&opened.decoder.spec().dropout);
            let maps = forward(&mut opened.decoder, &features, &masks, 1, temperature)?;
            maps.into_iter().next().ok_or_else(|| NetworkError::Run("it gave nothing".to_owned()))
        })
    }

    /// Draws `t` samples of the probability `[t, k, j, i]`, where an output voxel covers
    /// [`Network::sample_stride`] working voxels along an axis. The same features and seed give the same bits,
    /// however many samples are drawn.
    ///
    /// Between runs of at most two samples, masks that are waiting go first, and `cancelled` is asked.
    ///
    /// # Errors
    /// Cancelled, no dropout inputs, or a pass failed.
    pub fn sample(
        &self,
        features: &Features,
        t: usize,
        seed: u64,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Array4<f32>, NetworkError> {
        let rate = self.bundle.dropout_rate.ok_or_else(|| NetworkError::NoDropout(self.bundle.title()))?;
        let temperature = self.bundle.temperature;
        let mut maps: Vec<Array3<f32>> = Vec::with_capacity(t.min(1024));
        while maps.len() < t {
            if cancelled() {
                return Err(NetworkError::Cancelled);
            }
            let (features, first) = (features.clone(), maps.len());
            maps.extend(self.worker.run(Priority::Sample, move |opened| {
                let graph = opened.sampler();
                // Always a full batch: the last bits of a sum may depend on the batch's size.
                let count = graph.batch;
                let masks = dropout::sampled(&graph.spec().dropout, rate, seed, first..first + count);
                let maps = forward(graph, &features, &masks, count, temperature)?;
                if maps.len() == count {
                    Ok(maps)
                } else {
                    Err(NetworkError::Run("it gave too few samples".to_owned()))
                }
            })?);
        }
        maps.truncate(t);
        let views: Vec<_> = maps.iter().map(|m| m.view()).collect();
        ndarray::stack(Axis(0), &views).map_err(|_| NetworkError::Run("no samples were asked for".to_owned()))
    }

    /// Working voxels per voxel of a sample, along each axis.
    #[must_use]
    pub fn sample_stride(&self) -> usize {
        self.bundle.graphs.for_samples().stride
    }

    fn check(&self, inputs: &NetworkInputs) -> Result<[usize; 3], NetworkError> {
        let (channels, k, j, i) = inputs.image.dim();
        let maps = [&inputs.previous_mask, &inputs.positive, &inputs.negative];
        if channels != self.bundle.channels.len() || maps.iter().any(|m| m.dim() != (k, j, i)) {
            return Err(NetworkError::Input(format!(
                "{} image channels and three maps of one shape are needed",
                self.bundle.channels.len()
            )));
        }
        let divisor = self.bundle.region.divisor;
        if [k, j, i].iter().any(|n| *n == 0 || n % divisor != 0) {
            return Err(NetworkError::Input(format!("the region's sides must be multiples of {divisor} voxels")));
        }
        Ok([k, j, i])
    }
}

fn open(graphs: &Graphs, runtime: &Runtime) -> Result<Opened, NetworkError> {
    match graphs {
        Graphs::Single(spec) => Ok(Opened { encoder: None, decoder: Graph::open(runtime, spec)?, sampler: None }),
        Graphs::Split { encoder, decoder, sampler } => {
            let first = Graph::open(runtime, encoder)?;
            first.expect_outputs(&decoder.features)?;
            let sampler = match sampler {
                Some(spec) => {
                    first.expect_outputs(&spec.features)?;
                    Some(Graph::open(runtime, spec)?)
                }
                None => None,
            };
            Ok(Opened { encoder: Some(first), decoder: Graph::open(runtime, decoder)?, sampler })
        }
    }
}

/// One run of `count` samples; checks that the output covers the region.
fn forward(
    graph: &mut Graph,
    features: &Features,
    masks: &[Vec<f32>],
    count: usize,
    temperature: f32,
) -> Result<Vec<Array3<f32>>, NetworkError> {
    let spec = graph.spec().clone();
    let mut feed: Feed<'_> = Graph::dropout(&spec, masks, count)?;
    let shape = match features.0.as_ref() {
        Encoded::Values(values, shape) => {
            let used = values.iter().filter(|(name, _)| spec.features.contains(name));
            feed.extend(used.map(|(name, value)| (Cow::Borrowed(name.as_str()), value.into())));
            *shape
        }
        Encoded::Inputs(inputs) => {
            feed.extend(Graph::prompts(&spec, inputs)?);
            let (k, j, i) = inputs.previous_mask.dim();
            [k, j, i]
        }
    };
    let maps = Graph::probabilities(&spec, &graph.run(feed)?, temperature)?;
    let covered = |map: &Array3<f32>| map.shape().iter().zip(shape).all(|(n, whole)| n * spec.stride == whole);
    if maps.iter().all(covered) {
        return Ok(maps);
    }
    Err(NetworkError::Graph {
        role: spec.file.role,
        why: format!("its logits are not 1/{} of the region", spec.stride),
    })
}
