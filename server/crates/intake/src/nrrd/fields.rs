use crate::IntakeError;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

/// Longest header that is read.
const MAX_BYTES: u64 = 1 << 20;

/// `field: value` lines of a NRRD header. Comments and `key:=value` pairs are left out unread:
/// they may hold anything, a patient's name included.
#[derive(Debug)]
pub(super) struct Fields {
    values: HashMap<&'static str, String>,
}

/// The fields that matter, with the spellings that the format allows.
const NAMES: [(&str, &str); 21] = [
    ("dimension", "dimension"),
    ("type", "type"),
    ("encoding", "encoding"),
    ("endian", "endian"),
    ("sizes", "sizes"),
    ("spacings", "spacings"),
    ("kinds", "kinds"),
    ("labels", "labels"),
    ("units", "units"),
    ("data file", "data file"),
    ("datafile", "data file"),
    ("line skip", "line skip"),
    ("lineskip", "line skip"),
    ("byte skip", "byte skip"),
    ("byteskip", "byte skip"),
    ("space", "space"),
    ("space dimension", "space dimension"),
    ("space units", "space units"),
    ("space origin", "space origin"),
    ("space directions", "space directions"),
    ("block size", "block size"),
];

impl Fields {
    /// The trimmed value of a field; `None` if it is not given.
    pub(super) fn get(&self, field: &str) -> Option<&str> {
        self.values.get(field).map(String::as_str)
    }

    /// The value of a field without which nothing can be read.
    pub(super) fn required(&self, field: &'static str) -> Result<&str, IntakeError> {
        self.get(field).ok_or_else(|| IntakeError::header(field, "it is missing"))
    }
}

/// Reads the header from the file's beginning; also returns its length with the blank line that
/// ends it (a detached header may end with the file).
pub(super) fn read(file: &mut File) -> Result<(Fields, u64), IntakeError> {
    let broken = |e: std::io::Error| IntakeError::Read(e.kind());
    file.seek(SeekFrom::Start(0)).map_err(broken)?;
    let mut reader = BufReader::new(file).take(MAX_BYTES);
    let mut values = HashMap::new();
    let mut length = 0u64;
    let mut line = Vec::new();
    loop {
        line.clear();
        let got = reader.read_until(b'\n', &mut line).map_err(broken)?;
        let first = length == 0;
        length += got as u64;
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        if first {
            version(text)?;
        } else if got > 0 && !line.ends_with(b"\n") && length >= MAX_BYTES {
            return Err(IntakeError::header("length", "no blank line ends it within 1 MiB"));
        } else if text.is_empty() {
            return Ok((Fields { values }, length));
        } else {
            field(text, &mut values)?;
        }
    }
}

fn version(line: &str) -> Result<(), IntakeError> {
    match line {
        "NRRD0001" | "NRRD0002" | "NRRD0003" | "NRRD0004" | "NRRD0005" => Ok(()),
        _ => Err(IntakeError::header("magic", "only NRRD0001 to NRRD0005 are known")),
    }
}

fn field(line: &str, values: &mut HashMap<&'static str, String>) -> Result<(), IntakeError> {
    if line.starts_with('#') {
        return Ok(());
    }
    let Some((name, value)) = line.split_once(':') else {
        return Err(IntakeError::header("text", "a line is neither a field, a key nor a comment"));
    };
    let name = name.trim().to_ascii_lowercase();
    let known = NAMES.iter().find(|(spelling, _)| *spelling == name).map(|(_, field)| *field);
    let Some(known) = known.filter(|_| !value.starts_with('=')) else { return Ok(()) };
    if values.insert(known, value.trim().to_owned()).is_some() {
        return Err(IntakeError::header(known, "it is given twice"));
    }
    Ok(())
}
