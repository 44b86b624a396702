use crate::{ApiError, v1};
use isochrone_segment::{EngineDescription, Segmenter};
use std::sync::Arc;

/// An engine that the server offers.
#[derive(Clone)]
pub struct EngineEntry {
    /// The engine.
    pub engine: Arc<dyn Segmenter>,
    /// Why another device than the asked one is used, if so.
    pub device_message: String,
}

/// The engines that the server offers; the first is the default.
#[derive(Clone)]
pub struct Engines {
    offered: Vec<EngineEntry>,
    /// Those that could not be had, and why.
    absent: Vec<(&'static str, String)>,
}

impl Engines {
    /// Engines in order of preference.
    #[must_use]
    pub fn new(engines: Vec<EngineEntry>) -> Self {
        Self { offered: engines, absent: Vec::new() }
    }

    /// The same, with the reason why one is not among them: whoever asks for it by name is told.
    #[must_use]
    pub fn without(mut self, name: &'static str, reason: String) -> Self {
        self.absent.push((name, reason));
        self
    }

    /// An engine by name; an empty name is the default.
    pub(crate) fn by_name(&self, name: &str) -> Result<&EngineEntry, ApiError> {
        let found = self.offered.iter().find(|e| name.is_empty() || e.engine.describe().name == name);
        if let (None, Some((_, reason))) = (&found, self.absent.iter().find(|(absent, _)| *absent == name)) {
            return Err(ApiError::NoEngine(reason.clone()));
        }
        found.ok_or_else(|| {
            let names: Vec<_> = self.offered.iter().map(|e| e.engine.describe().name).collect();
            ApiError::field("engine", format!("not an engine of this server; it offers: {}", names.join(", ")))
        })
    }

    /// All of them, for a client to choose from.
    pub(crate) fn describe(&self) -> Vec<v1::Engine> {
        self.offered.iter().map(EngineEntry::describe).collect()
    }
}

impl EngineEntry {
    pub(crate) fn describe(&self) -> v1::Engine {
        let EngineDescription { name, model, model_digest, device, samples, .. } = self.engine.describe();
        let device_message = self.device_message.clone();
        let parameters = self.engine.parameters().into_iter().collect();
        let classes = self.engine.classes();
        v1::Engine { name, model, model_digest, device, samples, device_message, classes, parameters }
    }
}
