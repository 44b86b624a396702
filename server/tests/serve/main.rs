//! The real program as a process of its own, and a gRPC client that trusts it in nothing.
//!
//! Everything here runs with the geodesic engine, without a model; tests that need the network say so
//! and pass over it where model or ONNX Runtime are missing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod access;
mod accounts;
mod archive;
mod budgets;
mod client;
mod crash;
mod damaged;
mod durable;
mod egress;
mod engines;
mod fair;
mod far_apart;
mod faults;
mod files;
mod guarded;
mod label_steps;
mod labels;
mod leftovers;
mod lesion;
mod load;
mod masks;
mod memory;
mod network;
mod outputs;
mod process;
mod prompts;
mod silence;
mod strangers;
mod support;
mod syslog;
mod tls;
mod trail;
mod uploads;
mod walk;
