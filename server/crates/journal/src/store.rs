use crate::JournalError;
use isochrone_volume::{DAffine3, Grid, Modality, Quantity, Rescale, Volume, VolumeOrigin, Voxels};
use ndarray::{Array3, ArrayView3};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// Volumes in a folder, each under the BLAKE3 of its content: the same image is kept once, however many
/// sessions use it.
pub struct VolumeStore(PathBuf);

/// What stands in front of the voxels: its BLAKE3, a space, and one line of JSON.
#[derive(Serialize, Deserialize)]
struct Header {
    size: [usize; 3],
    /// Floating-point numbers as their bits: they come back exactly.
    world_from_voxel: [u64; 12],
    slope: u64,
    intercept: u64,
    scalar: String,
    modality: String,
    quantity: String,
    inferred: bool,
    frame_of_reference: Option<String>,
    warnings: Vec<String>,
}

const QUANTITIES: [(Quantity, &str); 3] =
    [(Quantity::Hounsfield, "hounsfield"), (Quantity::SuvBw, "suv-bw"), (Quantity::Arbitrary, "arbitrary")];

impl VolumeStore {
    /// A store in a folder, made if it is not there.
    ///
    /// # Errors
    /// The disk.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        std::fs::create_dir_all(folder)?;
        Ok(Self(folder.to_owned()))
    }

    /// Keeps a volume, if it is not kept already; returns once the disk has it.
    ///
    /// # Errors
    /// The disk; it is full. Then nothing half-written is left.
    pub fn keep(&self, volume: &Volume) -> Result<(), JournalError> {
        let path = self.path(&volume.content_hash());
        if path.exists() {
            return Ok(());
        }
        let mut file = tempfile::NamedTempFile::new_in(&self.0)?;
        let mut writer = BufWriter::with_capacity(1 << 20, file.as_file_mut());
        let header = serde_json::to_string(&Header::of(volume)).map_err(|_| JournalError::Volume)?;
        writeln!(writer, "{} {header}", blake3::hash(header.as_bytes()).to_hex())?;
        write_voxels(volume.voxels(), &mut writer)?;
        writer.flush()?;
        drop(writer);
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|e| JournalError::from(e.error))?;
        File::open(&self.0)?.sync_all()?;
        Ok(())
    }

    /// A volume by the hash of its content, which is computed anew: a damaged file is never taken for good.
    ///
    /// # Errors
    /// It is not there, or damaged.
    pub fn get(&self, hash: &[u8; 32]) -> Result<Volume, JournalError> {
        let file = File::open(self.path(hash)).map_err(|e| match e.kind() {
            ErrorKind::NotFound => JournalError::NoVolume,
            _ => e.into(),
        })?;
        let bytes = file.metadata()?.len();
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut line = Vec::new();
        (&mut reader).take(1 << 16).read_until(b'\n', &mut line)?;
        let header = Header::read(&line).ok_or(JournalError::Volume)?;
        let volume = header.volume(&mut reader, bytes - line.len() as u64).ok_or(JournalError::Volume)?;
        if volume.content_hash() == *hash { Ok(volume) } else { Err(JournalError::Volume) }
    }

    /// Deletes every volume whose hash is not among those still `used`; returns how many went.
    ///
    /// # Errors
    /// The disk.
    pub fn sweep(&self, used: &[[u8; 32]]) -> Result<usize, JournalError> {
        let keep: Vec<PathBuf> = used.iter().map(|hash| self.path(hash)).collect();
        let mut gone = 0;
        for entry in std::fs::read_dir(&self.0)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "volume") && !keep.contains(&path) {
                std::fs::remove_file(path)?;
                gone += 1;
            }
        }
        Ok(gone)
    }

    fn path(&self, hash: &[u8; 32]) -> PathBuf {
        self.0.join(format!("{}.volume", blake3::Hash::from(*hash).to_hex()))
    }
}

impl Header {
    fn of(volume: &Volume) -> Self {
        let origin = volume.origin();
        let quantity = QUANTITIES.iter().find(|(q, _)| *q == origin.quantity).map_or("arbitrary", |(_, name)| name);
        Self {
            size: volume.grid().size(),
            world_from_voxel: volume.grid().world_from_voxel().to_cols_array().map(f64::to_bits),
            slope: volume.rescale().slope.to_bits(),
            intercept: volume.rescale().intercept.to_bits(),
            scalar: volume.voxels().scalar_name().to_owned(),
            modality: origin.modality.code().to_owned(),
            quantity: quantity.to_owned(),
            inferred: origin.inferred,
            frame_of_reference: origin.frame_of_reference.clone(),
            warnings: origin.warnings.clone(),
        }
    }

    /// From a line that is as it was written.
    fn read(line: &[u8]) -> Option<Self> {
        let (hash, header) = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?.split_once(' ')?;
        if blake3::hash(header.as_bytes()).to_hex().as_str() != hash {
            return None;
        }
        serde_json::from_str(header).ok()
    }

    /// The volume; `None` if anything does not fit.
    fn volume(self, voxels: &mut impl Read, bytes: u64) -> Option<Volume> {
        let grid = Grid::new(self.size, DAffine3::from_cols_array(&self.world_from_voxel.map(f64::from_bits))).ok()?;
        let voxels = read_voxels(&self.scalar, grid.shape(), voxels, bytes)?;
        let quantity = QUANTITIES.iter().find(|(_, name)| *name == self.quantity).map(|(q, _)| *q)?;
        let origin = VolumeOrigin {
            modality: Modality::from_code(&self.modality)?,
            quantity,
            inferred: self.inferred,
            frame_of_reference: self.frame_of_reference,
            warnings: self.warnings,
        };
        let rescale = Rescale { slope: f64::from_bits(self.slope), intercept: f64::from_bits(self.intercept) };
        Volume::new(grid, voxels, rescale, origin).ok()
    }
}

macro_rules! scalars {
    ($($variant:ident $scalar:ty, $name:literal;)*) => {
        /// Little-endian, `i` fastest.
        fn write_voxels(voxels: &Voxels, out: &mut impl Write) -> std::io::Result<()> {
            match voxels { $(Voxels::$variant(a) => rows(a.view(), out, |v, to| to.extend_from_slice(&v.to_le_bytes())),)* }
        }

        fn read_voxels(name: &str, shape: [usize; 3], from: &mut impl Read, bytes: u64) -> Option<Voxels> {
            match name {
                $($name => {
                    const SIZE: usize = std::mem::size_of::<$scalar>();
                    let voxels = array(shape, from, bytes, SIZE, |b| {
                        <$scalar>::from_le_bytes(b.try_into().unwrap_or_default())
                    })?;
                    Some(Voxels::$variant(voxels))
                })*
                _ => None,
            }
        }
    };
}

scalars! {
    U8 u8, "uint8";
    I8 i8, "int8";
    U16 u16, "uint16";
    I16 i16, "int16";
    U32 u32, "uint32";
    I32 i32, "int32";
    U64 u64, "uint64";
    I64 i64, "int64";
    F32 f32, "float32";
    F64 f64, "float64";
}

fn rows<T: Copy>(
    array: ArrayView3<'_, T>,
    out: &mut impl Write,
    bytes: impl Fn(T, &mut Vec<u8>),
) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    for slice in array.outer_iter() {
        buffer.clear();
        slice.iter().for_each(|&v| bytes(v, &mut buffer));
        out.write_all(&buffer)?;
    }
    Ok(())
}

/// `bytes` is what the file holds: no more is taken from the machine than that.
fn array<T>(
    shape: [usize; 3],
    from: &mut impl Read,
    bytes: u64,
    size: usize,
    value: impl Fn(&[u8]) -> T,
) -> Option<Array3<T>> {
    let count = shape.iter().try_fold(1usize, |n, &s| n.checked_mul(s))?;
    if count.checked_mul(size)? as u64 != bytes {
        return None;
    }
    let mut raw = vec![0; shape.get(1)? * shape.get(2)? * size];
    let mut voxels = Vec::with_capacity(count);
    for _ in 0..*shape.first()? {
        from.read_exact(&mut raw).ok()?;
        voxels.extend(raw.chunks_exact(size).map(&value));
    }
    Array3::from_shape_vec(shape, voxels).ok()
}
