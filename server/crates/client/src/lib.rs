//! The other end of the wire: what `isochrone demo` and `isochrone bench` use to talk to a server, and a pattern for
//! other clients. It knows the protocol, not the server's insides.
//!
//! 1. [`Remote`] uploads an image in chunks and opens sessions;
//! 2. [`RemoteSession`] sends prompts of every kind and puts the masks together from the deltas that come back;
//! 3. it also does what readers do with [labels](RemoteSession::add_label): say what they are, lock, edit, operate,
//!    undo, and choose what happens where they [meet](RemoteSession::when_labels_meet).

mod convert;
mod error;
mod labels;
mod remote;
mod session;

pub use error::ClientError;
pub use remote::{Remote, RemoteVolume};
pub use session::{Answer, RemoteSession, Slice};
