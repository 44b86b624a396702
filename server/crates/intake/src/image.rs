use crate::IntakeError;
use crate::dicom::{Plan, SeriesInfo};
use crate::scalar::allocate;
use isochrone_volume::{Grid, Rescale, Volume, VolumeOrigin, Voxels};

/// An image that was read.
#[derive(Debug, Clone)]
pub struct Image {
    /// The voxels, where they are and what they mean.
    pub volume: Volume,
    /// DICOM: what a derived object needs to point back.
    pub series: Option<SeriesInfo>,
}

/// A volume before it is put together.
pub(crate) struct Parts {
    pub(crate) grid: Grid,
    pub(crate) voxels: Voxels,
    pub(crate) rescale: Rescale,
    pub(crate) origin: VolumeOrigin,
}

/// An image of which all but, for DICOM, the voxels is known.
pub(crate) enum Opened {
    Parts(Box<Parts>),
    Series(Box<Plan>),
}

impl Opened {
    /// Puts it together in this process.
    pub(crate) fn image(self) -> Result<Image, IntakeError> {
        match self {
            Self::Parts(parts) => {
                let Parts { grid, voxels, rescale, origin } = *parts;
                Ok(Image { volume: Volume::new(grid, voxels, rescale, origin)?, series: None })
            }
            Self::Series(plan) => {
                let voxels = allocate(plan.scalar, plan.grid.shape(), |out| plan.decode_bytes(out))?;
                let Plan { grid, rescale, origin, mut info, .. } = *plan;
                let volume = Volume::new(grid, voxels, rescale, origin)?;
                volume.frame_of_reference().clone_into(&mut info.frame_of_reference);
                Ok(Image { volume, series: Some(info) })
            }
        }
    }
}
