//! The whole volume, looked over in the background: a prediction where the network makes one, and uncertainty
//! everywhere, before anybody has pointed anywhere.

use crate::rank::{only, slices};
use crate::state::Worker;
use crate::{Session, SessionError};
use isochrone_proposal::{Measure, RankInput, RankOptions, Ranking, measures, rank_slices};
use isochrone_segment::{Cancel, Draw, Estimator, SegmentError, SweepPlan, Swept, content_box, mask_on_grid};
use isochrone_volume::{Axis, DAffine3, DVec3, Grid, Mask, Volume, VoxelBox, resample};
use ndarray::{Array3, Zip};
use std::sync::Arc;

/// What a sweep found.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// Samples a window.
    pub samples: usize,
    /// Seed of these.
    pub seed: u64,
    /// Working spacing, mm.
    pub working_spacing_mm: f64,
    /// Windows that were worked, and those that held only air.
    pub windows: [usize; 2],
    /// Where the maps lie: the whole volume, coarsely.
    pub grid: Grid,
    /// Mean probability of the samples `[k, j, i]`.
    pub mean: Array3<f32>,
    /// Mutual information (of a single sample: entropy), nats.
    pub information: Array3<f32>,
    /// The answer without a prompt, at working spacing, where the network was trained to give one.
    pub prediction: Option<(Grid, Array3<f32>)>,
}

/// A sweep to be made outside of the session.
pub struct SweepJob {
    worker: Worker,
    volume: Arc<Volume>,
    draw: Draw,
    cancel: Cancel,
}

impl Session {
    /// A sweep over the session's images.
    ///
    /// # Errors
    /// The engine cannot look a volume over.
    pub fn sweep_job(&self, samples: usize) -> Result<SweepJob, SessionError> {
        if self.worker.engine.sweep_policy().is_none() {
            return Err(SegmentError::NoSamples(self.engine.name.clone()).into());
        }
        let draw = Draw { t: samples, seed: self.seed, by: Estimator::Dropout };
        Ok(SweepJob { worker: self.worker.clone(), volume: self.volume.clone(), draw, cancel: Cancel::new() })
    }

    /// True while a label has no prompt that counts.
    ///
    /// # Errors
    /// Unknown label.
    pub fn unprompted(&self, label: u32) -> Result<bool, SessionError> {
        Ok(self.label(label)?.told.prompts.is_empty())
    }

    /// Keeps what a sweep found.
    pub fn settle_sweep(&mut self, found: Arc<Sweep>) {
        self.sweep = Some(found);
    }

    /// What the last sweep found.
    #[must_use]
    pub fn swept(&self) -> Option<Arc<Sweep>> {
        self.sweep.clone()
    }

    /// Ranks the slices of the whole volume for a label, best first; what is known of the region of its last prompt
    /// takes the sweep's place there. Without a label, as for an empty one.
    ///
    /// # Errors
    /// Unknown label; no sweep yet.
    pub fn rank_everywhere(
        &mut self,
        label: Option<u32>,
        count: usize,
        axes: &[Axis],
    ) -> Result<Ranking, SessionError> {
        let sweep = self.sweep.clone().ok_or(SessionError::Nothing("The volume has not been looked over yet"))?;
        let empty;
        let (mask, corrected, accepted) = match label {
            Some(label) => {
                let state = self.label(label)?;
                (state.mask(&self.worker.grid)?, self.corrected(label), self.accepted(label)?)
            }
            None => {
                empty = Arc::new(Mask::empty(self.worker.grid.clone()));
                (empty, Vec::new(), Vec::new())
            }
        };
        let prompts = label.map_or_else(Vec::new, |label| self.prompted(label));
        let mut wrong = sweep.wrong(&mask);
        if let Some(found) = label.and_then(|label| self.derived.uncertainty(label)) {
            let fresh = found.measures.map(Measure::Wrong);
            let fresh = resample::to_grid(fresh.view(), &found.measures.grid, &sweep.grid, -1.0);
            Zip::from(&mut wrong).and(&fresh).for_each(|wrong, &fresh| {
                if fresh >= 0.0 {
                    *wrong = fresh;
                }
            });
        }
        let input = RankInput {
            wrong: &wrong,
            wrong_grid: &sweep.grid,
            mask: &mask,
            prompts: &prompts,
            corrected: &corrected,
            accepted: &accepted,
        };
        let options = RankOptions { limit: count * Axis::ALL.len(), ..RankOptions::new(sweep.working_spacing_mm) };
        let mut ranked = rank_slices(&input, &options)?;
        only(&mut ranked, count, axes);
        if let Some(label) = label {
            self.derived.propose(label, slices(&ranked));
        }
        Ok(ranked)
    }
}

impl Sweep {
    /// Probability that a mask is wrong, on the sweep's grid.
    fn wrong(&self, mask: &Mask) -> Array3<f32> {
        let content = content_box(mask, &VoxelBox::whole(mask.grid().size()));
        let inside = mask_on_grid(mask, &content, &self.grid);
        Zip::from(&self.mean).and(&inside).par_map_collect(|&p, &set| if set { 1.0 - p } else { p })
    }
}

impl SweepJob {
    /// Stops the work when nobody waits for it any more.
    #[must_use]
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Works window after window, and tells `progress` how many are done, and of how many.
    ///
    /// # Errors
    /// Cancelled, or the engine failed.
    pub fn run(&self, progress: &mut dyn FnMut(usize, usize)) -> Result<Sweep, SessionError> {
        let Worker { engine, prepared, .. } = &self.worker;
        let policy = engine.sweep_policy().ok_or_else(|| SegmentError::NoSamples(engine.describe().name))?;
        let plan = SweepPlan::new(&self.volume, &policy)?;
        let total = plan.windows.len();
        let mut whole = Mosaic::new(&plan);
        progress(0, total);
        for (n, window) in plan.windows.iter().enumerate() {
            self.cancel.check()?;
            let grid = plan.whole.crop(window)?;
            whole.take(window, &engine.sweep(prepared, &grid, self.draw, &self.cancel)?)?;
            progress(n + 1, total);
        }
        let (mean, information) = (whole.mean.done(), whole.information.done());
        let grid = coarser(&plan.whole, whole.factor)?;
        let prediction = whole.prediction.map(|p| (plan.whole.clone(), p.done()));
        Ok(Sweep {
            samples: self.draw.t,
            seed: self.draw.seed,
            working_spacing_mm: policy.spacing_mm,
            windows: [total, plan.empty],
            grid,
            mean,
            information,
            prediction,
        })
    }
}

/// Windows put together; where they overlap, each counts the more the deeper a voxel lies in it.
struct Mosaic {
    /// Working voxels per voxel of a sample, along each axis.
    factor: usize,
    whole: [usize; 3],
    mean: Blend,
    information: Blend,
    prediction: Option<Blend>,
}

impl Mosaic {
    fn new(plan: &SweepPlan) -> Self {
        let empty = || Blend::new([0; 3]);
        Self { factor: 1, whole: plan.whole.size(), mean: empty(), information: empty(), prediction: None }
    }

    fn take(&mut self, window: &VoxelBox, swept: &Swept) -> Result<(), SessionError> {
        let nothing = Array3::from_elem(swept.samples.grid.shape(), false);
        let found = measures(&swept.samples, &nothing)?;
        if self.mean.is_empty() {
            let [coarse, ..] = swept.samples.grid.size();
            let [fine, ..] = window.size();
            self.factor = (fine / coarse.max(1)).max(1);
            let size = self.whole.map(|n| n / self.factor);
            (self.mean, self.information) = (Blend::new(size), Blend::new(size));
        }
        let coarse = window.min.map(|n| n / self.factor);
        self.mean.add(coarse, &found.mean);
        self.information.add(coarse, found.map(Measure::MutualInformation));
        if let Some(probability) = &swept.probability {
            let whole = self.whole;
            self.prediction.get_or_insert_with(|| Blend::new(whole)).add(window.min, probability);
        }
        Ok(())
    }
}

/// A weighted mean of overlapping maps `[k, j, i]`.
struct Blend {
    sum: Array3<f32>,
    weight: Array3<f32>,
}

impl Blend {
    fn new([i, j, k]: [usize; 3]) -> Self {
        Self { sum: Array3::zeros((k, j, i)), weight: Array3::zeros((k, j, i)) }
    }

    fn is_empty(&self) -> bool {
        self.sum.is_empty()
    }

    fn add(&mut self, at: [usize; 3], map: &Array3<f32>) {
        let (nk, nj, ni) = map.dim();
        let [i, j, k] = at;
        let within = VoxelBox { min: at, max: [i + ni, j + nj, k + nk] };
        let depth = |n: usize, size: usize| (n + 1).min(size - n) as f32;
        let mut sum = self.sum.slice_mut(within.slice());
        let mut weight = self.weight.slice_mut(within.slice());
        Zip::indexed(&mut sum).and(&mut weight).and(map).for_each(|(k, j, i), sum, weight, &value| {
            let w = depth(k, nk) * depth(j, nj) * depth(i, ni);
            *sum += w * value;
            *weight += w;
        });
    }

    /// The mean; 0 where no window was worked.
    fn done(self) -> Array3<f32> {
        let mut mean = self.sum;
        mean.zip_mut_with(&self.weight, |sum, &weight| *sum = if weight > 0.0 { *sum / weight } else { 0.0 });
        mean
    }
}

/// The grid whose voxels cover `factor`³ voxels of `fine` each.
fn coarser(fine: &Grid, factor: usize) -> Result<Grid, SessionError> {
    let affine = fine.world_from_voxel();
    let middle = affine.transform_point3(DVec3::splat((factor as f64 - 1.0) / 2.0));
    let coarse = DAffine3 { matrix3: affine.matrix3 * factor as f64, translation: middle };
    Ok(Grid::new(fine.size().map(|n| n / factor), coarse)?)
}
