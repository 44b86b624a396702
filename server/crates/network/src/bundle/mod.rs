//! A model bundle: a folder with `bundle.toml` and the ONNX files it names.

mod check;
mod files;
mod format;

use crate::NetworkError;
use crate::error::first_line;
use isochrone_volume::Modality;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

pub use files::GraphFile;

/// A checked description of a network. A `Bundle` in hand has files that match their SHA-256.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// Short name, such as `lesion-3`.
    pub name: String,
    /// Version of the weights.
    pub version: String,
    /// Licence of the weights, an SPDX identifier.
    pub licence: String,
    /// One sentence.
    pub description: String,
    /// What it was trained on, one source an entry.
    pub training_data: Vec<String>,
    /// What the network tells apart, in the order of its output channels; empty: it segments what is pointed at.
    pub classes: Vec<String>,
    /// Image channels, in the order in which a session names its volumes.
    pub channels: Vec<ChannelSpec>,
    /// The working region.
    pub region: RegionSpec,
    /// How positive prompts are shown to the network.
    pub positive: Encoding,
    /// How negative prompts are shown to the network.
    pub negative: Encoding,
    /// Probability from which a voxel belongs to the label.
    pub threshold: f32,
    /// Logits are divided by this before the sigmoid, where a probability is told or measured; not for the mask.
    pub temperature: f32,
    /// One graph, or encoder and decoder.
    pub graphs: Graphs,
    /// Probability that a channel is dropped in a sample; `None` without dropout inputs.
    pub dropout_rate: Option<f32>,
    /// How the whole volume is looked over before the first prompt.
    pub sweep: SweepSpec,
    digest: String,
}

/// One image channel.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelSpec {
    /// Scanners whose images the channel takes.
    pub modalities: Vec<Modality>,
    /// What is done to the values of a region first.
    pub normalisation: Normalisation,
    /// The value of every voxel, after normalisation, where a session has no such image; `None`: it must have one.
    pub missing: Option<f32>,
}

/// What is done to a channel's values, over a region's voxels inside the volume; voxels outside become 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Normalisation {
    /// Clip to two percentiles (0 to 100, linear interpolation), then subtract the mean and divide by
    /// the standard deviation of what was clipped.
    PercentileZScore {
        /// Lower percentile.
        low: f64,
        /// Upper percentile.
        high: f64,
    },
    /// Subtract the mean, divide by the standard deviation.
    ZScore,
    /// Values from `low` to `high`, in the volume's unit, become 0 to 1; others are clipped.
    Window {
        /// Becomes 0.
        low: f64,
        /// Becomes 1.
        high: f64,
    },
    /// Nothing.
    None,
}

/// The working region a network was trained on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegionSpec {
    /// Voxels along `(i, j, k)`.
    pub size: [usize; 3],
    /// Sides must be multiples of this.
    pub divisor: usize,
    /// Spacing of the first region of a new component, mm.
    pub first_spacing_mm: f64,
    /// Or so many of the volume's own voxels (the edge of a cube of their volume), if that is more.
    pub first_spacing_voxels: f64,
    /// Finest spacing, mm.
    pub min_spacing_mm: f64,
    /// Coarsest spacing, mm.
    pub max_spacing_mm: f64,
    /// Factor on the spacing when the result meets the border.
    pub zoom_out: f64,
    /// Side of the region over the extent of the component inside it.
    pub context: f64,
    /// From this prompt of a label on, a correction changes only what is connected to it; 0: never.
    pub local_from: usize,
}

/// How the whole volume is looked over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SweepSpec {
    /// Working spacing, mm.
    pub spacing_mm: f64,
    /// The network was trained to answer without a prompt, so that its answer is a prediction.
    pub zero_click: bool,
}

/// How prompts become a map (see `isochrone-guidance`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Encoding {
    /// A Gaussian bump round each prompt; the highest wins.
    Gaussian {
        /// σ in working voxels.
        sigma_voxels: f32,
    },
    /// 1 within a radius of a prompt, else 0.
    Disk {
        /// Radius in working voxels.
        radius_voxels: f32,
    },
    /// Euclidean distance over the cut-off: 0 at prompts, 1 from the cut-off on and without prompts.
    Euclidean {
        /// Cut-off in mm.
        cutoff_mm: f32,
    },
    /// Geodesic distance in the first (normalised) channel over the cut-off, 0 to 1 as above.
    Geodesic {
        /// λ: 0 is length alone, 1 is grey value alone.
        lambda: f32,
        /// Cut-off in the distance's unit.
        cutoff_mm: f32,
        /// σ of a Gaussian bump round each prompt that is taken off, in working voxels, so that a prompt stays
        /// sharp where grey values are even (then −1 at prompts); 0: none.
        dip_voxels: f32,
    },
    /// exp(−geodesic distance / τ): 1 at prompts, falling to 0; 0 without prompts.
    ExponentialGeodesic {
        /// λ: 0 is length alone, 1 is grey value alone.
        lambda: f32,
        /// τ in the distance's unit.
        tau_mm: f32,
    },
}

/// The network's graphs.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant)] // A process holds one or two.
pub enum Graphs {
    /// Everything in one.
    Single(GraphSpec),
    /// What does not depend on dropout runs once (encoder), the rest per sample.
    Split {
        /// Image and prompts to features.
        encoder: GraphSpec,
        /// Features and dropout masks to logits.
        decoder: GraphSpec,
        /// As the decoder, but stops at a coarser resolution; for samples.
        sampler: Option<GraphSpec>,
        /// Features, and the answer's probability, to the logit of the answer being wrong.
        error: Option<GraphSpec>,
    },
}

impl Graphs {
    /// All graphs, in the order in which they run.
    #[must_use]
    pub fn all(&self) -> Vec<&GraphSpec> {
        match self {
            Self::Single(graph) => vec![graph],
            Self::Split { encoder, decoder, sampler, error } => {
                [Some(encoder), Some(decoder), sampler.as_ref(), error.as_ref()].into_iter().flatten().collect()
            }
        }
    }

    /// The graph that says where the answer may be wrong.
    #[must_use]
    pub fn error(&self) -> Option<&GraphSpec> {
        match self {
            Self::Single(_) => None,
            Self::Split { error, .. } => error.as_ref(),
        }
    }

    /// The graph that draws samples.
    #[must_use]
    pub fn for_samples(&self) -> &GraphSpec {
        match self {
            Self::Single(graph) => graph,
            Self::Split { decoder, sampler, .. } => sampler.as_ref().unwrap_or(decoder),
        }
    }
}

/// One ONNX file and the names of what goes in and comes out.
#[derive(Debug, Clone, PartialEq)]
pub struct GraphSpec {
    /// The file, its SHA-256 and its role.
    pub file: GraphFile,
    /// Name of the image input `[1, C, k, j, i]`.
    pub image: Option<String>,
    /// Name of the previous mask's input `[1, 1, k, j, i]`, 0 or 1.
    pub previous_mask: Option<String>,
    /// Name of the positive guidance's input `[1, 1, k, j, i]`.
    pub positive: Option<String>,
    /// Name of the negative guidance's input `[1, 1, k, j, i]`.
    pub negative: Option<String>,
    /// Names of the features: the encoder's outputs that this graph takes.
    pub features: Vec<String>,
    /// Name of the answer's input `[1, 1, k, j, i]`, its probability; for the error graph.
    pub probability: Option<String>,
    /// Dropout masks `[T, channels]`.
    pub dropout: Vec<DropoutInput>,
    /// Name of the output `[T, 1, k, j, i]`, or `[T, 2, …]`: background and foreground. Of a bundle with classes:
    /// `[T, classes, …]`, each channel with a sigmoid of its own.
    pub logits: Option<String>,
    /// Working voxels per output voxel along an axis.
    pub stride: usize,
}

/// One dropout mask of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropoutInput {
    /// Name of the input.
    pub name: String,
    /// Channels it keeps or drops.
    pub channels: usize,
}

impl Bundle {
    /// Reads and checks the bundle in a folder.
    ///
    /// # Errors
    /// No `bundle.toml`, or one that is not of format 1; absurd values; a file that is missing, lies
    /// outside the folder, or does not match its SHA-256.
    pub fn load(folder: &Path) -> Result<Self, NetworkError> {
        let text = files::description(folder)?;
        let raw: format::Description =
            toml::from_str(&text).map_err(|e| NetworkError::Description(first_line(e.message())))?;
        let digest = hex(&Sha256::digest(text.as_bytes()));
        let bundle = check::description(raw, folder, digest)?;
        for graph in bundle.graphs.all() {
            graph.file.check()?;
        }
        Ok(bundle)
    }

    /// SHA-256 of `bundle.toml`, hexadecimal. As that holds the SHA-256 of every file, it names the whole bundle.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Name and version, such as `lesion-3 3.0.0`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn graph_file(folder: &Path, role: &'static str, file: &str, sha256: String) -> Result<GraphFile, NetworkError> {
    GraphFile::new(folder, role, PathBuf::from(file), sha256)
}
