//! Model bundles, and ONNX Runtime that runs them.
//!
//! A [`Bundle`] is a folder: `bundle.toml` and the ONNX files it names, each with its SHA-256. A
//! [`Runtime`] is the ONNX Runtime library, loaded at run time, with a [`Device`] that works. A
//! [`Network`] is a bundle opened on a runtime; one thread owns its sessions, and masks go before samples.
//!
//! | graphs of a bundle | what runs for a mask | what runs for a sample |
//! |---|---|---|
//! | `network` | the whole graph | the whole graph, if it has dropout inputs |
//! | `encoder`, `decoder` | encoder, decoder | decoder |
//! | `encoder`, `decoder`, `sampler` | encoder, decoder | sampler (coarser) |
//! | … and `error` | encoder, decoder | instead of samples: where the answer may be wrong |
//!
//! Where `bundle.toml` lists `classes = ["liver", "spleen"]`, logits have one channel a class, each with a sigmoid of its
//! own; a label's name chooses among them ([`NetworkInputs::class`]), and without one the likeliest class counts.
//!
//! Dropout masks are inputs of the graph, drawn here from a seed: samples are the same bits on every
//! run, batched or not. Nothing here knows of prompts: a network sees arrays `[k, j, i]`.

mod bundle;
mod device;
mod dropout;
mod error;
mod graph;
mod library;
mod network;
mod normalise;
mod ready;
mod runtime;
mod sessions;
mod worker;

pub use bundle::{
    Bundle, ChannelSpec, DropoutInput, Encoding, GraphFile, GraphSpec, Graphs, Normalisation, RegionSpec, SweepSpec,
};
pub use device::{Device, DeviceReport};
pub use error::NetworkError;
pub use network::{Features, Network, NetworkInputs};
pub use runtime::{Runtime, RuntimeOptions, TELEMETRY_OFF};
