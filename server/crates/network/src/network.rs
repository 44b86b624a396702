use crate::dropout;
use crate::graph::{Feed, Graph};
use crate::worker::{Priority, Worker};
use crate::{Bundle, GraphSpec, Graphs, NetworkError, Runtime};
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
    /// Which of the bundle's classes is wanted, by its place in the list; `None`: any of them.
    pub class: Option<usize>,
}

/// What a region gave in the encoder; cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct Features {
    encoded: Arc<Encoded>,
    /// The class that is wanted.
    class: Option<usize>,
}

enum Encoded {
    /// The encoder's outputs by name, and the region's shape `[k, j, i]`.
    Values(Vec<(String, DynValue)>, [usize; 3]),
    /// A single graph has no features: the inputs, to run again.
    Inputs(Arc<NetworkInputs>),
}

/// A bundle's graphs, open, on a thread of their own.
pub struct Network {
    bundle: Arc<Bundle>,
    worker: Arc<Worker<Opened>>,
    device: String,
    background: bool,
}

struct Opened {
    encoder: Option<Graph>,
    decoder: Graph,
    sampler: Option<Graph>,
    error: Option<Graph>,
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
        let worker = Arc::new(Worker::start(move || open(&shared.graphs, &runtime))?);
        Ok(Self { bundle, worker, device, background: false })
    }

    /// The same network for work that nobody waits for: its passes run when no other pass is wanted.
    #[must_use]
    pub fn in_background(&self) -> Self {
        Self { bundle: self.bundle.clone(), worker: self.worker.clone(), device: self.device.clone(), background: true }
    }

    fn priority(&self, otherwise: Priority) -> Priority {
        if self.background { Priority::Background } else { otherwise }
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
        let inputs =
            NetworkInputs { image, previous_mask: map.clone(), positive: map.clone(), negative: map, class: None };
        let features = self.encode(Arc::new(inputs))?;
        self.decode(&features)?;
        if self.bundle.dropout_rate.is_some() {
            self.sample(&features, 1, 0, &|| false)?;
        }
        if self.bundle.graphs.error().is_some() {
            self.error(&features)?;
        }
        Ok(())
    }

    /// Image and prompts to features: the part that every sample shares.
    ///
    /// # Errors
    /// Arrays that do not fit the bundle, or the pass failed.
    pub fn encode(&self, inputs: Arc<NetworkInputs>) -> Result<Features, NetworkError> {
        self.encode_for(inputs, Priority::Mask)
    }

    fn encode_for(&self, inputs: Arc<NetworkInputs>, priority: Priority) -> Result<Features, NetworkError> {
        let shape = self.check(&inputs)?;
        let (bundle, class) = (self.bundle.clone(), inputs.class);
        self.worker.run(self.priority(priority), move |opened| {
            let features = |encoded| Features { encoded: Arc::new(encoded), class };
            let Some(encoder) = opened.encoder.as_mut() else { return Ok(features(Encoded::Inputs(inputs))) };
            let Graphs::Split { encoder: spec, decoder, sampler, error } = &bundle.graphs else {
                return Err(NetworkError::Run("the bundle has no encoder".to_owned()));
            };
            let mut outputs = encoder.run(Graph::prompts(spec, &inputs)?)?;
            let others = sampler.iter().chain(error);
            let mut names: Vec<&String> = decoder.features.iter().chain(others.flat_map(|s| &s.features)).collect();
            names.sort();
            names.dedup();
            let take = |name: &String| outputs.remove(name).map(|value| (name.clone(), value));
            Ok(features(Encoded::Values(names.into_iter().filter_map(take).collect(), shape)))
        })
    }

    /// Features to the probability `[k, j, i]` on the region, without dropout: as the network says it, for the mask;
    /// see [`Network::calibrated`]. The same features give the same bits.
    ///
    /// # Errors
    /// The pass failed, or its output has a wrong shape.
    pub fn decode(&self, features: &Features) -> Result<Array3<f32>, NetworkError> {
        self.decode_for(features, Priority::Mask)
    }

    fn decode_for(&self, features: &Features, priority: Priority) -> Result<Array3<f32>, NetworkError> {
        let (features, bundle) = (features.clone(), self.bundle.clone());
        self.worker.run(self.priority(priority), move |opened| {
            let masks = dropout::ones(&opened.decoder.spec().dropout);
            let output = Output { temperature: 1.0, ..Output::of(&bundle) };
            let maps = forward(&mut opened.decoder, &features, Extra::dropout(&masks, 1), &output)?;
            maps.into_iter().next().ok_or_else(|| NetworkError::Run("it gave nothing".to_owned()))
        })
    }

    /// A probability of [`Network::decode`] at the bundle's temperature, so that it means what it says. One half stays
    /// one half; masks are made before, as interpolation would move their borders.
    #[must_use]
    pub fn calibrated(&self, mut probability: Array3<f32>) -> Array3<f32> {
        let temperature = self.bundle.temperature;
        if temperature != 1.0 {
            probability.par_mapv_inplace(|p| {
                let p = p.clamp(1e-7, 1.0 - 1e-7);
                1.0 / (1.0 + ((1.0 - p) / p).powf(1.0 / temperature))
            });
        }
        probability
    }

    /// Draws `t` samples of the calibrated probability `[t, k, j, i]`, where an output voxel covers
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
        let mut maps: Vec<Array3<f32>> = Vec::with_capacity(t.min(1024));
        while maps.len() < t {
            if cancelled() {
                return Err(NetworkError::Cancelled);
            }
            let (features, bundle, first) = (features.clone(), self.bundle.clone(), maps.len());
            maps.extend(self.worker.run(self.priority(Priority::Sample), move |opened| {
                let graph = opened.sampler();
                // Always a full batch: the last bits of a sum may depend on the batch's size.
                let count = graph.batch;
                let masks = dropout::sampled(&graph.spec().dropout, rate, seed, first..first + count);
                let maps = forward(graph, &features, Extra::dropout(&masks, count), &Output::of(&bundle))?;
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

    /// Probability `[k, j, i]` that the answer (of [`Network::decode`], at its threshold) is wrong, by the bundle's
    /// error graph, where an output voxel covers that graph's stride of working voxels along an axis.
    ///
    /// # Errors
    /// The bundle has no error graph, or the pass failed.
    pub fn error(&self, features: &Features) -> Result<Array3<f32>, NetworkError> {
        let spec = self.bundle.graphs.error().ok_or_else(|| NetworkError::NoErrorGraph(self.bundle.title()))?;
        let probability = if spec.probability.is_some() { Some(self.decode(features)?) } else { None };
        let features = features.clone();
        self.worker.run(self.priority(Priority::Sample), move |opened| {
            let graph = opened.error.as_mut().ok_or_else(|| NetworkError::Run("it was not opened".to_owned()))?;
            let extra = Extra { probability: probability.as_ref(), ..Extra::dropout(&[], 1) };
            // It is calibrated in training; the bundle's temperature is that of the answer.
            let maps = forward(graph, &features, extra, &Output { temperature: 1.0, classes: 0 })?;
            maps.into_iter().next().ok_or_else(|| NetworkError::Run("it gave nothing".to_owned()))
        })
    }

    /// Calibrated answers `[t, k, j, i]` to the region mirrored in every way, put back as it lies: test-time
    /// augmentation. The first is the answer itself; there are eight at most. Between passes, what is waiting goes first.
    ///
    /// # Errors
    /// Cancelled, arrays that do not fit the bundle, or a pass failed.
    pub fn augmented(
        &self,
        inputs: &NetworkInputs,
        t: usize,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Array4<f32>, NetworkError> {
        let (_, k, j, i) = inputs.image.dim();
        let flips = t.clamp(1, 8);
        let mut answers = Array4::zeros((flips, k, j, i));
        for (flip, mut answer) in answers.outer_iter_mut().enumerate() {
            if cancelled() {
                return Err(NetworkError::Cancelled);
            }
            let features = self.encode_for(Arc::new(mirrored_inputs(inputs, flip)), Priority::Sample)?;
            let mut map = self.calibrated(self.decode_for(&features, Priority::Sample)?);
            mirror(&mut map, flip);
            answer.assign(&map);
        }
        Ok(answers)
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
        if inputs.class.is_some_and(|class| class >= self.bundle.classes.len()) {
            return Err(NetworkError::Input(format!("the bundle has {} classes", self.bundle.classes.len())));
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
        Graphs::Single(spec) => {
            Ok(Opened { encoder: None, decoder: Graph::open(runtime, spec)?, sampler: None, error: None })
        }
        Graphs::Split { encoder, decoder, sampler, error } => {
            let first = Graph::open(runtime, encoder)?;
            let open = |spec: &GraphSpec| {
                first.expect_outputs(&spec.features)?;
                Graph::open(runtime, spec)
            };
            let decoder = open(decoder)?;
            let sampler = sampler.as_ref().map(open).transpose()?;
            let error = error.as_ref().map(open).transpose()?;
            Ok(Opened { encoder: Some(first), decoder, sampler, error })
        }
    }
}

/// What a run takes beside the features.
#[derive(Clone, Copy)]
struct Extra<'a> {
    masks: &'a [Vec<f32>],
    count: usize,
    probability: Option<&'a Array3<f32>>,
}

impl<'a> Extra<'a> {
    /// Dropout masks of `count` samples.
    fn dropout(masks: &'a [Vec<f32>], count: usize) -> Self {
        Self { masks, count, probability: None }
    }
}

/// What a graph's logits stand for.
struct Output {
    temperature: f32,
    /// Channels, one a class; 0: one channel, or background and foreground.
    classes: usize,
}

impl Output {
    fn of(bundle: &Bundle) -> Self {
        Self { temperature: bundle.temperature, classes: bundle.classes.len() }
    }
}

/// One run; checks that the output covers the region.
fn forward(
    graph: &mut Graph,
    features: &Features,
    extra: Extra<'_>,
    output: &Output,
) -> Result<Vec<Array3<f32>>, NetworkError> {
    let spec = graph.spec().clone();
    let mut feed: Feed<'_> = Graph::dropout(&spec, extra.masks, extra.count)?;
    if let Some(probability) = extra.probability {
        feed.extend(Graph::answer(&spec, probability)?);
    }
    let shape = match features.encoded.as_ref() {
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
    let outputs = graph.run(feed)?;
    let maps = match output.classes {
        0 => Graph::probabilities(&spec, &outputs, output.temperature)?,
        classes => Graph::of_class(&spec, &outputs, output.temperature, classes, features.class)?,
    };
    let covered = |map: &Array3<f32>| map.shape().iter().zip(shape).all(|(n, whole)| n * spec.stride == whole);
    if maps.iter().all(covered) {
        return Ok(maps);
    }
    Err(NetworkError::Graph {
        role: spec.file.role,
        why: format!("its logits are not 1/{} of the region", spec.stride),
    })
}

/// Mirrors a map along `i`, `j`, `k` for bits 0, 1, 2 of `flip`; twice is as before.
fn mirror(map: &mut Array3<f32>, flip: usize) {
    for axis in 0..3 {
        if flip >> axis & 1 == 1 {
            map.invert_axis(Axis(2 - axis));
        }
    }
    *map = map.as_standard_layout().into_owned();
}

fn mirrored_inputs(inputs: &NetworkInputs, flip: usize) -> NetworkInputs {
    let mut mirrored = inputs.clone();
    let channels = inputs.image.outer_iter().map(|channel| {
        let mut channel = channel.to_owned();
        mirror(&mut channel, flip);
        channel
    });
    for (mut to, channel) in mirrored.image.outer_iter_mut().zip(channels) {
        to.assign(&channel);
    }
    for map in [&mut mirrored.previous_mask, &mut mirrored.positive, &mut mirrored.negative] {
        mirror(map, flip);
    }
    mirrored
}
