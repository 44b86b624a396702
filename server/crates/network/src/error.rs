/// Why a bundle, the runtime or a forward pass failed. The text tells the reader what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// There is no readable `bundle.toml`.
    #[error("The model folder holds no readable bundle.toml ({0}); give the folder of a model bundle")]
    NoBundle(String),
    /// `bundle.toml` is not what it should be.
    #[error("bundle.toml cannot be used: {0}. Correct it, or export the bundle again")]
    Description(String),
    /// A graph's file is missing or lies outside the bundle.
    #[error("The {role} file of the bundle cannot be used: {why}. Copy the whole bundle folder again")]
    File {
        /// The graph's role, such as `encoder`.
        role: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A graph's file does not match its SHA-256.
    #[error(
        "The {role} file does not match its SHA-256 in bundle.toml: it was damaged or replaced. Copy the whole bundle folder again"
    )]
    Checksum {
        /// The graph's role, such as `encoder`.
        role: &'static str,
    },
    /// A graph's inputs or outputs are not those of the description.
    #[error("The {role} graph does not fit bundle.toml: {why}. Correct the names there, or export the bundle again")]
    Graph {
        /// The graph's role, such as `encoder`.
        role: &'static str,
        /// What does not fit.
        why: String,
    },
    /// No ONNX Runtime library.
    #[error(
        "ONNX Runtime was not found ({0}); run `make onnxruntime`, or name the library with --onnxruntime or ORT_DYLIB_PATH"
    )]
    NoLibrary(String),
    /// A library that cannot be used.
    #[error("ONNX Runtime could not be loaded: {0}. Version 1.24 or later is needed; `make onnxruntime` installs one")]
    Library(String),
    /// The library would report to its vendor.
    #[error("ONNX Runtime would report to its vendor: set ORT_DISABLE_TELEMETRY=1 before the program starts")]
    Telemetry,
    /// A device name that is none.
    #[error("{0:?} is not a device: write auto, cpu, openvino, cuda, cuda:1, tensorrt or tensorrt:1")]
    Device(String),
    /// Arrays that do not fit the bundle.
    #[error("The network's input does not fit: {0}")]
    Input(String),
    /// The bundle has no dropout inputs.
    #[error("The model {0} has no dropout inputs, so it cannot draw samples; use a bundle with a [dropout] section")]
    NoDropout(String),
    /// The bundle has no error graph.
    #[error("The model {0} has no error graph, so it cannot say where its answer may be wrong; draw samples instead")]
    NoErrorGraph(String),
    /// ONNX Runtime reported an error, or the job panicked.
    #[error("The forward pass failed: {0}")]
    Run(String),
    /// The caller asked to stop.
    #[error("Stopped: nobody waits for the samples any more")]
    Cancelled,
}

impl<R> From<ort::Error<R>> for NetworkError {
    fn from(error: ort::Error<R>) -> Self {
        Self::Run(first_line(error.message()))
    }
}

/// The first line of a foreign message, at most 300 characters.
pub(crate) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}
