//! Files that appear whole or not at all.

use crate::ExportError;
use flate2::{Compression, write::GzEncoder};
#[cfg(unix)]
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes beside `path` under a temporary name, brings the bytes to the disk, then renames. An
/// existing file is replaced; on failure it stays as it was.
pub(crate) fn write(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), ExportError> {
    durable(path, content).map_err(|e| ExportError::Write(e.kind()))
}

fn durable(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let folder = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".isochrone-").suffix(".part");
    #[cfg(unix)]
    {
        // As any file the user saves; the process's umask takes its share.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let part = builder.tempfile_in(folder)?;
    let mut out = BufWriter::with_capacity(1 << 20, part.as_file());
    content(&mut out)?;
    out.flush()?;
    drop(out);
    part.as_file().sync_all()?;
    part.persist(path).map_err(|e| e.error)?;
    // The new name itself is only durable once the folder is. Not every system opens folders.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// One gzip member (RFC 1952) round `content`, without name or time, so that equal images give
/// equal files.
pub(crate) fn gzip(out: &mut dyn Write, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut encoder = GzEncoder::new(out, Compression::new(4));
    content(&mut encoder)?;
    encoder.finish().map(drop)
}
