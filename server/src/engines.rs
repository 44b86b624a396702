//! The engines that a server offers, and how they are.

use crate::config::Config;
use isochrone_api::{EngineEntry, Engines};
use isochrone_network::{Bundle, Device, Network, NetworkError, Runtime, RuntimeOptions};
use isochrone_segment::{
    ActiveContourEngine, FallbackEngine, GeodesicEngine, GraphCutEngine, IsoContourEngine, NetworkEngine, SegmentError,
    Segmenter,
};
use std::sync::Arc;
use tonic_health::ServingStatus;

/// What there is to offer.
pub struct Offered {
    /// The default first.
    pub engines: Engines,
    /// Engine names with their health.
    pub health: Vec<(&'static str, ServingStatus)>,
}

/// The network, if its model and ONNX Runtime are there, and the classical engines in any case.
pub fn load(config: &Config) -> Offered {
    let mut engines = Vec::new();
    let mut health = Vec::new();
    let mut absent = None;
    match network(config) {
        Ok(network) => {
            let about = network.entry.engine.describe();
            tracing::info!("engine network: {} on {}, {}", about.model, about.device, network.library);
            if !network.entry.device_message.is_empty() {
                tracing::warn!("{}", network.entry.device_message);
            }
            engines.push(network.entry);
            health.push(("network", ServingStatus::Serving));
        }
        Err(error) => {
            let model = config.model.file_name().unwrap_or_default().display();
            tracing::warn!(
                "no network engine, model {model}: {error}. Serving with the classical engines, which have no uncertainty"
            );
            health.push(("network", ServingStatus::NotServing));
            absent = Some(for_clients(&error));
        }
    }
    let classical: [(&'static str, Arc<dyn Segmenter>); 4] = [
        ("geodesic", Arc::new(GeodesicEngine::default())),
        ("graph-cut", Arc::new(GraphCutEngine::default())),
        ("active-contour", Arc::new(ActiveContourEngine::default())),
        ("iso-contour", Arc::new(IsoContourEngine::default())),
    ];
    for (name, engine) in classical {
        engines.push(EngineEntry { engine, device_message: String::new() });
        health.push((name, ServingStatus::Serving));
    }
    let engines = Engines::new(engines);
    let engines = match absent {
        Some(reason) => engines.without("network", reason),
        None => engines,
    };
    Offered { engines, health }
}

/// Why there is none, without what only the server's log may hold: paths, and a library's own words.
fn for_clients(error: &NetworkError) -> String {
    match error {
        NetworkError::Checksum { .. } | NetworkError::File { .. } => error.to_string(),
        _ => "its model or ONNX Runtime cannot be used; the server's log says why".to_owned(),
    }
}

/// The network engine, and the library that runs it.
struct Opened {
    entry: EngineEntry,
    library: String,
}

fn network(config: &Config) -> Result<Opened, NetworkError> {
    let (network, runtime) = Network::ready(Bundle::load(&config.model)?, &Runtime::load(&config.runtime)?)?;
    let network: Arc<dyn Segmenter> = Arc::new(NetworkEngine::new(network));
    let engine = match runtime.device().used {
        Device::Cpu | Device::Auto => network,
        _ => Arc::new(FallbackEngine::new(network, on_the_cpu(config))),
    };
    let entry = EngineEntry { engine, device_message: runtime.device().message.clone() };
    Ok(Opened { entry, library: runtime.library().to_owned() })
}

/// The same model on the CPU, for when the device fails.
fn on_the_cpu(config: &Config) -> impl Fn() -> Result<Arc<dyn Segmenter>, SegmentError> + Send + Sync + 'static {
    let options = RuntimeOptions { device: Device::Cpu, ..config.runtime.clone() };
    let model = config.model.clone();
    move || {
        tracing::warn!("the device failed: the model is opened on the CPU");
        let network = Network::open(Bundle::load(&model)?, &Runtime::load(&options)?)?;
        Ok(Arc::new(NetworkEngine::new(network)))
    }
}
