//! The gRPC services: generated code, conversions, and one file a service.
//!
//! A request's way through this crate:
//! 1. a service ([`volumes`](VolumesService), [`segmentation`](SegmentationService),
//!    [`export`](ExportService)) reads it with `convert`, which names the field that is wrong;
//! 2. heavy work goes to a thread of its own ([`House::run`]), never onto the reactor; requests of one
//!    session go one after the other, those of different sessions side by side;
//! 3. what went wrong becomes a status in one table, `status`.
//!
//! | file | what it holds |
//! |---|---|
//! | `gate` | who asks, whether they may, and the audit trail |
//! | `house` | what the server holds: volumes, uploads, sessions, engines |
//! | `limits` | every size, count and time in one place |
//! | `status` | one table from errors to gRPC codes |
//! | `turns`, `line` | whose heavy job is next, and how many are before it |
//! | `vault`, `tally` | sessions that outlive the process, and what their journals must hold |
//! | `root`, `outputs` | which files a request may name, and which it may replace |
//! | `temporary` | where uploads and series lie on their way |
//!
//! Only this crate, `client` and the binary know tonic.

mod changes;
mod convert;
mod engines;
mod error;
mod export;
mod follow_up;
mod gate;
mod house;
mod ids;
mod keyed;
mod levels;
mod limits;
mod line;
mod maps;
mod objects;
mod outputs;
mod pacs;
mod registry;
mod root;
mod segmentation;
mod sessions;
mod spool;
mod status;
mod sweep;
mod tally;
mod temporary;
mod turns;
mod uploads;
mod vault;
mod volumes;

pub use convert::wire_prompt;
pub use engines::{EngineEntry, Engines};
pub use error::ApiError;
pub use export::ExportService;
pub use gate::{Door, Gate, GateOptions, Gated, LogIn, Metrics, Origins, Peer};
pub use house::House;
pub use limits::{Limits, TransportLimits};
pub use pacs::PacsService;
pub use root::Root;
pub use segmentation::SegmentationService;
pub use vault::{KeptSession, Vault};
pub use volumes::VolumesService;

/// The protocol, generated from `protos/isochrone/v1`.
#[allow(missing_docs, clippy::all, clippy::indexing_slicing)]
pub mod v1 {
    tonic::include_proto!("isochrone.v1");
}

/// Descriptors of the protocol, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/isochrone_descriptor.bin"));

/// Grows by one when an old client would no longer understand.
pub const PROTOCOL_VERSION: u32 = 1;
