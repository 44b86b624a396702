//! The files of a bundle: nothing outside its folder, nothing that does not match its digest.

use super::hex;
use crate::NetworkError;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Component, Path, PathBuf};

const MAX_DESCRIPTION_BYTES: u64 = 1 << 20;
/// Protocol buffers, and so ONNX files, end at 2 GiB.
const MAX_GRAPH_BYTES: u64 = 1 << 31;

/// One ONNX file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphFile {
    /// What the graph is for: `network`, `encoder`, `decoder` or `sampler`.
    pub role: &'static str,
    path: PathBuf,
    sha256: String,
}

pub(super) fn description(folder: &Path) -> Result<String, NetworkError> {
    let path = folder.join("bundle.toml");
    let missing = |e: std::io::Error| NetworkError::NoBundle(e.kind().to_string());
    let size = fs::metadata(&path).map_err(missing)?.len();
    if size > MAX_DESCRIPTION_BYTES {
        return Err(NetworkError::Description(format!("it is {size} bytes long, more than {MAX_DESCRIPTION_BYTES}")));
    }
    fs::read_to_string(&path).map_err(missing)
}

impl GraphFile {
    /// A file of `folder`; it must exist there, symbolic links included.
    pub(super) fn new(folder: &Path, role: &'static str, file: PathBuf, sha256: String) -> Result<Self, NetworkError> {
        let wrong = |why: String| NetworkError::File { role, why };
        let plain = file.components().all(|c| matches!(c, Component::Normal(_)));
        if !plain || file.as_os_str().is_empty() {
            return Err(wrong("its path must stay inside the bundle folder".to_owned()));
        }
        let unreadable = |e: std::io::Error| wrong(e.kind().to_string());
        let folder = folder.canonicalize().map_err(unreadable)?;
        let path = folder.join(file).canonicalize().map_err(unreadable)?;
        if !path.starts_with(&folder) {
            return Err(wrong("it is a link that leaves the bundle folder".to_owned()));
        }
        let meta = fs::metadata(&path).map_err(unreadable)?;
        if !meta.is_file() || meta.len() > MAX_GRAPH_BYTES {
            return Err(wrong("it is not a file of at most 2 GiB".to_owned()));
        }
        Ok(Self { role, path, sha256 })
    }

    pub(super) fn check(&self) -> Result<(), NetworkError> {
        self.read().map(|_| ())
    }

    /// The file's bytes, which match its SHA-256: what is checked is what is run.
    ///
    /// # Errors
    /// The file has gone, or does not match.
    pub fn read(&self) -> Result<Vec<u8>, NetworkError> {
        let bytes =
            fs::read(&self.path).map_err(|e| NetworkError::File { role: self.role, why: e.kind().to_string() })?;
        if hex(&Sha256::digest(&bytes)) != self.sha256 {
            return Err(NetworkError::Checksum { role: self.role });
        }
        Ok(bytes)
    }
}
