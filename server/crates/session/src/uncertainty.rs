//! Samples of the present state and what they say. They are drawn outside of the session, so that the next
//! prompt need not wait for them, and given up when it comes.

use crate::answer::LastAnswer;
use crate::state::Worker;
use crate::{Session, SessionError, Snapshot};
use isochrone_prompt::PlacedPrompt;
use isochrone_proposal::{Measure, measures};
use isochrone_segment::{Cancel, Draw, Estimator, RefinedTask, SegmentError, mask_on_grid, sample};
use isochrone_volume::{Grid, Mask};
use ndarray::Array3;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// How sure the engine is of a label's present mask.
#[derive(Debug, Clone)]
pub struct Uncertainty {
    /// The label.
    pub label: u32,
    /// The session's revision when it was asked for.
    pub revision: u64,
    /// Samples it rests on.
    pub samples: usize,
    /// Seed of these.
    pub seed: u64,
    /// Side of the working region's voxels, mm.
    pub working_spacing_mm: f64,
    /// The working region; the measures lie on this grid or on a coarser one over the same place.
    pub region: Grid,
    /// Mutual information of the voxels at the mask's boundary on average, nats (of all where there is no boundary).
    pub band_mean: f64,
    /// The measures, and where they were taken.
    pub measures: isochrone_proposal::Uncertainty,
}

impl Uncertainty {
    /// Mutual information `[k, j, i]` in nats, and where it lies.
    #[must_use]
    pub fn information(&self) -> (Grid, Array3<f32>) {
        (self.measures.grid.clone(), self.measures.map(Measure::default()).clone())
    }
}

/// Times that drawing samples may take as long as a step.
const SAMPLING: u32 = 4;

/// Samples to be drawn of the present state.
pub struct UncertaintyJob {
    id: u64,
    epoch: u64,
    revision: u64,
    label: u32,
    of: Arc<Snapshot>,
    mask: Arc<Mask>,
    answer: LastAnswer,
    /// The reader changed the answer since: the engine is asked about the mask as it is now, in this region.
    edited: Option<(Grid, Vec<PlacedPrompt>)>,
    worker: Worker,
    draw: Draw,
    cancel: Cancel,
    limit: Duration,
}

/// Where a job stands when it comes back to its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing has changed: its result holds.
    Current,
    /// The masks are other ones by now.
    Superseded {
        /// The session's present revision.
        by_revision: u64,
    },
}

impl Session {
    /// What is known of a label's present mask, if it rests on as many samples as asked (any number if `None`).
    #[must_use]
    pub fn uncertainty(&self, label: u32, samples: Option<usize>) -> Option<Arc<Uncertainty>> {
        self.derived.uncertainty(label).filter(|u| samples.is_none_or(|n| n == u.samples))
    }

    /// Samples of a label's present mask, to be drawn outside of the session in the engine's usual way.
    ///
    /// # Errors
    /// Unknown label; no prompt to draw from; an engine without samples.
    pub fn uncertainty_job(&mut self, label: u32, samples: usize) -> Result<UncertaintyJob, SessionError> {
        let usual = self.worker.engine.estimators().first().copied();
        let by = usual.ok_or_else(|| SegmentError::NoSamples(self.engine.name.clone()))?;
        self.uncertainty_job_by(label, samples, by)
    }

    /// As [`Session::uncertainty_job`], in a way of choice.
    ///
    /// # Errors
    /// Unknown label; no prompt to draw from. That the engine knows no such way shows when the job runs.
    pub fn uncertainty_job_by(
        &mut self,
        label: u32,
        samples: usize,
        by: Estimator,
    ) -> Result<UncertaintyJob, SessionError> {
        let state = self.label(label)?;
        let (answer, region) = self.last_answer(label)?;
        let prompts = || state.told.prompts.iter().map(|p| p.placed.clone()).collect();
        let edited = region.map(|region| (region, prompts()));
        let (of, mask) = (state.snapshot.clone(), state.mask(&self.worker.grid)?);
        let newest = self.steps().iter().rfind(|s| s.label == label && s.action.changes_mask());
        let seed = newest.map_or(self.seed, |s| s.seed);
        let cancel = Cancel::new();
        Ok(UncertaintyJob {
            id: self.derived.begin(&cancel),
            epoch: self.derived.epoch,
            revision: self.revision,
            label,
            of,
            mask,
            answer,
            edited,
            worker: self.worker.clone(),
            draw: Draw { t: samples, seed, by },
            cancel,
            limit: SAMPLING * self.limits.step,
        })
    }

    /// Takes a job's result in, if it still holds.
    pub fn settle(&mut self, job: &UncertaintyJob, found: Option<Arc<Uncertainty>>) -> Standing {
        self.derived.end(job.id);
        if job.epoch != self.derived.epoch {
            return Standing::Superseded { by_revision: self.revision };
        }
        if let Some(found) = found {
            self.derived.note(job.label, job.of.clone(), found);
        }
        Standing::Current
    }

    /// Grows with every change of a mask; work begun before it is of no use any more.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.derived.epoch
    }

    /// Ends all work on this session, for good.
    pub fn abandon(&mut self) {
        self.derived.supersede();
        self.derived.epoch += 1;
    }
}

impl UncertaintyJob {
    /// Stops the work when nobody waits for it any more.
    #[must_use]
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Draws the samples and measures them.
    ///
    /// # Errors
    /// Cancelled, or the engine failed.
    pub fn run(&self) -> Result<Uncertainty, SessionError> {
        let Worker { engine, prepared, .. } = &self.worker;
        let cancel = Cancel::within(self.limit, vec![self.cancel.clone()]);
        cancel.check()?;
        let answer;
        let task = match &self.edited {
            None => {
                answer = self.answer.find(&self.worker, &cancel)?;
                Cow::Borrowed(&answer.task)
            }
            Some((region, prompts)) => Cow::Owned(RefinedTask {
                region: region.clone(),
                prompts: prompts.clone(),
                previous: self.mask.as_ref().clone(),
                previous_box: self.of.content.region,
            }),
        };
        let samples = sample(engine.as_ref(), prepared, &task, self.draw, &cancel)?;
        let mask = mask_on_grid(&self.mask, &self.of.content.region, &samples.grid);
        let measures = measures(&samples, &mask)?;
        let [working_spacing_mm, ..] = task.region.spacing_mm();
        Ok(Uncertainty {
            label: self.label,
            revision: self.revision,
            samples: self.draw.t,
            seed: self.draw.seed,
            working_spacing_mm,
            region: task.region.clone(),
            band_mean: at_boundary(measures.map(Measure::default()), &mask),
            measures,
        })
    }
}

/// Mean of a map over the voxels `[k, j, i]` that have a face in common with the other side of a mask.
fn at_boundary(map: &Array3<f32>, mask: &Array3<bool>) -> f64 {
    let other_side = |k: usize, j: usize, i: usize, here: bool| {
        let faces = [
            (k.wrapping_sub(1), j, i),
            (k + 1, j, i),
            (k, j.wrapping_sub(1), i),
            (k, j + 1, i),
            (k, j, i.wrapping_sub(1)),
            (k, j, i + 1),
        ];
        faces.iter().any(|&at| mask.get(at).is_some_and(|&there| there != here))
    };
    let (mut sum, mut count) = (0.0, 0usize);
    for ((at, &value), &here) in map.indexed_iter().zip(mask) {
        if other_side(at.0, at.1, at.2, here) {
            sum += f64::from(value);
            count += 1;
        }
    }
    if count == 0 { f64::from(map.mean().unwrap_or_default()) } else { sum / count as f64 }
}
