//! The gRPC services: generated code, conversions, and one file a service.

/// The protocol, generated from `protos/isochrone/v1`.
#[allow(missing_docs, clippy::all, clippy::indexing_slicing)]
pub mod v1 {
    tonic::include_proto!("isochrone.v1");
}

/// Descriptors of the protocol, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/isochrone_descriptor.bin"));
