//! What a session's journal must hold, in a file beside it: whose it is, how many changes were acknowledged, and which images
//! it needs. A journal that was cut or damaged at rest is known by it.
//!
//! ```text
//! sessions/<id>.tally    "000000000042 owner hash hash …\n"
//! ```
//! The count is written after its change is on the disk, and left to the kernel: a power cut may leave an older one,
//! never one that promises too much.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Digits of the count, so that it can be written in its place.
const DIGITS: usize = 12;

/// Bytes of the longest tally that is read.
const LONGEST: u64 = 64 << 10;

/// The ending of its file.
pub(crate) const TALLY: &str = "tally";

/// What a tally says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    /// The account to which the session belongs.
    pub owner: String,
    /// Changes that were acknowledged.
    pub changes: usize,
    /// Images that it needs.
    pub volumes: Vec<[u8; 32]>,
}

/// A tally that is being kept.
pub(crate) struct Tallying {
    file: File,
    changes: usize,
}

impl Tally {
    /// The tally beside a journal; none if it is not there or says nothing.
    pub fn read(journal: &Path) -> Option<Self> {
        let mut text = String::new();
        let file = File::open(journal.with_extension(TALLY)).ok()?;
        file.take(LONGEST).read_to_string(&mut text).ok()?;
        let mut words = text.strip_suffix('\n')?.split(' ');
        let changes = words.next()?.parse().ok()?;
        let owner = words.next().filter(|o| !o.is_empty())?.to_owned();
        Some(Self { owner, changes, volumes: words.map(unhex).collect::<Option<_>>()? })
    }

    /// Writes it beside a journal that is being begun or gone on with.
    pub fn begin(&self, journal: &Path) -> std::io::Result<Tallying> {
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(journal.with_extension(TALLY))?;
        let hashes: String = self.volumes.iter().map(|hash| format!(" {}", hex(hash))).collect();
        file.write_all(format!("{:0DIGITS$} {}{hashes}\n", self.changes, self.owner).as_bytes())?;
        file.sync_all()?;
        Ok(Tallying { file, changes: self.changes })
    }
}

impl Tallying {
    /// One more change is on the disk.
    pub fn one_more(&mut self) -> std::io::Result<()> {
        self.changes += 1;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(format!("{:0DIGITS$}", self.changes).as_bytes())
    }
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("a.journal");
        assert_eq!(Tally::read(&journal), None);
        let mut tally = Tally { owner: "bob#12".to_owned(), changes: 3, volumes: vec![[7; 32], [0xab; 32]] };
        let mut tallying = tally.begin(&journal).unwrap();
        assert_eq!(Tally::read(&journal).as_ref(), Some(&tally));
        for _ in 0..10 {
            tallying.one_more().unwrap();
        }
        tally.changes = 13;
        assert_eq!(Tally::read(&journal), Some(tally));
        for torn in ["", "0000", "000000000001 ", "000000000001 bob", "x bob\n", "000000000001 bob 12\n"] {
            std::fs::write(journal.with_extension(TALLY), torn).unwrap();
            assert_eq!(Tally::read(&journal), None, "{torn:?}");
        }
    }
}
