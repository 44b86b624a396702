//! The other end of the wire: what `isochrone demo` and `isochrone bench` use to talk to a server,
//! and a pattern for other clients. It knows the protocol, not the server's insides.
//!
//! 1. [`ServerProcess`] starts a server of its own and learns its address;
//! 2. [`Remote`] uploads an image in chunks and opens sessions;
//! 3. [`RemoteSession`] sends clicks and puts the mask together from the deltas that come back.

mod convert;
mod process;
mod remote;
mod session;

pub use process::{ServerOptions, ServerProcess};
pub use remote::{Remote, RemoteVolume};
pub use session::{Answer, RemoteSession, Slice};
