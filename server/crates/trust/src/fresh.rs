use crate::TrustError;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// What tells one state of a file from another.
type Stamp = Option<(SystemTime, u64, u64)>;

/// What was made of a file, made anew whenever the file changes.
pub(crate) struct Fresh<T> {
    path: PathBuf,
    known: Mutex<Option<(Stamp, Arc<T>)>>,
}

impl<T> Fresh<T> {
    pub fn new(path: PathBuf) -> Self {
        Self { path, known: Mutex::default() }
    }

    /// What the file says now. A file that has become unreadable is an error, never the old content.
    pub fn get(&self, read: impl FnOnce(&Path) -> Result<T, TrustError>) -> Result<Arc<T>, TrustError> {
        let stamp = stamp(&self.path);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((then, what)) = known.as_ref()
            && *then == stamp
        {
            return Ok(what.clone());
        }
        *known = None;
        let what = Arc::new(read(&self.path)?);
        *known = Some((stamp, what.clone()));
        Ok(what)
    }
}

fn stamp(path: &Path) -> Stamp {
    let about = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&about);
    #[cfg(not(unix))]
    let inode = 0;
    Some((about.modified().ok()?, about.len(), inode))
}
