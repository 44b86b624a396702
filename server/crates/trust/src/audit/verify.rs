use super::event::Line;
use crate::TrustError;
use std::io::{BufRead, BufReader, Read};

pub(crate) const FILE: &str = "The audit trail";

/// What a trail turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Events in it.
    pub events: u64,
    /// Hash of the last one; zeros if there is none.
    pub head: String,
    /// Bytes up to the end of the last whole line.
    pub(crate) whole: u64,
    /// Bytes after it, of a line that was never finished (a power cut).
    pub torn: u64,
}

impl Checked {
    pub(crate) fn empty() -> Self {
        Self { events: 0, head: "0".repeat(64), whole: 0, torn: 0 }
    }
}

/// Follows the chain from the first line to the last.
///
/// # Errors
/// [`TrustError::Damaged`] names the first line that is not as it was written, or is out of its place.
pub fn verify(trail: impl Read) -> Result<Checked, TrustError> {
    each(trail, |_| Ok(()))
}

/// The same, with a look at every line.
pub(crate) fn each(
    trail: impl Read,
    mut look: impl FnMut(&Line) -> Result<(), TrustError>,
) -> Result<Checked, TrustError> {
    let mut reader = BufReader::new(trail);
    let mut checked = Checked::empty();
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes).map_err(|e| TrustError::File(FILE, e.kind()))? as u64;
        let Some(text) = bytes.strip_suffix(b"\n") else {
            checked.torn = read;
            return Ok(checked);
        };
        let n = checked.events + 1;
        let sealed = std::str::from_utf8(text).ok().and_then(Line::unseal);
        let Some((line, hash)) = sealed else {
            return Err(TrustError::Damaged(FILE, format!("line {n} is not as it was written")));
        };
        if line.n != n || line.prev != checked.head {
            return Err(TrustError::Damaged(FILE, format!("line {n} does not follow the line before it")));
        }
        look(&line)?;
        checked.events = n;
        checked.head = hash;
        checked.whole += read;
    }
}
