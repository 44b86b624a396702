//! How records lie in the file.

/// The file's first bytes.
pub const MAGIC: &[u8; 8] = b"ISOJRNL2";
/// The first bytes of a record.
const MARK: &[u8; 4] = b"ISOR";
/// Mark, length, CRC.
pub const HEAD: usize = 12;
const HASH: usize = 32;
/// No record is longer: a mask of a whole 512×512×1200 volume takes less.
pub const LONGEST: usize = 256 << 20;

/// What came before the first record.
pub fn start() -> blake3::Hash {
    blake3::hash(MAGIC)
}

/// A record's hash, which covers all before it.
fn chain(before: &blake3::Hash, payload: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before.as_bytes()).update(payload);
    hasher.finalize()
}

fn crc(length: [u8; 4], payload: &[u8]) -> [u8; 4] {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&length);
    crc.update(payload);
    crc.finalize().to_le_bytes()
}

/// A record as it lies in the file, and its hash. `None`: it is too long.
pub fn encode(before: &blake3::Hash, payload: &[u8]) -> Option<(Vec<u8>, blake3::Hash)> {
    let length = u32::try_from(payload.len()).ok().filter(|_| payload.len() <= LONGEST)?.to_le_bytes();
    let hash = chain(before, payload);
    let mut bytes = Vec::with_capacity(HEAD + payload.len() + HASH);
    bytes.extend_from_slice(MARK);
    bytes.extend_from_slice(&length);
    bytes.extend_from_slice(&crc(length, payload));
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(hash.as_bytes());
    Some((bytes, hash))
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A whole record: payload, and how many bytes it takes.
    Record(&'a [u8], blake3::Hash, usize),
    /// The bytes end within a record.
    Short,
    /// Not a record, or not the one that was written.
    Wrong,
}

/// Reads the record with which some bytes begin. Without `before`, its place in the chain is not checked.
pub fn decode<'a>(bytes: &'a [u8], before: Option<&blake3::Hash>) -> Decoded<'a> {
    let mark = bytes.get(..4).unwrap_or(bytes);
    if !MARK.starts_with(mark) {
        return Decoded::Wrong;
    }
    let (Some(length), Some(sum)) = (four(bytes, 4), four(bytes, 8)) else { return Decoded::Short };
    let size = u32::from_le_bytes(length) as usize;
    if size > LONGEST {
        return Decoded::Wrong;
    }
    let (Some(payload), Some(hash)) = (bytes.get(HEAD..HEAD + size), bytes.get(HEAD + size..HEAD + size + HASH)) else {
        return Decoded::Short;
    };
    let hash: [u8; HASH] = hash.try_into().unwrap_or_default();
    let right = crc(length, payload) == sum && before.is_none_or(|b| chain(b, payload) == hash);
    if right { Decoded::Record(payload, hash.into(), HEAD + size + HASH) } else { Decoded::Wrong }
}

/// Bytes of a record after its head, if these are a head.
pub fn rest_of(head: &[u8]) -> Option<usize> {
    let size = u32::from_le_bytes(four(head, 4)?) as usize;
    (head.starts_with(MARK) && size <= LONGEST).then_some(size + HASH)
}

/// Whether a whole record begins anywhere after the first byte: then what stands here is damage, not an end.
pub fn goes_on(bytes: &[u8]) -> bool {
    let rest = bytes.get(1..).unwrap_or_default();
    let starts = rest.windows(4).enumerate().filter(|(_, w)| w == MARK);
    starts.map(|(at, _)| rest.get(at..).unwrap_or_default()).any(|b| matches!(decode(b, None), Decoded::Record(..)))
}

fn four(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..at + 4)?.try_into().ok()
}
