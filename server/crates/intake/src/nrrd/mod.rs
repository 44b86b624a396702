//! NRRD, attached and detached ("Definition of NRRD file format", Teem).

mod fields;
mod geometry;
mod terms;

use crate::gate::{self, Stored, human};
use crate::image::Parts;
use crate::stream::Stream;
use crate::{IntakeError, ReadOptions, meaning};
use fields::Fields;
use geometry::Frame;
use isochrone_volume::{Grid, Rescale};
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Component, Path};
use terms::Encoding;

/// Lines that `line skip` may leave out, and bytes that `byte skip` may inflate and leave out.
const MAX_SKIP: u64 = 64 << 20;

/// Reads the NRRD file, of `len` bytes, at `path`; the path serves to find a detached data file.
pub(crate) fn read(mut file: File, len: u64, path: &Path, options: &ReadOptions) -> Result<Parts, IntakeError> {
    let (fields, header_bytes) = fields::read(&mut file)?;
    let scalar = terms::scalar_type(fields.required("type")?)?;
    let encoding = terms::encoding(fields.required("encoding")?)?;
    let big_endian = terms::big_endian(fields.get("endian"), scalar)?;
    let mut warnings = Vec::new();
    let Frame { size, world_from_voxel } = geometry::frame(&fields, &mut warnings)?;

    let (file, len, start) = match fields.get("data file") {
        Some(name) => {
            let (file, len) = open_data(name, path)?;
            (file, len, 0)
        }
        None => (file, len, header_bytes),
    };
    let skip = Skip::of(&fields)?;
    let start = skip.lines(&file, start)?;
    let stored = match encoding {
        Encoding::Raw => Stored::Plain(len.saturating_sub(start).saturating_sub(skip.bytes.unwrap_or(0))),
        Encoding::Gzip => Stored::Gzip(len.saturating_sub(start)),
    };
    let size = gate::check(size, scalar, stored, &options.limits)?;
    let grid = Grid::new(size, world_from_voxel)?;

    let voxel_bytes = grid.voxel_count() as u64 * scalar.bytes();
    let mut stream = match (encoding, skip.bytes) {
        // -1: the voxels are the last bytes of the file.
        (Encoding::Raw, None) => Stream::plain(file, len.saturating_sub(voxel_bytes), len)?,
        (Encoding::Raw, Some(_)) => Stream::plain(file, start, len)?,
        (Encoding::Gzip, Some(_)) => Stream::gzip(file, start)?,
        (Encoding::Gzip, None) => {
            return Err(IntakeError::unsupported("byte skip -1 with gzip encoding", "save the image without it"));
        }
    };
    if !stream.skip(skip.bytes.unwrap_or(0))? {
        return Err(IntakeError::header("byte skip", "it lies past the end of the data"));
    }
    let (voxels, stats) = scalar.read(&mut stream, size, big_endian)?;
    let surplus = stream.finish()?;
    if surplus > 0 {
        warnings.push(format!("The file goes on for {} past its voxels; they were left out", human(surplus)));
    }
    let origin = meaning::origin(options.modality, scalar, Rescale::IDENTITY, stats, warnings);
    Ok(Parts { grid, voxels, rescale: Rescale::IDENTITY, origin })
}

/// Opens the one data file of a detached header: a plain name in the header's own folder.
fn open_data(name: &str, header: &Path) -> Result<(File, u64), IntakeError> {
    if name.starts_with("LIST") || name.contains('%') {
        return Err(IntakeError::unsupported(
            "A NRRD header with several data files",
            "save the image as one .nrrd file",
        ));
    }
    let refused = || IntakeError::header("data file", "it must be the plain name of a file beside the header");
    let mut parts = Path::new(name).components().filter(|c| *c != Component::CurDir);
    let (Some(Component::Normal(plain)), None) = (parts.next(), parts.next()) else { return Err(refused()) };
    if name.contains(['\\', ':', '\0']) {
        return Err(refused());
    }
    let path = header.with_file_name(plain);
    let missing = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => {
            IntakeError::header("data file", "it is not beside the header: give both files")
        }
        kind => IntakeError::Open(kind),
    };
    // Not followed: a link could lead out of the folder.
    if !std::fs::symlink_metadata(&path).map_err(missing)?.is_file() {
        return Err(refused());
    }
    crate::open(&path)
}

/// `line skip` and `byte skip`.
struct Skip {
    lines: u64,
    /// `None` stands for -1.
    bytes: Option<u64>,
}

impl Skip {
    fn of(fields: &Fields) -> Result<Self, IntakeError> {
        let number = |field: &'static str| -> Result<i64, IntakeError> {
            let Some(text) = fields.get(field) else { return Ok(0) };
            let number = text.parse::<i64>().ok().filter(|n| (-1..1 << 48).contains(n));
            number.ok_or_else(|| IntakeError::header(field, "it is not a number of lines or bytes"))
        };
        let lines =
            u64::try_from(number("line skip")?).map_err(|_| IntakeError::header("line skip", "it is negative"))?;
        let bytes = u64::try_from(number("byte skip")?).ok();
        if lines > MAX_SKIP || bytes.is_some_and(|b| b > MAX_SKIP) {
            return Err(IntakeError::header("line skip, byte skip", format!("more than {MAX_SKIP} would be left out")));
        }
        Ok(Self { lines, bytes })
    }

    /// Position after the skipped lines that begin at `start`.
    fn lines(&self, file: &File, start: u64) -> Result<u64, IntakeError> {
        if self.lines == 0 {
            return Ok(start);
        }
        let broken = |e: std::io::Error| IntakeError::Read(e.kind());
        let mut reader = BufReader::new(file);
        reader.seek(SeekFrom::Start(start)).map_err(broken)?;
        let mut at = start;
        for _ in 0..self.lines {
            let got = reader.skip_until(b'\n').map_err(broken)?;
            if got == 0 {
                return Err(IntakeError::header("line skip", "the file has fewer lines"));
            }
            at += got as u64;
        }
        Ok(at)
    }
}
