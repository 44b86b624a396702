//! What parent and child say to each other.

use super::masks::{SentMasks, Target};
use crate::dicom::{SeriesInfo, SeriesSummary};
use crate::error::FaultClass;
use crate::scalar::ScalarType;
use crate::suv::SuvOptions;
use crate::{IntakeError, Limits, ReadOptions};
use isochrone_volume::{DAffine3, Grid, Modality, Quantity, Rescale, VolumeOrigin};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::PathBuf;

/// What the child is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Job {
    Read,
    List,
    Masks,
    Registration,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) job: Job,
    pub(super) paths: Vec<OsString>,
    /// Of masks: where they go.
    pub(super) target: Option<Target>,
    /// Of a registration: from which frame of reference to which.
    pub(super) frames: Option<[String; 2]>,
    modality: Option<String>,
    series: Option<String>,
    blank_gaps: bool,
    suv: SuvOptions,
    max_voxel_bytes: u64,
    max_expansion: u64,
    free_expansion_bytes: u64,
    pub(super) address_space: u64,
    pub(super) cpu_seconds: u64,
}

impl Request {
    pub(super) fn new(job: Job, paths: &[PathBuf], options: &ReadOptions, child: &super::Child) -> Self {
        let limits = &options.limits;
        // Voxels once while they are read and once as shared memory; then the files themselves.
        let files = paths.iter().filter_map(|p| p.metadata().ok()).map(|m| m.len()).sum::<u64>();
        let room = limits.max_voxel_bytes.saturating_mul(2).saturating_add(files).saturating_add(child.spare_bytes);
        Self {
            job,
            paths: paths.iter().map(|p| p.clone().into_os_string()).collect(),
            target: None,
            frames: None,
            modality: options.modality.map(|m| m.code().to_owned()),
            series: options.series.clone(),
            blank_gaps: options.blank_gaps,
            suv: options.suv.clone(),
            max_voxel_bytes: limits.max_voxel_bytes,
            max_expansion: limits.max_expansion,
            free_expansion_bytes: limits.free_expansion_bytes,
            address_space: room,
            cpu_seconds: child.cpu.as_secs().max(1),
        }
    }

    pub(super) fn options(&self) -> ReadOptions {
        ReadOptions {
            modality: self.modality.as_deref().and_then(Modality::from_code),
            series: self.series.clone(),
            blank_gaps: self.blank_gaps,
            suv: self.suv.clone(),
            limits: Limits {
                max_voxel_bytes: self.max_voxel_bytes,
                max_expansion: self.max_expansion,
                free_expansion_bytes: self.free_expansion_bytes,
            },
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Image(Box<Described>),
    List(Vec<SeriesSummary>),
    Masks(SentMasks),
    /// As bits, so that not the last one changes.
    Registration([u64; 12]),
    Choose(Vec<SeriesSummary>),
    Fault {
        class: FaultClass,
        text: String,
    },
}

impl Answer {
    pub(super) fn fault(error: IntakeError) -> Self {
        match error {
            IntakeError::Choose(list) => Self::Choose(list),
            error => Self::Fault { class: error.class(), text: error.to_string() },
        }
    }
}

/// A volume but for its voxels. Numbers travel as their bits, so that not the last one changes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Described {
    size: [usize; 3],
    world_from_voxel: [u64; 12],
    pub(super) scalar: ScalarType,
    rescale: [u64; 2],
    modality: String,
    quantity: u8,
    inferred: bool,
    frame_of_reference: Option<String>,
    warnings: Vec<String>,
    pub(super) series: Option<SeriesInfo>,
}

const QUANTITIES: [Quantity; 3] = [Quantity::Arbitrary, Quantity::Hounsfield, Quantity::SuvBw];

impl Described {
    pub(super) fn new(
        grid: &Grid,
        scalar: ScalarType,
        rescale: Rescale,
        origin: VolumeOrigin,
        series: Option<SeriesInfo>,
    ) -> Self {
        Self {
            size: grid.size(),
            world_from_voxel: grid.world_from_voxel().to_cols_array().map(f64::to_bits),
            scalar,
            rescale: [rescale.slope, rescale.intercept].map(f64::to_bits),
            modality: origin.modality.code().to_owned(),
            quantity: QUANTITIES
                .iter()
                .position(|q| *q == origin.quantity)
                .and_then(|n| u8::try_from(n).ok())
                .unwrap_or(0),
            inferred: origin.inferred,
            frame_of_reference: origin.frame_of_reference,
            warnings: origin.warnings,
            series,
        }
    }

    pub(super) fn grid(&self) -> Result<Grid, IntakeError> {
        let columns = self.world_from_voxel.map(f64::from_bits);
        Ok(Grid::new(self.size, DAffine3::from_cols_array(&columns))?)
    }

    pub(super) fn rescale(&self) -> Rescale {
        let [slope, intercept] = self.rescale.map(f64::from_bits);
        Rescale { slope, intercept }
    }

    pub(super) fn origin(&self) -> VolumeOrigin {
        VolumeOrigin {
            modality: Modality::from_code(&self.modality).unwrap_or(Modality::Other),
            quantity: QUANTITIES.get(usize::from(self.quantity)).copied().unwrap_or(Quantity::Arbitrary),
            inferred: self.inferred,
            frame_of_reference: self.frame_of_reference.clone(),
            warnings: self.warnings.clone(),
        }
    }
}
