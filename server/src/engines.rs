//! The engines that a server offers, and how they are.

use crate::config::Config;
use isochrone_api::{EngineEntry, Engines};
use isochrone_network::{Bundle, Network, NetworkError, Runtime};
use isochrone_segment::{GeodesicEngine, NetworkEngine};
use std::sync::Arc;
use tonic_health::ServingStatus;

/// What there is to offer.
pub struct Offered {
    /// The default first.
    pub engines: Engines,
    /// Engine names with their health.
    pub health: Vec<(&'static str, ServingStatus)>,
}

/// The network, if its model and ONNX Runtime are there, and the geodesic engine in any case.
pub fn load(config: &Config) -> Offered {
    let geodesic = EngineEntry { engine: Arc::new(GeodesicEngine::default()), device_message: String::new() };
    match network(config) {
        Ok(network) => {
            let about = network.engine.describe();
            tracing::info!("engine network: {} on {}", about.model, about.device);
            if !network.device_message.is_empty() {
                tracing::warn!("{}", network.device_message);
            }
            let health = vec![("network", ServingStatus::Serving), ("geodesic", ServingStatus::Serving)];
            Offered { engines: Engines::new(vec![network, geodesic]), health }
        }
        Err(error) => {
            tracing::warn!("no network engine: {error}. Serving with the geodesic engine, which has no uncertainty");
            let health = vec![("network", ServingStatus::NotServing), ("geodesic", ServingStatus::Serving)];
            Offered { engines: Engines::new(vec![geodesic]), health }
        }
    }
}

fn network(config: &Config) -> Result<EngineEntry, NetworkError> {
    let runtime = Runtime::load(&config.runtime)?;
    let network = Network::open(Bundle::load(&config.model)?, &runtime)?;
    // So that the first click is as quick as any other.
    network.warm_up()?;
    Ok(EngineEntry { engine: Arc::new(NetworkEngine::new(network)), device_message: runtime.device().message.clone() })
}
