//! Memory maps: the one place with `unsafe` of this crate.
#![allow(unsafe_code)]

use memmap2::{Mmap, MmapMut};
use std::fs::File;
use std::io;

/// Maps a file for reading.
///
/// The map shows what others write to the file meanwhile, and reading behind its new end would stop
/// the process; therefore files from outside are mapped in the decoding child only (or by whoever
/// reads in their own process and answers for their files).
pub(crate) fn file(file: &File) -> io::Result<Mmap> {
    // SAFETY: the bytes are only ever read as `u8` and every value of them is checked, so that a file
    // which changes meanwhile gives other numbers, not other types. Shrinking ends this process by
    // SIGBUS, which the parent reports.
    unsafe { Mmap::map(file) }
}

/// Maps shared memory for writing, in the decoding child.
pub(crate) fn shared_mut(memory: &File) -> io::Result<MmapMut> {
    // SAFETY: nobody reads it before this process has ended.
    unsafe { MmapMut::map_mut(memory) }
}
