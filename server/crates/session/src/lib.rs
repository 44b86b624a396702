//! A session's steps as the source of truth: apply, undo, redo, remove, replay.
//!
//! The data's way through this crate, for one request:
//! 1. [`Session`] turns the request into an [`Action`] on one label and asks what comes of it: the engine
//!    for prompts, the client's own bits for an edit. A mask, once asked for, is never cancelled.
//! 2. The action becomes a [`Step`] with its parent revision, engine, seed, and a [`Snapshot`] of the mask.
//!    A change of the list of steps (add, remove) can be undone and redone from the snapshots.
//! 3. The [`Update`] tells the client what changed, with the digest of every changed mask.
//! 4. Afterwards, and outside of the session, an [`UncertaintyJob`] draws samples and ranks slices; the
//!    next change of a mask cancels it.
//!
//! | what | where it comes from |
//! |---|---|
//! | labels, masks | the last snapshot of each label among the steps in force |
//! | prompts that count | those since the label's last reset |
//! | the previous mask an engine sees | the binary mask, never a probability |
//! | voxels of other labels | by the step's [`Overlap`]: never taken (the default), replaced unless locked, or shared |
//! | a locked label | changed by nothing; what would change it is refused |
//!
//! ```no_run
//! # use isochrone_session::*;
//! # fn example(engine: std::sync::Arc<dyn isochrone_segment::Segmenter>, channel: isochrone_segment::Channel,
//! #     click: isochrone_prompt::Prompt) -> Result<(), SessionError> {
//! let mut session = Session::open(engine, &[channel], 42, SessionLimits::default())?;
//! let lesion = session.add_label("lesion")?.label.unwrap_or_default();
//! let update = session.add_prompts(lesion, vec![click], "")?;
//! println!("revision {}: {} voxels", update.revision, update.deltas[0].snapshot.voxels);
//! let uncertainty = session.uncertainty_job(lesion, 8)?.run()?;
//! let slices = session.rank(&uncertainty, 3, &[])?;
//! session.undo()?;
//! # Ok(()) }
//! ```
//!
//! A [`Keeper`] is given every change before it is made, and [`Session::resumed`] makes a session of what was kept.
//!
//! Nothing here knows threads, sockets or files: the caller keeps one lock a session.

mod answer;
mod changes;
mod derived;
mod error;
mod history;
mod label;
mod limits;
mod operation;
mod outcome;
mod rank;
mod record;
mod replay;
mod requests;
mod session;
mod state;
mod step;
#[cfg(feature = "stub")]
pub mod stub;
mod sweep;
mod uncertainty;
mod update;
mod wanted;

pub use answer::{MapJob, MapKind};
pub use error::SessionError;
pub use isochrone_proposal::{Expected, Profile, Proposal, Ranking, SliceRef};
pub use label::{About, AboutChange, Code, Overlap};
pub use limits::SessionLimits;
pub use operation::{Operation, SetOperation};
pub use record::Keeper;
pub use replay::{ReplayJob, ReplayReport};
pub use session::Session;
pub use step::{Action, NumberedPrompt, Snapshot, Step, VertexDrag, step_seed};
pub use sweep::{Sweep, SweepJob};
pub use uncertainty::{Standing, Uncertainty, UncertaintyJob};
pub use update::{LabelDelta, LabelInfo, Update};
pub use wanted::{Placing, Wanted};
