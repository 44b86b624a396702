use isochrone_prompt::PromptError;
use isochrone_segment::SegmentError;
use isochrone_volume::VolumeError;

/// Why a session refused a request; it is then as it was before. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No such label (any more).
    #[error("There is no label {0} in this session. List its labels, or add one")]
    UnknownLabel(u32),
    /// No such prompt in force.
    #[error("There is no prompt {0} in this session (any more). Read the session again to see the prompts in force")]
    UnknownPrompt(u64),
    /// There is nothing to undo, redo or look at.
    #[error("{0}")]
    Nothing(&'static str),
    /// The client has not seen the newest state.
    #[error(
        "The session is at revision {actual}, not {expected}: something changed since you last looked. Read the session again and repeat the request"
    )]
    Revision {
        /// What the client expected.
        expected: u64,
        /// What the session is at.
        actual: u64,
    },
    /// A positive click inside another label.
    #[error(
        "The point ({0:.1}, {1:.1}, {2:.1}) mm belongs to the label {3:?}. Click outside of it, or remove it there first"
    )]
    Taken(f64, f64, f64, String),
    /// A label whose mask may not change.
    #[error("The label {0:?} is locked, and this would change it. Unlock it first, or work on another label")]
    Locked(String),
    /// A drag without its polygon.
    #[error("There is no polygon {0} among the label's prompts (any more). Read the session again to see them")]
    NoPolygon(u64),
    /// An initial mask among other prompts.
    #[error("An initial mask is a step of its own. Send it alone first, then point at what is wrong with it")]
    NotAlone,
    /// A label name, for an engine that knows none.
    #[error(
        "The engine {engine} segments what is pointed at and knows no names, so {name:?} tells it nothing. Point at it instead, or open the session with a model that names classes"
    )]
    Name {
        /// Engine and model.
        engine: String,
        /// The name.
        name: String,
    },
    /// A label name that is not among the engine's.
    #[error("The engine {engine} has no class {name:?}. It knows: {classes}")]
    NoClass {
        /// Engine and model.
        engine: String,
        /// The name.
        name: String,
        /// What it knows, separated by commas.
        classes: String,
    },
    /// Of several prompts of a request, the one at fault.
    #[error("Prompt {number} of {count}: {source}")]
    OfPrompt {
        /// Which one, from 1.
        number: usize,
        /// How many there are.
        count: usize,
        /// What is wrong with it.
        source: Box<SessionError>,
    },
    /// A change that could not be kept, and so was not made.
    #[error("{0}")]
    NotKept(String),
    /// A kept record that is none, or not of this image.
    #[error("The saved session is damaged at change {0}. Open a new session; the old file is left as it is")]
    Record(usize),
    /// A slice that the volume does not have.
    #[error("There is no slice {index} along this axis: the volume has {slices}, counted from 0")]
    Slice {
        /// The slice that was named.
        index: usize,
        /// How many there are.
        slices: usize,
    },
    /// A limit of the session.
    #[error("{what} are limited to {limit} a session. Close this session and open another")]
    Limit {
        /// What there are too many of.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// Strokes that cover too much.
    #[error(
        "The strokes and polygons of this label would mark more than {0} voxels, and a label may mark no more. Use a narrower brush, or draw a box or a lasso round the lesion"
    )]
    Marked(usize),
    /// A change that would take more memory than a session may.
    #[error(
        "The steps of this session would take more than the {0} MiB that a session may, so this one was not done. Close this session and open another; its masks can be exported first"
    )]
    Memory(usize),
    /// A prompt that cannot be placed in the volume.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The engine gave no answer.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// No uncertainty or no ranking could be made.
    #[error(transparent)]
    Proposal(#[from] isochrone_proposal::ProposalError),
    /// A mask change that cannot be applied.
    #[error(transparent)]
    Volume(#[from] VolumeError),
}

impl SessionError {
    pub(crate) fn of_prompt(self, number: usize, count: usize) -> Self {
        Self::OfPrompt { number, count, source: Box::new(self) }
    }
}
