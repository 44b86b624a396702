use crate::NetworkError;
use crate::device::{self, Device, DeviceReport};
use crate::library;
use ort::LoadDynamicError;
use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How to find and run ONNX Runtime.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuntimeOptions {
    /// The library. Else `ORT_DYLIB_PATH`, else one next to the executable (or in `../lib`), else the one
    /// that `make onnxruntime` puts into the source tree.
    pub library: Option<PathBuf>,
    /// Where to run.
    pub device: Device,
    /// Threads within an operator; `None`: one for each physical core.
    pub threads: Option<NonZeroUsize>,
}

/// ONNX Runtime, loaded, with a device that works.
#[derive(Debug, Clone)]
pub struct Runtime {
    environment: Environment,
    report: DeviceReport,
    threads: usize,
    library: Arc<str>,
}

/// The variable of the environment that keeps ONNX Runtime from reporting to its vendor, and its value. It is read
/// when the library is loaded: a program sets it before.
pub const TELEMETRY_OFF: (&str, &str) = ("ORT_DISABLE_TELEMETRY", "1");

/// A process loads one library and makes one environment, for good.
static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);

/// The environment, and the library's name with its version.
#[derive(Clone)]
struct Loaded {
    environment: Environment,
    library: Arc<str>,
}

impl Runtime {
    /// Loads the library (once in a process: later calls share it) and chooses the device.
    ///
    /// # Errors
    /// No library, or one that is too old or not for this machine; [`TELEMETRY_OFF`] is not set. A missing device is no
    /// error: see [`Runtime::device`].
    pub fn load(options: &RuntimeOptions) -> Result<Self, NetworkError> {
        let path = library::locate(options.library.as_deref())?;
        let Loaded { environment, library } = loaded(&path)?;
        let threads = options.threads.map_or_else(library::physical_cores, NonZeroUsize::get);
        let report = device::select(options.device, &environment, threads);
        Ok(Self { environment, report, threads, library })
    }

    /// What was asked for, what runs, and why.
    #[must_use]
    pub fn device(&self) -> &DeviceReport {
        &self.report
    }

    /// Device and threads, such as `cpu (2 threads)`, `openvino (2 threads)` or `cuda:0`.
    #[must_use]
    pub fn description(&self) -> String {
        match (self.report.used, self.threads) {
            (Device::Cpu | Device::Auto, 1) => "cpu (1 thread)".to_owned(),
            (Device::Cpu | Device::Auto, n) => format!("cpu ({n} threads)"),
            (Device::OpenVino, 1) => "openvino (1 thread)".to_owned(),
            (Device::OpenVino, n) => format!("openvino ({n} threads)"),
            (device, _) => device.to_string(),
        }
    }

    /// The library in force, such as `ONNX Runtime 1.24.1`.
    #[must_use]
    pub fn library(&self) -> &str {
        &self.library
    }

    /// The same library on the CPU, as the device cannot run a model.
    pub(crate) fn on_the_cpu(&self, why: &str) -> Self {
        let DeviceReport { requested, used, .. } = self.report;
        let why = why.trim_end_matches('.');
        let message = format!("The model does not run on {used} ({why}); running on the CPU instead");
        Self { report: DeviceReport { requested, used: Device::Cpu, message }, ..self.clone() }
    }

    /// As if a device had been found good.
    #[cfg(test)]
    pub(crate) fn pretending(&self, used: Device) -> Self {
        Self { report: DeviceReport { used, ..self.report.clone() }, ..self.clone() }
    }

    /// True if the device compiles a graph for one shape at a time.
    pub(crate) fn compiles_shapes(&self) -> bool {
        self.report.used == Device::OpenVino
    }

    /// Opens a graph on the device, with these dimensions fixed.
    pub(crate) fn open(&self, model: &[u8], dimensions: &[(String, i64)]) -> Result<Session, NetworkError> {
        let mut builder = Session::builder(&self.environment)?
            .with_intra_threads(self.threads)?
            // Spinning threads would take the cores from guidance and training between two passes.
            .with_intra_op_spinning(false)?
            .with_deterministic_compute(true)?
            .with_execution_providers(device::providers(self.report.used, self.threads))?;
        for (name, size) in dimensions {
            builder = builder.with_dimension_override(name, *size)?;
        }
        Ok(builder.commit_from_memory(model)?)
    }

    /// Opens a graph to read its names: quick, and not to be run.
    pub(crate) fn unoptimised(&self, model: &[u8]) -> Result<Session, NetworkError> {
        let builder = Session::builder(&self.environment)?
            .with_intra_threads(1)?
            .with_optimization_level(GraphOptimizationLevel::Disable)?;
        Ok({ builder }.commit_from_memory(model)?)
    }
}

fn loaded(path: &Path) -> Result<Loaded, NetworkError> {
    let mut shared = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(loaded) = shared.as_ref() {
        return Ok(loaded.clone());
    }
    let (name, value) = TELEMETRY_OFF;
    if std::env::var_os(name).is_none_or(|set| set != value) {
        return Err(NetworkError::Telemetry);
    }
    let builder = ort::init_from(path).map_err(|e| NetworkError::Library(unloadable(&e)))?;
    let environment = builder.with_name("isochrone").with_telemetry(false).build()?;
    let library = library::title(path).into();
    Ok(shared.insert(Loaded { environment, library }).clone())
}

fn unloadable(error: &LoadDynamicError) -> String {
    match error {
        LoadDynamicError::Dlopen { .. } => "the file is not a library for this machine".to_owned(),
        LoadDynamicError::MissingApi { .. } => "the file is a library, but not ONNX Runtime".to_owned(),
        LoadDynamicError::BadVersion { version_str, .. } => format!("its version {version_str} is too old"),
        LoadDynamicError::InvalidVersionString => "it does not tell its version".to_owned(),
    }
}
