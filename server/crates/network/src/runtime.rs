use crate::device::{self, Device, DeviceReport};
use crate::library;
use crate::{GraphFile, NetworkError};
use ort::LoadDynamicError;
use ort::environment::Environment;
use ort::session::Session;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

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
}

/// A process loads one library and makes one environment, for good.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

impl Runtime {
    /// Loads the library (once in a process: later calls share it) and chooses the device.
    ///
    /// # Errors
    /// No library, or one that is too old or not for this machine. A missing device is no error: see
    /// [`Runtime::device`].
    pub fn load(options: &RuntimeOptions) -> Result<Self, NetworkError> {
        let path = library::locate(options.library.as_deref())?;
        let environment = environment(&path)?;
        let report = device::select(options.device, &environment);
        let threads = options.threads.map_or_else(library::physical_cores, NonZeroUsize::get);
        Ok(Self { environment, report, threads })
    }

    /// What was asked for, what runs, and why.
    #[must_use]
    pub fn device(&self) -> &DeviceReport {
        &self.report
    }

    /// Device and threads, such as `cpu (2 threads)` or `cuda:0`.
    #[must_use]
    pub fn description(&self) -> String {
        match (self.report.used, self.threads) {
            (Device::Cpu | Device::Auto, 1) => "cpu (1 thread)".to_owned(),
            (Device::Cpu | Device::Auto, n) => format!("cpu ({n} threads)"),
            (device, _) => device.to_string(),
        }
    }

    /// Opens a graph from bytes that match its SHA-256.
    pub(crate) fn open(&self, file: &GraphFile) -> Result<Session, NetworkError> {
        let builder = Session::builder(&self.environment)?
            .with_intra_threads(self.threads)?
            // Spinning threads would take the cores from guidance and training between two passes.
            .with_intra_op_spinning(false)?
            .with_deterministic_compute(true)?
            .with_execution_providers(device::providers(self.report.used))?;
        Ok({ builder }.commit_from_memory(&file.read()?)?)
    }
}

fn environment(path: &Path) -> Result<Environment, NetworkError> {
    let mut shared = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = shared.as_ref() {
        return Ok(environment.clone());
    }
    let builder = ort::init_from(path).map_err(|e| NetworkError::Library(unloadable(&e)))?;
    let environment = builder.with_name("isochrone").with_telemetry(false).build()?;
    Ok(shared.insert(environment).clone())
}

fn unloadable(error: &LoadDynamicError) -> String {
    match error {
        LoadDynamicError::Dlopen { .. } => "the file is not a library for this machine".to_owned(),
        LoadDynamicError::MissingApi { .. } => "the file is a library, but not ONNX Runtime".to_owned(),
        LoadDynamicError::BadVersion { version_str, .. } => format!("its version {version_str} is too old"),
        LoadDynamicError::InvalidVersionString => "it does not tell its version".to_owned(),
    }
}
