use isochrone_volume::{Grid, Rescale};
use ndarray::ArrayView3;
use std::io::{self, Write};

/// A scalar type and its names in the file formats.
pub(crate) trait Scalar: Copy {
    /// Bytes of one voxel.
    const BYTES: usize;
    /// `datatype` of nifti1.h.
    const NIFTI_CODE: i16;
    /// `type` of NRRD.
    const NRRD_TYPE: &'static str;
    /// Appends the value, little-endian.
    fn append(self, out: &mut Vec<u8>);
}

macro_rules! scalars {
    ($($scalar:ty, $code:literal, $name:literal;)*) => {$(
        impl Scalar for $scalar {
            const BYTES: usize = size_of::<$scalar>();
            const NIFTI_CODE: i16 = $code;
            const NRRD_TYPE: &'static str = $name;

            fn append(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

scalars! {
    u8, 2, "uint8";
    i16, 4, "int16";
    i32, 8, "int32";
    f32, 16, "float";
    f64, 64, "double";
    i8, 256, "int8";
    u16, 512, "uint16";
    u32, 768, "uint32";
    i64, 1024, "int64";
    u64, 1280, "uint64";
}

/// What is written: voxels `[k, j, i]` and where they are.
pub(crate) struct Image<'a, T> {
    pub(crate) grid: &'a Grid,
    pub(crate) voxels: ArrayView3<'a, T>,
    pub(crate) rescale: Rescale,
}

impl<T: Scalar> Image<'_, T> {
    /// The voxels, little-endian, `i` fastest.
    pub(crate) fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut bytes = Vec::new();
        for slice in self.voxels.outer_iter() {
            bytes.clear();
            bytes.reserve(slice.len() * T::BYTES);
            slice.iter().for_each(|v| v.append(&mut bytes));
            out.write_all(&bytes)?;
        }
        Ok(())
    }
}
