//! Memory maps: the one place with `unsafe` of this crate.
#![allow(unsafe_code)]

use memmap2::Mmap;
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

/// Asks for large pages under memory that is about to be filled: the fewer, the sooner it is.
pub(crate) fn in_large_pages(memory: &mut [u8]) {
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 4096;
        let range = memory.as_mut_ptr_range();
        let start = range.start.align_offset(PAGE);
        let whole = memory.len().saturating_sub(start) / PAGE * PAGE;
        if whole < 4 << 20 {
            return;
        }
        // SAFETY: the range is page by page within `memory`; the advice changes how it is backed, not what it holds.
        // It is advice: that it could not be taken does no harm.
        let _ = unsafe { rustix::mm::madvise(range.start.add(start).cast(), whole, rustix::mm::Advice::LinuxHugepage) };
    }
}
