//! Files that only their owner may read.

use crate::TrustError;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

/// Reads a secret's file; `None` if it is not there.
pub(crate) fn read(path: &Path, what: &'static str) -> Result<Option<String>, TrustError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(TrustError::File(what, e.kind())),
    };
    check(&file, what)?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|e| TrustError::File(what, e.kind()))?;
    Ok(Some(text))
}

/// Replaces a secret's file in one stroke; a power cut leaves the old one or the new one.
pub(crate) fn write(path: &Path, text: &str, what: &'static str) -> Result<(), TrustError> {
    let failed = |e: std::io::Error| TrustError::File(what, e.kind());
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Made readable for the owner alone.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// Opens a file to write to, made for its owner alone if it is not there.
pub(crate) fn open(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Refuses a file that others may read or write.
#[cfg(unix)]
pub(crate) fn check(file: &File, what: &'static str) -> Result<(), TrustError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata().map_err(|e| TrustError::File(what, e.kind()))?.permissions().mode();
    if mode & 0o077 == 0 { Ok(()) } else { Err(TrustError::Exposed(what)) }
}

/// Elsewhere the folder's own rights have to do.
#[cfg(not(unix))]
pub(crate) fn check(_: &File, _: &'static str) -> Result<(), TrustError> {
    Ok(())
}
