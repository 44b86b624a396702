//! Which files a request may name: those below one folder, whatever `..` and links say.

use crate::ApiError;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

/// The folder below which requests may read and write.
#[derive(Debug, Clone)]
pub struct Root(PathBuf);

impl Root {
    /// Takes a folder that exists.
    ///
    /// # Errors
    /// It is no folder, or cannot be looked into.
    pub fn new(folder: &Path) -> std::io::Result<Self> {
        let folder = folder.canonicalize()?;
        if !folder.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        Ok(Self(folder))
    }

    /// An image below the root: a regular file, or the folder of a DICOM series.
    pub(crate) fn image(&self, path: &str) -> Result<PathBuf, ApiError> {
        let real = self.real(&self.named(path)?, "There is no such file below the server's folder. Check its name")?;
        if real.is_file() || real.is_dir() {
            Ok(real)
        } else {
            Err(ApiError::field("path", "this is neither a regular file nor a folder; name one image"))
        }
    }

    /// A place for a file below the root: its folder exists, and it is not itself a link or a folder.
    pub(crate) fn place(&self, path: &str) -> Result<PathBuf, ApiError> {
        let named = self.named(path)?;
        let (Some(folder), Some(name)) = (named.parent(), named.file_name()) else {
            return Err(ApiError::field("path", "name a file"));
        };
        let place = self.real(folder, "There is no such folder below the server's folder. Make it first")?.join(name);
        match place.symlink_metadata() {
            Ok(there) if there.is_symlink() => Err(ApiError::Forbidden),
            Ok(there) if !there.is_file() => Err(ApiError::field("path", "this is a folder or a device; name a file")),
            _ => Ok(place),
        }
    }

    /// The path as it stands, refused if it climbs or starts elsewhere.
    fn named(&self, path: &str) -> Result<PathBuf, ApiError> {
        if path.is_empty() || path.contains('\0') {
            return Err(ApiError::field("path", "name a file, without NUL bytes"));
        }
        let path = Path::new(path);
        if path.components().any(|c| matches!(c, Component::ParentDir | Component::Prefix(_))) {
            return Err(ApiError::Forbidden);
        }
        let named = self.0.join(path);
        if named.starts_with(&self.0) { Ok(named) } else { Err(ApiError::Forbidden) }
    }

    fn real(&self, path: &Path, missing: &'static str) -> Result<PathBuf, ApiError> {
        let real = path.canonicalize().map_err(|e| match e.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => ApiError::Missing(missing),
            ErrorKind::InvalidFilename => ApiError::field("path", "a name in it is too long"),
            _ => ApiError::Forbidden,
        })?;
        if real.starts_with(&self.0) { Ok(real) } else { Err(ApiError::Forbidden) }
    }
}
