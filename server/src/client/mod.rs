//! What `isochrone demo` and `isochrone bench` use to talk to a server: [`isochrone_client`], and a server process of
//! their own.

mod process;

pub use isochrone_client::{Answer, Remote, RemoteSession, RemoteVolume, Slice};
pub use process::{ServerOptions, ServerProcess};
