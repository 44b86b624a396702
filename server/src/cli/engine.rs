//! The choice of an engine on the command line.

use super::shared;
use anyhow::Context;
use clap::{Args, ValueEnum};
use isochrone_network::{Bundle, Device, Network, Runtime, RuntimeOptions};
use isochrone_segment::{
    ActiveContourEngine, GeodesicEngine, GraphCutEngine, IsoContourEngine, NetworkEngine, Segmenter, configured,
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
    #[arg(long, value_name = "BUNDLE", default_value = "models/lesion-3")]
    model: PathBuf,
    /// A parameter of a classical engine, such as `sigma=0.5`. Can be repeated; a wrong name lists them all.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting, allow_hyphen_values = true)]
    set: Vec<(String, String)>,
    /// auto, cpu, openvino, cuda, cuda:1, tensorrt, …
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

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is no setting: write NAME=VALUE"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

impl EngineArgs {
    /// The loaded engine for a session, with the parameters of the command line.
    ///
    /// # Errors
    /// A parameter that the engine does not have, or a value that it cannot take.
    pub fn for_session(&self, engine: &Arc<dyn Segmenter>) -> anyhow::Result<Arc<dyn Segmenter>> {
        Ok(configured(engine, &self.set.iter().cloned().collect())?)
    }

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
        let ready = Bundle::load(&self.model).and_then(|bundle| Network::ready(bundle, &runtime));
        let (network, runtime) = ready.with_context(|| self.model.display().to_string())?;
        Ok((NetworkEngine::new(network), runtime.device().message.clone()))
    }
}
