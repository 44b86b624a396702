//! Compiles the protocol without `protoc`, and keeps its descriptors for server reflection.

use prost::Message;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../protos");
    let files = ["geometry", "volumes", "prompts", "labels", "segmentation", "export", "pacs"]
        .map(|name| format!("isochrone/v1/{name}.proto"));
    println!("cargo::rerun-if-changed={}", root.display());
    let descriptors = protox::compile(files, [&root])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("isochrone_descriptor.bin");
    std::fs::write(out, descriptors.encode_to_vec())?;
    tonic_prost_build::configure().bytes(".isochrone.v1.MapChunk.data").compile_fds(descriptors)?;
    Ok(())
}
