//! Scalar types of voxels, and voxels from bytes.

use crate::IntakeError;
use crate::gate::human;
use crate::stream::Stream;
use isochrone_volume::Voxels;
use ndarray::Array3;

/// Bytes that are converted at a time: small enough to stay in a core's cache.
const CHUNK: usize = 1 << 18;

/// What the voxels are like as numbers, before any rescaling.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stats {
    /// Smallest finite stored value; infinite if there is none.
    pub(crate) min: f64,
    /// Largest finite stored value; minus infinite if there is none.
    pub(crate) max: f64,
    /// Voxels that are NaN or infinite.
    pub(crate) not_finite: u64,
}

impl Stats {
    const NONE: Self = Self { min: f64::INFINITY, max: f64::NEG_INFINITY, not_finite: 0 };

    fn with(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            not_finite: self.not_finite + other.not_finite,
        }
    }
}

trait Scalar: Copy {
    const BYTES: usize;
    fn append(out: &mut Vec<Self>, bytes: &[u8], big_endian: bool);
    fn stats(values: &[Self]) -> Stats;
}

macro_rules! scalar {
    ($scalar:ty, $stats:path) => {
        impl Scalar for $scalar {
            const BYTES: usize = size_of::<$scalar>();

            fn append(out: &mut Vec<Self>, bytes: &[u8], big_endian: bool) {
                let (values, _) = bytes.as_chunks::<{ size_of::<$scalar>() }>();
                if big_endian {
                    out.extend(values.iter().map(|&b| <$scalar>::from_be_bytes(b)));
                } else {
                    out.extend(values.iter().map(|&b| <$scalar>::from_le_bytes(b)));
                }
            }

            fn stats(values: &[Self]) -> Stats {
                $stats(values, <$scalar>::MIN, <$scalar>::MAX)
            }
        }
    };
}

macro_rules! scalar_types {
    ($($variant:ident $scalar:ty, $stats:path;)*) => {
        /// The scalar types that a volume can hold.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub(crate) enum ScalarType { $($variant,)* }

        impl ScalarType {
            /// Bytes of one voxel.
            pub(crate) fn bytes(self) -> u64 {
                match self { $(Self::$variant => size_of::<$scalar>() as u64,)* }
            }

            /// The type of voxels.
            pub(crate) fn of(voxels: &Voxels) -> Self {
                match voxels { $(Voxels::$variant(_) => Self::$variant,)* }
            }

            /// Reads `size` voxels along `(i, j, k)`, `i` fastest, that have passed the gate.
            pub(crate) fn read(self, stream: &mut Stream, size: [usize; 3], big_endian: bool) -> Result<(Voxels, Stats), IntakeError> {
                match self {
                    $(Self::$variant => read::<$scalar>(stream, size, big_endian).map(|(a, s)| (Voxels::$variant(a), s)),)*
                }
            }
        }

        /// The memory of voxels, in the machine's byte order.
        pub(crate) fn bytes_of(voxels: &Voxels) -> &[u8] {
            match voxels { $(Voxels::$variant(array) => array.as_slice().map(bytemuck::cast_slice).unwrap_or_default(),)* }
        }

        /// Voxels of `shape` `[k, j, i]` whose bytes `fill` writes, in the machine's byte order.
        pub(crate) fn allocate(
            scalar: ScalarType,
            shape: [usize; 3],
            fill: impl FnOnce(&mut [u8]) -> Result<(), IntakeError>,
        ) -> Result<Voxels, IntakeError> {
            let count = shape.iter().product::<usize>();
            match scalar {
                $(ScalarType::$variant => {
                    // Zeros of the system's making: pages are first touched by whoever fills them.
                    let zeros = bytemuck::allocation::try_zeroed_vec::<$scalar>(count);
                    let mut voxels = zeros.map_err(|()| no_memory(count as u64 * scalar.bytes()))?;
                    crate::map::in_large_pages(bytemuck::cast_slice_mut(&mut voxels));
                    fill(bytemuck::cast_slice_mut(&mut voxels))?;
                    let array = Array3::from_shape_vec(shape, voxels);
                    Ok(Voxels::$variant(array.map_err(|_| no_memory(count as u64 * scalar.bytes()))?))
                })*
            }
        }

        $(scalar!($scalar, $stats);)*
    };
}

scalar_types! {
    U8 u8, of_integers;
    I8 i8, of_integers;
    U16 u16, of_integers;
    I16 i16, of_integers;
    U32 u32, of_integers;
    I32 i32, of_integers;
    U64 u64, of_wide;
    I64 i64, of_wide;
    F32 f32, of_floats;
    F64 f64, of_floats;
}

impl ScalarType {
    /// True for float32 and float64.
    pub(crate) fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }
}

fn no_memory(bytes: u64) -> IntakeError {
    IntakeError::TooLarge(format!("there is no memory for its {}. Close other volumes, or crop it", human(bytes)))
}

fn read<T: Scalar>(stream: &mut Stream, size: [usize; 3], big_endian: bool) -> Result<(Array3<T>, Stats), IntakeError> {
    let [ni, nj, nk] = size;
    let count = ni * nj * nk;
    let expected = (count * T::BYTES) as u64;
    let no_memory = || no_memory(expected);
    let mut voxels = Vec::new();
    // Reserved, not touched: pages are only used as voxels arrive.
    voxels.try_reserve_exact(count).map_err(|_| no_memory())?;
    let mut buffer = vec![0u8; CHUNK];
    let mut stats = Stats::NONE;
    while voxels.len() < count {
        let start = voxels.len();
        let want = (count - start).saturating_mul(T::BYTES).min(CHUNK);
        let got = stream.fill(buffer.get_mut(..want).unwrap_or_default())?;
        if got < want {
            let found = (start * T::BYTES + got) as u64;
            return Err(IntakeError::Truncated { size: size.map(|n| n as u64), expected, found });
        }
        T::append(&mut voxels, buffer.get(..got).unwrap_or_default(), big_endian);
        stats = stats.with(T::stats(voxels.get(start..).unwrap_or_default()));
    }
    let array = Array3::from_shape_vec((nk, nj, ni), voxels).map_err(|_| no_memory())?;
    Ok((array, stats))
}

fn of_integers<T: Copy + Ord + Into<f64>>(values: &[T], lowest: T, highest: T) -> Stats {
    let (min, max) = values.iter().fold((highest, lowest), |(a, b), &v| (a.min(v), b.max(v)));
    Stats { min: min.into(), max: max.into(), not_finite: 0 }
}

/// 64-bit integers: the nearest double is near enough for a range.
trait Wide: Copy + Ord {
    fn nearest(self) -> f64;
}

impl Wide for u64 {
    fn nearest(self) -> f64 {
        self as f64
    }
}

impl Wide for i64 {
    fn nearest(self) -> f64 {
        self as f64
    }
}

fn of_wide<T: Wide>(values: &[T], lowest: T, highest: T) -> Stats {
    let (min, max) = values.iter().fold((highest, lowest), |(a, b), &v| (a.min(v), b.max(v)));
    Stats { min: min.nearest(), max: max.nearest(), not_finite: 0 }
}

fn of_floats<T: Copy + PartialOrd + Into<f64>>(values: &[T], lowest: T, highest: T) -> Stats {
    // Eight lanes side by side, so that the compiler can use vector instructions.
    const LANES: usize = 8;
    let mut low = [highest; LANES];
    let mut high = [lowest; LANES];
    let mut bad = [0u32; LANES];
    let mut one = |lane: usize, v: T| {
        if let (Some(low), Some(high), Some(bad)) = (low.get_mut(lane), high.get_mut(lane), bad.get_mut(lane)) {
            let finite = v >= lowest && v <= highest;
            *low = if finite && v < *low { v } else { *low };
            *high = if finite && v > *high { v } else { *high };
            *bad += u32::from(!finite);
        }
    };
    let (rows, rest) = values.as_chunks::<LANES>();
    for row in rows {
        for (lane, &v) in row.iter().enumerate() {
            one(lane, v);
        }
    }
    for &v in rest {
        one(0, v);
    }
    let not_finite: u64 = bad.iter().map(|&n| u64::from(n)).sum();
    if not_finite == values.len() as u64 {
        return Stats { not_finite, ..Stats::NONE };
    }
    let min = low.iter().fold(f64::INFINITY, |a, &v| a.min(v.into()));
    let max = high.iter().fold(f64::NEG_INFINITY, |a, &v| a.max(v.into()));
    Stats { min, max, not_finite }
}
