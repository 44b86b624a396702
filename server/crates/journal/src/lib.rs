//! Files that outlive the process: a session's journal, and volumes by their content.
//!
//! A journal is a list of records, opaque to this crate, in a file that only grows. [`Journal::append`] returns
//! once the disk has the record, so what is acknowledged afterwards is never lost. Each record stands between a
//! head (mark, length, CRC-32) and a BLAKE3 that also covers every record before it:
//!
//! ```text
//! ISOJRNL2
//! "ISOR" length:u32 crc32(length ‖ payload):u32 payload blake3(blake3 before ‖ payload):32
//! "ISOR" …
//! ```
//!
//! | what [`read`] finds | what it makes of it |
//! |---|---|
//! | the file ends within its last record | a torn write, never acknowledged: dropped, with its bytes counted |
//! | a record that is not as it was written | damage, named by the record's number; those before it are good |
//! | records out of their places | the chain of hashes breaks there: damage |
//!
//! ```
//! # fn main() -> Result<(), isochrone_journal::JournalError> {
//! # let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().join("journal");
//! let mut journal = isochrone_journal::Journal::create(&path, b"what it is about")?;
//! journal.append(b"a prompt and its mask")?;
//! drop(journal);
//! let found = isochrone_journal::read(&path)?;
//! assert_eq!(found.records, [b"what it is about".to_vec(), b"a prompt and its mask".to_vec()]);
//! # Ok(()) }
//! ```

mod error;
mod frame;
mod journal;
mod store;

pub use error::JournalError;
pub use journal::{Found, Journal, first, read};
pub use store::VolumeStore;
