//! Bytes of a file, plain or inflated, read forwards once and to the very end.

use crate::IntakeError;
use flate2::bufread::GzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

/// Bytes past the declared voxels that a compressed file may hold.
const MAX_SURPLUS: u64 = 1 << 20;

/// A file from some position on.
pub(crate) enum Stream {
    /// Uncompressed.
    Plain {
        file: File,
        /// Bytes that are left.
        left: u64,
    },
    /// A gzip stream (RFC 1952).
    Gzip(Box<Gunzip<BufReader<File>>>),
}

impl Stream {
    /// Uncompressed bytes from `start` to the end of a file of `len` bytes.
    pub(crate) fn plain(mut file: File, start: u64, len: u64) -> Result<Self, IntakeError> {
        file.seek(SeekFrom::Start(start)).map_err(read_error)?;
        Ok(Self::Plain { file, left: len.saturating_sub(start) })
    }

    /// The gzip stream that begins at `start`.
    pub(crate) fn gzip(mut file: File, start: u64) -> Result<Self, IntakeError> {
        file.seek(SeekFrom::Start(start)).map_err(read_error)?;
        Ok(Self::Gzip(Box::new(Gunzip::new(BufReader::with_capacity(1 << 18, file)))))
    }

    /// Fills `buffer` as far as the bytes go and returns how many there were.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, IntakeError> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|r| !r.is_empty()) {
            let got = match self {
                Self::Plain { file, left } => {
                    let got = file.read(rest).map_err(read_error)?;
                    *left = left.saturating_sub(got as u64);
                    got
                }
                Self::Gzip(gunzip) => match gunzip.read(rest) {
                    // A stream that ends early: the caller knows what is missing.
                    Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => 0,
                    other => other.map_err(read_error)?,
                },
            };
            if got == 0 {
                break;
            }
            done += got;
        }
        Ok(done)
    }

    /// Leaves out `count` bytes; false if there were fewer.
    pub(crate) fn skip(&mut self, count: u64) -> Result<bool, IntakeError> {
        match self {
            Self::Plain { file, left } => {
                if count > *left {
                    return Ok(false);
                }
                *left -= count;
                let step = i64::try_from(count).map_err(|_| read_error(io::ErrorKind::InvalidInput.into()))?;
                file.seek(SeekFrom::Current(step)).map_err(read_error)?;
                Ok(true)
            }
            Self::Gzip(_) => {
                let mut waste = vec![0u8; 1 << 14];
                let mut left = count;
                while left > 0 {
                    let want = usize::try_from(left).unwrap_or(usize::MAX).min(waste.len());
                    let got = self.fill(waste.get_mut(..want).unwrap_or_default())?;
                    if got < want {
                        return Ok(false);
                    }
                    left -= got as u64;
                }
                Ok(true)
            }
        }
    }

    /// Goes to the end, so that every checksum has been compared. Returns the bytes that nobody
    /// asked for.
    pub(crate) fn finish(mut self) -> Result<u64, IntakeError> {
        let Self::Gzip(gunzip) = &mut self else {
            let Self::Plain { left, .. } = self else { return Ok(0) };
            return Ok(left);
        };
        let mut waste = vec![0u8; 1 << 14];
        let mut surplus = 0u64;
        loop {
            match gunzip.read(&mut waste) {
                Ok(0) => return Ok(surplus),
                Ok(got) => surplus += got as u64,
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(IntakeError::Damaged("its gzip stream has no end, the checksum is missing"));
                }
                Err(e) => return Err(read_error(e)),
            }
            if surplus > MAX_SURPLUS {
                return Err(IntakeError::header(
                    "size",
                    "the file goes on for more than 1 MiB past the voxels that it declares",
                ));
            }
        }
    }
}

/// What an I/O error means to the reader. flate2 reports broken streams and wrong checksums as
/// invalid input or data.
fn read_error(e: io::Error) -> IntakeError {
    match e.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            IntakeError::Damaged("its gzip checksum or structure is wrong")
        }
        kind => IntakeError::Read(kind),
    }
}

/// A gzip file: one member after the other, each with its checksum and length compared
/// (RFC 1952, 2.2 and 2.3.1). Zero padding after the last is allowed, as tape tools leave it.
pub(crate) struct Gunzip<R: BufRead> {
    state: Option<Member<R>>,
}

enum Member<R: BufRead> {
    Open(Box<GzDecoder<R>>),
    Between(R),
}

impl<R: BufRead> Gunzip<R> {
    fn new(reader: R) -> Self {
        Self { state: Some(Member::Open(Box::new(GzDecoder::new(reader)))) }
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.state.take() {
                None => return Ok(0),
                Some(Member::Open(mut decoder)) => {
                    let got = decoder.read(buffer)?;
                    if got > 0 {
                        self.state = Some(Member::Open(decoder));
                        return Ok(got);
                    }
                    self.state = Some(Member::Between(decoder.into_inner()));
                }
                Some(Member::Between(mut reader)) => {
                    let (padding, next) = {
                        let bytes = reader.fill_buf()?;
                        let padding = bytes.iter().take_while(|&&b| b == 0).count();
                        (padding, bytes.get(padding).copied())
                    };
                    reader.consume(padding);
                    match next {
                        None if padding == 0 => return Ok(0),
                        None => self.state = Some(Member::Between(reader)),
                        Some(0x1f) => self.state = Some(Member::Open(Box::new(GzDecoder::new(reader)))),
                        Some(_) => return Err(io::ErrorKind::InvalidData.into()),
                    }
                }
            }
        }
    }
}
