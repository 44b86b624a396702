//! The files that a series may be made of: a folder, a list, a zip archive.

use crate::gate::human;
use crate::{IntakeError, Limits, map};
use std::fs::File;
use std::io::Read;
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// Files of one folder or archive.
const MAX_FILES: usize = 100_000;
/// Folders within folders.
const MAX_FOLDERS: usize = 8;

/// Bytes of a file.
pub(crate) enum Bytes {
    Mapped(memmap2::Mmap),
    Owned(Vec<u8>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// One file of the source, opened when it is its turn.
pub(crate) enum Input {
    File(PathBuf),
    /// A member of an archive, inflated already.
    Member(Vec<u8>),
}

impl Input {
    pub(crate) fn bytes(self) -> Result<Bytes, IntakeError> {
        match self {
            Self::File(path) => {
                let (file, len) = crate::open(&path)?;
                if len == 0 {
                    return Ok(Bytes::Owned(Vec::new()));
                }
                map::file(&file).map(Bytes::Mapped).map_err(|e| IntakeError::Read(e.kind()))
            }
            Self::Member(bytes) => Ok(Bytes::Owned(bytes)),
        }
    }
}

/// All files of folders (with the folders in them), archives and single files, sorted by name only
/// so that two runs do the same.
pub(crate) fn gather(paths: &[PathBuf], limits: &Limits) -> Result<Vec<Input>, IntakeError> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut files = Vec::new();
            folder(path, 0, &mut files)?;
            files.sort();
            found.extend(files.into_iter().map(Input::File));
        } else if is_zip(path)? {
            archive(path, limits, &mut found)?;
        } else {
            found.push(Input::File(path.clone()));
        }
    }
    Ok(found)
}

fn folder(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), IntakeError> {
    let kind = |e: std::io::Error| IntakeError::Open(e.kind());
    for entry in std::fs::read_dir(path).map_err(kind)? {
        let entry = entry.map_err(kind)?;
        let about = entry.file_type().map_err(kind)?;
        // Links are not followed: they may lead out of the folder that was named, or round in it.
        if about.is_dir() && depth < MAX_FOLDERS {
            folder(&entry.path(), depth + 1, found)?;
        } else if about.is_file() {
            found.push(entry.path());
        }
        if found.len() > MAX_FILES {
            return Err(IntakeError::TooLarge(format!(
                "the folder holds more than {MAX_FILES} files. Name the folder of one study or series"
            )));
        }
    }
    Ok(())
}

pub(crate) fn is_zip(path: &Path) -> Result<bool, IntakeError> {
    let (mut file, _) = crate::open(path)?;
    let mut head = [0u8; 4];
    let got = file.read(&mut head).map_err(|e| IntakeError::Read(e.kind()))?;
    Ok(got == 4 && head == *b"PK\x03\x04")
}

/// Members of an archive, in memory: no name of the archive ever becomes a path.
fn archive(path: &Path, limits: &Limits, found: &mut Vec<Input>) -> Result<(), IntakeError> {
    let broken = |_| IntakeError::Damaged("the ZIP archive is broken");
    let (file, len): (File, u64) = crate::open(path)?;
    let mut archive = zip::ZipArchive::new(std::io::BufReader::new(file)).map_err(broken)?;
    let ratio = len.saturating_mul(limits.max_expansion).max(limits.free_expansion_bytes);
    let most = ratio.min(limits.max_voxel_bytes);
    let mut left = most;
    let too_large = || {
        IntakeError::TooLarge(format!(
            "the archive expands beyond the {} that your site allows. Unpack it",
            human(most)
        ))
    };
    if archive.len() > MAX_FILES {
        return Err(too_large());
    }
    for n in 0..archive.len() {
        let mut member = archive.by_index(n).map_err(broken)?;
        if !member.is_file() {
            continue;
        }
        let mut bytes = Vec::new();
        // The size in the directory is a claim; this counts what comes.
        let read = member.by_ref().take(left + 1).read_to_end(&mut bytes);
        read.map_err(|_| IntakeError::Damaged("a file in the ZIP archive is broken"))?;
        left = left.checked_sub(bytes.len() as u64).ok_or_else(too_large)?;
        found.push(Input::Member(bytes));
    }
    Ok(())
}
