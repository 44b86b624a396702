/// Why an engine gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// A newer prompt took over, or the client went away.
    #[error("Stopped: a newer prompt took over")]
    Cancelled,
    /// The work took longer than one request may.
    #[error(
        "This took longer than one request may, and was stopped; nothing was changed. Use a narrower brush or fewer prompts, or begin the label again"
    )]
    TooLong,
    /// There is nothing to segment from.
    #[error("There is no positive prompt near this place yet; click inside the lesion first")]
    NoPositivePrompt,
    /// The engine cannot draw stochastic samples.
    #[error(
        "The engine {0:?} cannot estimate its uncertainty; open the session with a network that has dropout inputs"
    )]
    NoSamples(String),
    /// The engine does not take what it was given.
    #[error("{0}")]
    Unsupported(String),
    /// A parameter that the engine does not have, or a value that it cannot take.
    #[error("{0}")]
    Parameter(String),
    /// The network could not be run.
    #[error("The network failed: {0}")]
    Network(String),
    /// A region that cannot be placed.
    #[error(transparent)]
    Volume(#[from] isochrone_volume::VolumeError),
    /// A guidance map that cannot be computed.
    #[error("Guidance failed: {0}")]
    Guidance(String),
}
