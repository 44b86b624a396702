use crate::{DAffine3, Grid, VolumeError, VoxelBox};
use ndarray::{Array3, ArrayView3};
use std::sync::Arc;

/// Kind of scanner an image comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Modality {
    /// Computed tomography.
    Ct,
    /// Magnetic resonance.
    Mr,
    /// Positron emission tomography.
    Pt,
    /// Anything else, or not known.
    Other,
}

impl Modality {
    /// The DICOM defined term (PS3.3 C.7.3.1.1.1).
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Ct => "CT",
            Self::Mr => "MR",
            Self::Pt => "PT",
            Self::Other => "OT",
        }
    }

    /// Reads a DICOM defined term, in any case; `PET` and `MRI` are understood too.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        match code.to_ascii_uppercase().as_str() {
            "CT" => Some(Self::Ct),
            "MR" | "MRI" => Some(Self::Mr),
            "PT" | "PET" => Some(Self::Pt),
            "OT" => Some(Self::Other),
            _ => None,
        }
    }
}

/// What a voxel's value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// Hounsfield units (CT).
    Hounsfield,
    /// Standardised uptake value by body weight, g/mL (PET).
    SuvBw,
    /// Arbitrary units.
    Arbitrary,
}

/// `value = slope · stored + intercept`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rescale {
    /// Units of the value for one stored unit.
    pub slope: f64,
    /// Value at stored zero.
    pub intercept: f64,
}

impl Rescale {
    /// Stored values are the values.
    pub const IDENTITY: Self = Self { slope: 1.0, intercept: 0.0 };
}

/// What is known of an image besides its voxels.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeOrigin {
    /// Scanner kind.
    pub modality: Modality,
    /// Meaning of a value.
    pub quantity: Quantity,
    /// True if modality and quantity were guessed from the values, not told.
    pub inferred: bool,
    /// Frame of reference UID: two volumes that share it share patient coordinates.
    /// `None`: one is minted from the content (formats without one).
    pub frame_of_reference: Option<String>,
    /// What the reader should know, one sentence each; no patient data.
    pub warnings: Vec<String>,
}

macro_rules! voxels {
    ($($variant:ident $scalar:ty, $name:literal;)*) => {
        /// Voxels `[k, j, i]` in the scalar type in which they were stored.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Voxels { $(#[doc = concat!("Stored as ", $name, ".")] $variant(Array3<$scalar>),)* }

        impl Voxels {
            /// Shape `[k, j, i]`.
            #[must_use]
            pub fn shape(&self) -> [usize; 3] {
                let (k, j, i) = match self { $(Self::$variant(a) => a.dim(),)* };
                [k, j, i]
            }

            /// Name of the stored type, such as `int16`.
            #[must_use]
            pub fn scalar_name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            /// A box as `f32` values, rescaled.
            fn values(&self, region: &VoxelBox, rescale: Rescale) -> Array3<f32> {
                let Rescale { slope, intercept } = rescale;
                match self { $(Self::$variant(a) => {
                    a.slice(region.slice()).map(|&v| (v as f64 * slope + intercept) as f32)
                })* }
            }

            fn hash_into(&self, hasher: &mut blake3::Hasher) {
                match self { $(Self::$variant(a) => hash_rows(a.view(), hasher, |v, out| out.extend_from_slice(&v.to_le_bytes())),)* }
            }
        }
    };
}

voxels! {
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

fn hash_rows<T: bytemuck::NoUninit>(
    array: ArrayView3<'_, T>,
    hasher: &mut blake3::Hasher,
    bytes: impl Fn(T, &mut Vec<u8>),
) {
    if let Some(voxels) = array.as_slice().filter(|_| cfg!(target_endian = "little")) {
        hasher.update_rayon(bytemuck::cast_slice(voxels));
        return;
    }
    let mut buffer = Vec::new();
    for slice in array.outer_iter() {
        buffer.clear();
        slice.iter().for_each(|&v| bytes(v, &mut buffer));
        hasher.update_rayon(&buffer);
    }
}

/// An image: voxels, where they are in the patient, and what they mean. Never changes once made.
#[derive(Debug, Clone)]
pub struct Volume {
    grid: Arc<Grid>,
    voxels: Voxels,
    rescale: Rescale,
    origin: VolumeOrigin,
    frame_of_reference: String,
    content_hash: [u8; 32],
}

impl Volume {
    /// Puts voxels on a grid.
    ///
    /// # Errors
    /// The array's shape is not the grid's.
    pub fn new(grid: Grid, voxels: Voxels, rescale: Rescale, origin: VolumeOrigin) -> Result<Self, VolumeError> {
        if voxels.shape() != grid.shape() {
            return Err(VolumeError::Shape { expected: grid.shape(), got: voxels.shape() });
        }
        let mut hasher = blake3::Hasher::new();
        for n in grid.world_from_voxel().to_cols_array() {
            hasher.update(&n.to_le_bytes());
        }
        for n in grid.size() {
            hasher.update(&(n as u64).to_le_bytes());
        }
        hasher.update(&rescale.slope.to_le_bytes());
        hasher.update(&rescale.intercept.to_le_bytes());
        hasher.update(voxels.scalar_name().as_bytes());
        voxels.hash_into(&mut hasher);
        let content_hash: [u8; 32] = hasher.finalize().into();
        let frame_of_reference = origin.frame_of_reference.clone().unwrap_or_else(|| minted_uid(&content_hash));
        Ok(Self { grid: Arc::new(grid), voxels, rescale, origin, frame_of_reference, content_hash })
    }

    /// The same voxels elsewhere: moved by `target_from_source` (LPS mm, rigid) into another frame of reference, with a
    /// sentence about it among the warnings.
    ///
    /// # Errors
    /// Geometry that a grid refuses.
    pub fn moved(
        &self,
        target_from_source: DAffine3,
        frame_of_reference: &str,
        warning: &str,
    ) -> Result<Self, VolumeError> {
        let grid = Grid::new(self.grid.size(), target_from_source * self.grid.world_from_voxel())?;
        let mut origin = self.origin.clone();
        origin.frame_of_reference = Some(frame_of_reference.to_owned());
        origin.warnings.push(warning.to_owned());
        Self::new(grid, self.voxels.clone(), self.rescale, origin)
    }

    /// Where the voxels are.
    #[must_use]
    pub fn grid(&self) -> &Arc<Grid> {
        &self.grid
    }

    /// Stored voxels `[k, j, i]`, before [`Volume::rescale`].
    #[must_use]
    pub fn voxels(&self) -> &Voxels {
        &self.voxels
    }

    /// From stored to real values.
    #[must_use]
    pub fn rescale(&self) -> Rescale {
        self.rescale
    }

    /// Scanner kind.
    #[must_use]
    pub fn modality(&self) -> Modality {
        self.origin.modality
    }

    /// Meaning of a value.
    #[must_use]
    pub fn quantity(&self) -> Quantity {
        self.origin.quantity
    }

    /// Modality, quantity, whether they were inferred, and the warnings.
    #[must_use]
    pub fn origin(&self) -> &VolumeOrigin {
        &self.origin
    }

    /// Frame of reference UID, given or minted from the content (`2.25.…`, PS3.5 B.2).
    #[must_use]
    pub fn frame_of_reference(&self) -> &str {
        &self.frame_of_reference
    }

    /// BLAKE3 of geometry, scaling and voxels.
    #[must_use]
    pub fn content_hash(&self) -> [u8; 32] {
        self.content_hash
    }

    /// The values of a box `[k, j, i]`, rescaled. The box is cut to the grid.
    #[must_use]
    pub fn values(&self, region: &VoxelBox) -> Array3<f32> {
        let region = region.intersection(&VoxelBox::whole(self.grid.size()));
        self.voxels.values(&region, self.rescale)
    }

    /// The value of one voxel `(i, j, k)`; `None` outside.
    #[must_use]
    pub fn value(&self, [i, j, k]: [usize; 3]) -> Option<f32> {
        let one = VoxelBox { min: [i, j, k], max: [i + 1, j + 1, k + 1] };
        self.values(&one).first().copied()
    }
}

fn minted_uid(hash: &[u8; 32]) -> String {
    let number = hash.iter().take(16).fold(0u128, |n, &b| n << 8 | u128::from(b));
    format!("2.25.{number}")
}
