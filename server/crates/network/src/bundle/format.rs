//! `bundle.toml` as it is written: the names of the file format, nothing checked yet.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Description {
    pub format: u32,
    pub name: String,
    pub version: String,
    pub licence: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub training_data: Vec<String>,
    #[serde(default)]
    pub classes: Vec<String>,
    #[serde(default)]
    pub channel: Vec<Channel>,
    pub region: Region,
    pub guidance: Guidance,
    #[serde(default)]
    pub output: Output,
    #[serde(default)]
    pub graph: Vec<Graph>,
    pub dropout: Option<Dropout>,
    pub sweep: Option<Sweep>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Channel {
    pub modalities: Vec<String>,
    pub normalisation: Normalisation,
    pub missing: Option<f32>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Normalisation {
    PercentileZScore {
        low: f64,
        high: f64,
    },
    #[serde(rename = "z-score")]
    ZScore {},
    Window {
        low: f64,
        high: f64,
    },
    None {},
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Region {
    pub size: [usize; 3],
    #[serde(default = "one")]
    pub divisor: usize,
    pub first_spacing_mm: f64,
    pub min_spacing_mm: f64,
    pub max_spacing_mm: f64,
    #[serde(default = "one_and_a_half")]
    pub zoom_out: f64,
    #[serde(default = "one_and_a_half")]
    pub context: f64,
    #[serde(default)]
    pub first_spacing_voxels: f64,
    #[serde(default)]
    pub local_from: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Guidance {
    pub positive: Signal,
    pub negative: Signal,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signal {
    pub encoding: Encoding,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Encoding {
    Gaussian {
        sigma_voxels: f32,
    },
    Disk {
        radius_voxels: f32,
    },
    Euclidean {
        cutoff_mm: f32,
    },
    Geodesic {
        lambda: f32,
        cutoff_mm: f32,
        #[serde(default)]
        dip_voxels: f32,
    },
    ExponentialGeodesic {
        lambda: f32,
        tau_mm: f32,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Output {
    #[serde(default = "half")]
    pub threshold: f32,
    #[serde(default = "one_f32")]
    pub temperature: f32,
}

impl Default for Output {
    fn default() -> Self {
        Self { threshold: half(), temperature: one_f32() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Graph {
    pub role: String,
    pub file: String,
    pub sha256: String,
    #[serde(default)]
    pub inputs: Inputs,
    #[serde(default)]
    pub outputs: Outputs,
    #[serde(default = "one")]
    pub stride: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inputs {
    pub image: Option<String>,
    pub previous_mask: Option<String>,
    pub positive: Option<String>,
    pub negative: Option<String>,
    #[serde(default)]
    pub features: Vec<String>,
    pub probability: Option<String>,
    #[serde(default)]
    pub dropout: Vec<DropoutInput>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DropoutInput {
    pub name: String,
    pub channels: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outputs {
    pub logits: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dropout {
    pub rate: f32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sweep {
    pub spacing_mm: f64,
    #[serde(default)]
    pub zero_click: bool,
}

fn one() -> usize {
    1
}

fn one_f32() -> f32 {
    1.0
}

fn half() -> f32 {
    0.5
}

fn one_and_a_half() -> f64 {
    1.5
}
