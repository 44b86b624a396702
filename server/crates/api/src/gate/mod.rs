//! The gate in front of all services: who asks, from where, whether they may, and what the trail says of it.
//!
//! | file | what it holds |
//! |---|---|
//! | `layer` | a request's way through the gate |
//! | `origin` | which web pages and host names are listened to |
//! | `door` | from a token or certificate to an account |
//! | `method` | what a request does: look or change, and how the trail calls it |
//! | `call` | who asks, for whatever code works on the request |
//! | `trail` | one audit event a request |
//! | `metrics` | counts for Prometheus |
//!
//! What a request may touch is decided where things are looked up, in `registry`: no service can forget it.

pub(crate) mod call;
mod door;
mod layer;
mod method;
mod metrics;
mod origin;
mod peer;
mod trail;

pub use door::Door;
pub use layer::{Gate, GateOptions, Gated};
pub use metrics::Metrics;
pub use origin::Origins;
pub use peer::{LogIn, Peer};
