use super::Dialect;
use crate::IntakeError;
use crate::scalar::ScalarType;
use isochrone_volume::Rescale;

/// The fields that matter of a NIfTI-1 or NIfTI-2 header, under their names in the standard.
pub(crate) struct Header {
    version: u8,
    dim: [i64; 8],
    datatype: i16,
    bitpix: i16,
    vox_offset: f64,
    scl_slope: f64,
    scl_inter: f64,
    pub(super) pixdim: [f64; 8],
    pub(super) xyzt_units: i32,
    pub(super) qform_code: i32,
    pub(super) sform_code: i32,
    /// `quatern_b`, `_c`, `_d`.
    pub(super) quatern: [f64; 3],
    /// `qoffset_x`, `_y`, `_z`.
    pub(super) qoffset: [f64; 3],
    /// `srow_x`, `_y`, `_z`.
    pub(super) srow: [[f64; 4]; 3],
}

impl Header {
    /// Takes the fields from 348 or 540 bytes. Nothing is judged here but what decides the byte order.
    ///
    /// # Errors
    /// `dim[0]` is outside 1 to 7.
    pub(crate) fn parse(bytes: &[u8], dialect: Dialect) -> Result<Self, IntakeError> {
        let f = Fields { bytes, big_endian: dialect.big_endian };
        let count = if dialect.version == 1 { i64::from(i16::from_le_bytes(f.array(40))) } else { f.i64(16) };
        if !(1..=7).contains(&count) {
            let problem = format!("it gives {count} dimensions where 1 to 7 are possible");
            return Err(IntakeError::header("dim[0]", problem));
        }
        if dialect.version == 1 { Self::version_1(bytes) } else { Ok(Self::version_2(&f)) }
    }

    /// The `nifti` crate knows version 1. It tells the byte order from `dim[0]`, which has been checked.
    fn version_1(bytes: &[u8]) -> Result<Self, IntakeError> {
        let h = ::nifti::NiftiHeader::from_reader(bytes)
            .map_err(|_| IntakeError::NotAnImage("its NIfTI-1 header cannot be read. Export it again"))?;
        Ok(Self {
            version: 1,
            dim: h.dim.map(|n| i64::from(n.cast_signed())),
            datatype: h.datatype,
            bitpix: h.bitpix,
            vox_offset: f64::from(h.vox_offset),
            scl_slope: f64::from(h.scl_slope),
            scl_inter: f64::from(h.scl_inter),
            pixdim: h.pixdim.map(f64::from),
            xyzt_units: i32::from(h.xyzt_units),
            qform_code: i32::from(h.qform_code),
            sform_code: i32::from(h.sform_code),
            quatern: [h.quatern_b, h.quatern_c, h.quatern_d].map(f64::from),
            qoffset: [h.quatern_x, h.quatern_y, h.quatern_z].map(f64::from),
            srow: [h.srow_x, h.srow_y, h.srow_z].map(|row| row.map(f64::from)),
        })
    }

    fn version_2(f: &Fields<'_>) -> Self {
        Self {
            version: 2,
            dim: std::array::from_fn(|n| f.i64(16 + 8 * n)),
            datatype: i16::from_le_bytes(f.array(12)),
            bitpix: i16::from_le_bytes(f.array(14)),
            vox_offset: f.i64(168) as f64,
            scl_slope: f.f64(176),
            scl_inter: f.f64(184),
            pixdim: std::array::from_fn(|n| f.f64(104 + 8 * n)),
            xyzt_units: f.i32(500),
            qform_code: f.i32(344),
            sform_code: f.i32(348),
            quatern: std::array::from_fn(|n| f.f64(352 + 8 * n)),
            qoffset: std::array::from_fn(|n| f.f64(376 + 8 * n)),
            srow: std::array::from_fn(|row| std::array::from_fn(|n| f.f64(400 + 32 * row + 8 * n))),
        }
    }

    /// Voxels along `(i, j, k)` of the one frame; a 2-D image is one slice.
    pub(crate) fn size(&self) -> Result<[u64; 3], IntakeError> {
        let [count, lengths @ ..] = self.dim;
        let dimensions = usize::try_from(count).unwrap_or_default();
        if dimensions == 1 {
            return Err(IntakeError::unsupported("A 1-D signal", "name a 3-D image"));
        }
        let mut size = [1u64; 3];
        let mut frames = 1u64;
        for (axis, &length) in lengths.iter().enumerate().take(dimensions) {
            let Some(length) = u64::try_from(length).ok().filter(|&n| n > 0) else {
                return Err(IntakeError::header("dim", format!("axis {} has {length} voxels", axis + 1)));
            };
            match size.get_mut(axis) {
                Some(n) => *n = length,
                None => frames = frames.saturating_mul(length),
            }
        }
        if frames > 1 {
            return Err(IntakeError::Frames { dimensions, frames });
        }
        Ok(size)
    }

    /// The scalar type; its width must agree with `bitpix`.
    pub(crate) fn scalar_type(&self) -> Result<ScalarType, IntakeError> {
        let colour = "save one channel, or a grey-scale image";
        let complex = "save its magnitude";
        let scalar = match self.datatype {
            2 => ScalarType::U8,
            4 => ScalarType::I16,
            8 => ScalarType::I32,
            16 => ScalarType::F32,
            64 => ScalarType::F64,
            256 => ScalarType::I8,
            512 => ScalarType::U16,
            768 => ScalarType::U32,
            1024 => ScalarType::I64,
            1280 => ScalarType::U64,
            1 => return Err(IntakeError::unsupported("Data type 1 (one bit a voxel)", "save it as uint8")),
            32 => return Err(IntakeError::unsupported("Data type complex64", complex)),
            1792 => return Err(IntakeError::unsupported("Data type complex128", complex)),
            2048 => return Err(IntakeError::unsupported("Data type complex256", complex)),
            128 => return Err(IntakeError::unsupported("Data type RGB24 (colour)", colour)),
            2304 => return Err(IntakeError::unsupported("Data type RGBA32 (colour)", colour)),
            1536 => return Err(IntakeError::unsupported("Data type float128", "save it as float32 or float64")),
            other => return Err(IntakeError::header("datatype", format!("the standard has no type {other}"))),
        };
        if u64::try_from(self.bitpix) != Ok(scalar.bytes() * 8) {
            let problem =
                format!("it says {} bits a voxel where the data type has {}", self.bitpix, scalar.bytes() * 8);
            return Err(IntakeError::header("bitpix", problem));
        }
        Ok(scalar)
    }

    /// Byte at which the voxels begin. 0 stands for the end of the header, as other readers take it.
    pub(crate) fn voxel_offset(&self) -> Result<u64, IntakeError> {
        let least = if self.version == 1 { 352.0 } else { 544.0 };
        let offset = self.vox_offset;
        if offset == 0.0 {
            return Ok(least as u64);
        }
        let most = (1u64 << 48) as f64;
        if !(least..=most).contains(&offset) || offset.fract() != 0.0 {
            return Err(IntakeError::header("vox_offset", format!("it is {offset} where at least {least} is needed")));
        }
        Ok(offset as u64)
    }

    /// `value = slope · stored + intercept`.
    pub(crate) fn rescale(&self, warnings: &mut Vec<String>) -> Result<Rescale, IntakeError> {
        super::rescale(self.scl_slope, self.scl_inter, warnings)
    }
}

/// Numbers at fixed places; zero past the end.
struct Fields<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Fields<'_> {
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = self.bytes.get(at..).and_then(|b| b.first_chunk::<N>()).copied().unwrap_or([0; N]);
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    fn i32(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.array(at))
    }

    fn i64(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.array(at))
    }

    fn f64(&self, at: usize) -> f64 {
        f64::from_le_bytes(self.array(at))
    }
}
