//! Whether the uncertainty points at the actual errors, and whether the probability means what it says.

use super::Table;
use isochrone_guidance::distance_transform;
use isochrone_proposal::Measure;
use isochrone_robot::{Calibration, auroc};
use isochrone_segment::{Estimator, content_box, mask_on_grid};
use isochrone_session::{Session, Uncertainty};
use isochrone_volume::{Grid, Mask, resample};
use ndarray::Array3;
use std::time::Instant;

/// Half-width of the band round the mask's boundary in which voxels are judged, mm.
const BAND_MM: f32 = 10.0;
/// Bins of the calibration error.
const BINS: usize = 15;

/// The measures that are compared.
pub(super) const MEASURES: [(Measure, &str); 4] = [
    (Measure::MutualInformation, "mutual_information"),
    (Measure::Entropy, "entropy"),
    (Measure::Variance, "variance"),
    (Measure::Wrong, "expected_error"),
];

/// One estimator after one click.
pub(super) struct Look {
    pub click: usize,
    pub estimator: &'static str,
    /// Area under the ROC curve of each of [`MEASURES`] against the error; `None` where nothing or all is wrong.
    pub auroc: [Option<f64>; MEASURES.len()],
    /// Of the mean probability.
    pub calibration: Calibration,
    /// Drawing and measuring.
    pub ms: f64,
    /// Voxels that were judged, and those of them that are wrong.
    pub voxels: usize,
    pub wrong: usize,
}

/// All estimators that were asked for, on a label's present mask.
pub(super) fn looks(table: &Table<'_>, session: &mut Session, label: u32, click: usize) -> anyhow::Result<Vec<Look>> {
    let usual = table.engine.estimators().into_iter().take(1);
    let asked = table.args.estimators.iter().map(|e| e.estimator());
    let estimators: Vec<Estimator> = if table.args.estimators.is_empty() { usual.collect() } else { asked.collect() };
    let mut looks = Vec::new();
    for by in estimators {
        let started = Instant::now();
        let job = session.uncertainty_job_by(label, usize::from(table.args.samples), by)?;
        let found = job.run()?;
        let ms = started.elapsed().as_secs_f64() * 1000.0;
        let (mask, _) = session.mask(label)?;
        looks.push(judged(&found, &mask, &table.truth, Look { click, estimator: name(by), ms, ..Look::nothing() })?);
    }
    Ok(looks)
}

fn name(by: Estimator) -> &'static str {
    match by {
        Estimator::Dropout => "dropout",
        Estimator::Augmentation => "augmentation",
        Estimator::ErrorHead => "error-head",
    }
}

impl Look {
    fn nothing() -> Self {
        Self {
            click: 0,
            estimator: "",
            auroc: [None; MEASURES.len()],
            calibration: Calibration::default(),
            ms: 0.0,
            voxels: 0,
            wrong: 0,
        }
    }
}

fn judged(found: &Uncertainty, mask: &Mask, truth: &Mask, look: Look) -> anyhow::Result<Look> {
    let region = &found.region;
    let on_region =
        |mask: &Mask| mask_on_grid(mask, &content_box(mask, &resample::footprint(mask.grid(), region)), region);
    let (ours, theirs) = (on_region(mask), on_region(truth));
    let band = band(&ours, region, truth.grid())?;
    let inside = |map: &Array3<f32>| {
        let fine = resample::to_grid(map.view(), &found.measures.grid, region, 0.0);
        fine.iter().zip(&band).filter(|(_, band)| **band).map(|(v, _)| *v).collect::<Vec<f32>>()
    };
    let of =
        |map: &Array3<bool>| map.iter().zip(&band).filter(|(_, band)| **band).map(|(v, _)| *v).collect::<Vec<bool>>();
    let (ours, theirs) = (of(&ours), of(&theirs));
    let wrong: Vec<bool> = ours.iter().zip(&theirs).map(|(a, b)| a != b).collect();
    Ok(Look {
        auroc: MEASURES.map(|(measure, _)| auroc(&inside(found.measures.map(measure)), &wrong)),
        calibration: Calibration::of(&inside(&found.measures.mean), &theirs, BINS),
        voxels: wrong.len(),
        wrong: wrong.iter().filter(|w| **w).count(),
        ..look
    })
}

/// Voxels `[k, j, i]` of a region inside the volume, at most [`BAND_MM`] from a mask's boundary.
fn band(mask: &Array3<bool>, region: &Grid, volume: &Grid) -> anyhow::Result<Array3<bool>> {
    let [i, j, k] = region.spacing_mm().map(|s| s as f32);
    let (inside, outside) = (
        distance_transform(mask.view(), [k, j, i], false)?,
        distance_transform(mask.map(|set| !set).view(), [k, j, i], false)?,
    );
    let mut band = Array3::from_elem(mask.raw_dim(), false);
    for ((at, band), (a, b)) in band.indexed_iter_mut().zip(inside.iter().zip(&outside)) {
        *band = a.max(*b) <= BAND_MM && volume.voxel_at(region.centre_mm([at.2, at.1, at.0])).is_some();
    }
    Ok(band)
}
