//! The choice of an engine on the command line.

use super::shared;
use anyhow::Context;
use clap::{Args, ValueEnum};
use isochrone_network::{Device, Runtime, RuntimeOptions};
use isochrone_segment::{
    ActiveContourEngine, GeodesicEngine, GraphCutEngine, IsoContourEngine, NetworkEngine, Segmenter,
};
use std::path::PathBuf;
use std::sync::Arc;

/// Who computes, and on what.
#[derive(Debug, Args)]
pub struct EngineArgs {
    /// Who computes.
    #[arg(long, value_enum, default_value_t = EngineName::Network)]
    engine: EngineName,
    /// Model bundle of the network.
    #[arg(long, value_name = "BUNDLE", default_value = "models/lesion-1")]
    model: PathBuf,
    /// auto, cpu, cuda, cuda:1, tensorrt, …
    #[arg(long, default_value_t = Device::Auto)]
    device: Device,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EngineName {
    /// A model bundle.
    Network,
    /// Nearer to positive than to negative clicks, through even grey values.
    Geodesic,
    /// Minimum cut, with colour models from the clicks.
    GraphCut,
    /// A surface that slides to edges.
    ActiveContour,
    /// Brighter than 41 % of the lesion's maximum; for PET.
    IsoContour,
}

impl EngineArgs {
    /// Loads the engine; a device other than the asked one is said on standard error.
    ///
    /// # Errors
    /// The model or ONNX Runtime cannot be loaded.
    pub fn load(&self) -> anyhow::Result<Arc<dyn Segmenter>> {
        match self.engine {
            EngineName::Network => {}
            EngineName::Geodesic => return Ok(Arc::new(GeodesicEngine::default())),
            EngineName::GraphCut => return Ok(Arc::new(GraphCutEngine::default())),
            EngineName::ActiveContour => return Ok(Arc::new(ActiveContourEngine::default())),
            EngineName::IsoContour => return Ok(Arc::new(IsoContourEngine::default())),
        }
        let spinner = shared::spinner(format!("Loading {}", self.model.display()));
        let loaded = self.load_network();
        spinner.finish_and_clear();
        let (engine, message) = loaded?;
        if !message.is_empty() {
            eprintln!("{message}");
        }
        Ok(Arc::new(engine))
    }

    fn load_network(&self) -> anyhow::Result<(NetworkEngine, String)> {
        let runtime = Runtime::load(&RuntimeOptions { device: self.device, ..RuntimeOptions::default() })?;
        let engine = NetworkEngine::load(&self.model, &runtime).with_context(|| self.model.display().to_string())?;
        Ok((engine, runtime.device().message.clone()))
    }
}
