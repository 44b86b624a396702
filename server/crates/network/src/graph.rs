use crate::sessions::{Outline, Sessions};
use crate::{GraphSpec, NetworkError, NetworkInputs, Runtime};
use ndarray::{Array3, ArrayView4, ArrayView5, Axis};
use ort::session::{SessionInputValue, SessionOutputs};
use ort::value::TensorRef;
use std::borrow::Cow;

/// Named inputs of one run.
pub(crate) type Feed<'a> = Vec<(Cow<'a, str>, SessionInputValue<'a>)>;

/// One ONNX graph, open, whose names were checked against the bundle.
pub(crate) struct Graph {
    sessions: Sessions,
    outline: Outline,
    spec: GraphSpec,
    /// Samples that one run may hold.
    pub batch: usize,
}

/// Samples that share a run, unless the graph fixes its batch: more gain little, and a newer prompt waits.
const BATCH: usize = 2;

impl Graph {
    /// Opens a graph and checks that its inputs and outputs are those the bundle names.
    pub fn open(runtime: &Runtime, spec: &GraphSpec) -> Result<Self, NetworkError> {
        let (sessions, outline) = Sessions::open(runtime, &spec.file)?;
        let role = spec.file.role;
        let wrong = |why: String| Err(NetworkError::Graph { role, why });
        let declared = declared(spec);
        for name in &declared {
            if !outline.inputs.iter().any(|i| i.name == *name) {
                return wrong(format!("it has no input {name:?}"));
            }
        }
        if let Some(extra) = outline.inputs.iter().find(|i| !declared.contains(&i.name.as_str())) {
            return wrong(format!("its input {:?} is not in bundle.toml", extra.name));
        }
        if let Some(name) = &spec.logits
            && !outline.outputs.contains(name)
        {
            return wrong(format!("it has no output {name:?}"));
        }
        // A single graph holds the image, whose batch is one.
        let one_sample = |name: &String| outline.inputs.iter().any(|i| i.name == *name && i.first == Some(1));
        let fixed = spec.image.is_some() || spec.dropout.iter().any(|d| one_sample(&d.name));
        Ok(Self { sessions, outline, spec: spec.clone(), batch: if fixed { 1 } else { BATCH } })
    }

    pub fn spec(&self) -> &GraphSpec {
        &self.spec
    }

    /// Fails unless every one of `names` is among the outputs.
    pub fn expect_outputs(&self, names: &[String]) -> Result<(), NetworkError> {
        match names.iter().find(|name| !self.outline.outputs.contains(name)) {
            Some(name) => {
                Err(NetworkError::Graph { role: self.spec.file.role, why: format!("it has no output {name:?}") })
            }
            None => Ok(()),
        }
    }

    pub fn run(&mut self, feed: Feed<'_>) -> Result<SessionOutputs<'_>, NetworkError> {
        Ok(self.sessions.for_feed(&self.outline, &feed)?.run(feed)?)
    }

    /// Image and prompts under this graph's names.
    pub fn prompts<'a>(spec: &'a GraphSpec, inputs: &'a NetworkInputs) -> Result<Feed<'a>, NetworkError> {
        let (channels, k, j, i) = inputs.image.dim();
        let mut feed = Feed::new();
        if let Some(name) = &spec.image {
            feed.push(tensor(name, &[1, channels, k, j, i], inputs.image.as_slice())?);
        }
        let maps = [
            (&spec.previous_mask, &inputs.previous_mask),
            (&spec.positive, &inputs.positive),
            (&spec.negative, &inputs.negative),
        ];
        for (name, map) in maps {
            if let Some(name) = name {
                feed.push(tensor(name, &[1, 1, k, j, i], map.as_slice())?);
            }
        }
        Ok(feed)
    }

    /// Dropout masks, one flat `[t, channels]` an input.
    pub fn dropout<'a>(spec: &'a GraphSpec, masks: &'a [Vec<f32>], t: usize) -> Result<Feed<'a>, NetworkError> {
        spec.dropout.iter().zip(masks).map(|(d, mask)| tensor(&d.name, &[t, d.channels], Some(mask))).collect()
    }

    /// The answer's probability `[k, j, i]`, where this graph takes it.
    pub fn answer<'a>(spec: &'a GraphSpec, probability: &'a Array3<f32>) -> Result<Feed<'a>, NetworkError> {
        let (k, j, i) = probability.dim();
        spec.probability.iter().map(|name| tensor(name, &[1, 1, k, j, i], probability.as_slice())).collect()
    }

    /// The probability of one class in every sample of an output, `[k, j, i]` each; without one, of the likeliest.
    pub fn of_class(
        spec: &GraphSpec,
        outputs: &SessionOutputs<'_>,
        temperature: f32,
        classes: usize,
        class: Option<usize>,
    ) -> Result<Vec<Array3<f32>>, NetworkError> {
        let logits = logits(spec, outputs)?;
        if logits.len_of(Axis(1)) != classes {
            let why = format!("its logits have {} channels, for {classes} classes", logits.len_of(Axis(1)));
            return Err(NetworkError::Graph { role: spec.file.role, why });
        }
        let one = |sample: ArrayView4<'_, f32>| match class {
            Some(class) => sample.index_axis(Axis(0), class).mapv(|logit| sigmoid(logit / temperature)),
            None => sample.fold_axis(Axis(0), f32::MIN, |a, b| a.max(*b)).mapv(|logit| sigmoid(logit / temperature)),
        };
        Ok(logits.axis_iter(Axis(0)).map(one).collect())
    }

    /// The probability of every sample of an output, `[k, j, i]` each.
    pub fn probabilities(
        spec: &GraphSpec,
        outputs: &SessionOutputs<'_>,
        temperature: f32,
    ) -> Result<Vec<Array3<f32>>, NetworkError> {
        let wrong = |why: &str| NetworkError::Graph { role: spec.file.role, why: why.to_owned() };
        let probability = |logit: f32| sigmoid(logit / temperature);
        logits(spec, outputs)?
            .axis_iter(Axis(0))
            .map(|sample| {
                let mut channels = sample.axis_iter(Axis(0));
                match (channels.next(), channels.next(), channels.next()) {
                    (Some(logit), None, None) => Ok(logit.mapv(probability)),
                    // Softmax over two is the sigmoid of their difference.
                    (Some(background), Some(foreground), None) => Ok((&foreground - &background).mapv(probability)),
                    _ => Err(wrong("its logits must have one channel, or background and foreground")),
                }
            })
            .collect()
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// The logits `[T, C, k, j, i]` of a run.
fn logits<'a>(spec: &GraphSpec, outputs: &'a SessionOutputs<'_>) -> Result<ArrayView5<'a, f32>, NetworkError> {
    let wrong = |why: &str| NetworkError::Graph { role: spec.file.role, why: why.to_owned() };
    let value = spec.logits.as_ref().and_then(|name| outputs.get(name)).ok_or_else(|| wrong("it gave no logits"))?;
    let (shape, flat) = value.try_extract_tensor::<f32>()?;
    let shape: Vec<usize> = shape.iter().filter_map(|&n| usize::try_from(n).ok()).collect();
    let &[t, channels, k, j, i] = shape.as_slice() else { return Err(wrong("its logits are not [T, C, k, j, i]")) };
    ArrayView5::from_shape((t, channels, k, j, i), flat).map_err(|_| wrong("its logits have no regular shape"))
}

fn declared(spec: &GraphSpec) -> Vec<&str> {
    let prompts = [&spec.image, &spec.previous_mask, &spec.positive, &spec.negative, &spec.probability];
    let prompts = prompts.into_iter().flatten().map(String::as_str);
    prompts
        .chain(spec.features.iter().map(String::as_str))
        .chain(spec.dropout.iter().map(|d| d.name.as_str()))
        .collect()
}

fn tensor<'a>(
    name: &'a str,
    shape: &[usize],
    values: Option<&'a [f32]>,
) -> Result<(Cow<'a, str>, SessionInputValue<'a>), NetworkError> {
    let values = values.ok_or_else(|| NetworkError::Input("an array is not in standard layout".to_owned()))?;
    if values.len() != shape.iter().product::<usize>() {
        return Err(NetworkError::Input(format!("{name:?} needs {shape:?} values")));
    }
    Ok((Cow::Borrowed(name), TensorRef::from_array_view((shape.to_vec(), values))?.into()))
}
