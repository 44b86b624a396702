//! Forward passes for one group of new prompts, until the region fits.

use super::enclosing::Enclosing;
use super::local::Correction;
use super::merge::Merge;
use super::{New, RefineInput, Refined, RefinedTask, active, bound};
use crate::flood::Flood;
use crate::region::{Extent, Placement};
use crate::{Cancel, Candidate, Prepared, SegmentError, Segmenter, mask_on_grid};
use isochrone_prompt::Polarity;
use isochrone_volume::{Grid, Mask, VoxelBox};
use ndarray::{Array3, Zip};

/// Times a region may zoom out.
const MAX_ZOOMS: usize = 6;
/// Working voxels (of the first spacing) within which a component belongs to a prompt.
const REACH_VOXELS: f64 = 10.0;
/// Share of the region's side below which a new component is run again, finer.
const SMALL: f64 = 0.3;

/// One forward pass and what counts of it.
struct Pass {
    region: Grid,
    candidate: Candidate,
    /// The connected parts that count, `[k, j, i]` on the region.
    kept: Array3<bool>,
    kept_box: VoxelBox,
}

struct Run<'a> {
    engine: &'a dyn Segmenter,
    prepared: &'a Prepared,
    input: &'a RefineInput<'a>,
    cancel: &'a Cancel,
    active: Mask,
    active_box: VoxelBox,
    enclosing: Enclosing<'a>,
    forwards: usize,
}

pub(super) fn group<'a>(
    engine: &'a dyn Segmenter,
    prepared: &'a Prepared,
    input: &'a RefineInput<'a>,
    new: &New<'_>,
    cancel: &'a Cancel,
) -> Result<Refined, SegmentError> {
    let &New { prompts, renamed } = new;
    let policy = engine.describe().region;
    let grid = input.mask.grid().clone();
    let placement = Placement::new(&grid, policy, prompts.iter().flat_map(|p| p.reach_lps_mm()).collect())?;
    let (active, active_box) = active::component(input.mask, prompts, REACH_VOXELS * policy.first_spacing_mm);
    let enclosing = Enclosing::of(input.prompts, prompts, (&active, &active_box), cancel)?;
    let mut run = Run { engine, prepared, input, cancel, active, active_box, enclosing, forwards: 0 };
    let mut pass = run.zoomed_out(&placement)?;
    if active_box.is_empty() && run.forwards == 1 {
        pass = run.zoomed_in(&placement, pass)?;
    }
    let said = input.prompts.iter().filter(|p| p.has_place()).count();
    let late = !renamed && policy.local_from > 0 && said >= policy.local_from && !active_box.is_empty();
    let runs_out = placement.meets_border(&pass.region, &pass.kept_box)
        || bound::reaches_the_end(&pass.kept, &pass.region, input.mask.grid());
    let refined = run.finish(pass, if late { Correction::of(prompts) } else { None })?;
    Ok(Refined { runs_out, ..refined })
}

impl Run<'_> {
    /// Passes in ever wider regions, until what counts lies inside.
    fn zoomed_out(&mut self, placement: &Placement<'_>) -> Result<Pass, SegmentError> {
        let policy = self.engine.describe().region;
        let (mut region, mut spacing) = if self.active_box.is_empty() {
            (placement.first()?, placement.first_spacing_mm())
        } else {
            let extent = placement.around(self.input.mask.grid(), &self.active_box);
            let spacing = placement.spacing_for(&extent, policy.context);
            (placement.region(&extent, spacing)?, spacing)
        };
        spacing = spacing.max(Self::spacing_mm(&region));
        for _ in 0..MAX_ZOOMS {
            let pass = self.pass(region)?;
            let wider = (spacing * policy.zoom_out).min(policy.max_spacing_mm);
            if wider <= spacing * 1.001 || !placement.meets_border(&pass.region, &pass.kept_box) {
                return Ok(pass);
            }
            let extent = placement.around(&pass.region, &pass.kept_box);
            (region, spacing) = (placement.region(&extent, wider)?, wider);
        }
        self.pass(region)
    }

    /// Finer passes over a component that is small in its region. Where it fills such a region and goes on, it is not small:
    /// they zoom out again, up to the first spacing, until one holds it; otherwise the first pass stands.
    fn zoomed_in(&mut self, placement: &Placement<'_>, pass: Pass) -> Result<Pass, SegmentError> {
        let policy = self.engine.describe().region;
        let spacing = Self::spacing_mm(&pass.region);
        let mut extent: Extent = placement.around(&pass.region, &pass.kept_box);
        let mut finer = placement.spacing_for(&extent, 2.0);
        if pass.kept_box.is_empty() || extent.longest_mm() >= SMALL * placement.side_mm(spacing) {
            return Ok(pass);
        }
        for _ in 0..MAX_ZOOMS {
            if finer >= spacing * 0.95 {
                break;
            }
            let fine = self.pass(placement.region(&extent, finer)?)?;
            if fine.kept_box.is_empty() {
                break;
            }
            if !placement.meets_border(&fine.region, &fine.kept_box) {
                return Ok(fine);
            }
            extent = placement.around(&fine.region, &fine.kept_box);
            finer *= policy.zoom_out;
        }
        Ok(pass)
    }

    fn pass(&mut self, region: Grid) -> Result<Pass, SegmentError> {
        for prompt in self.input.prompts {
            self.cancel.check()?;
            prompt.look_at(&region);
        }
        let task = crate::Task {
            prompts: self.input.prompts,
            previous: &self.active,
            previous_box: self.active_box,
            other_labels: self.input.other_labels,
            region: &region,
        };
        let positive =
            self.input.prompts.iter().any(|p| p.polarity() == Polarity::Positive && !p.points_on(&region).is_empty());
        if !positive && self.active_box.is_empty() {
            return Err(SegmentError::NoPositivePrompt);
        }
        let best = self.engine.segment(self.prepared, &task, self.cancel)?.into_iter().next();
        self.forwards += 1;
        let mut candidate = best.filter(|c| c.probability.shape() == region.shape()).ok_or_else(|| {
            SegmentError::Unsupported(format!(
                "The engine {:?} gave no answer on its region",
                self.engine.describe().name
            ))
        })?;
        self.enclosing.clear(&mut candidate.probability, (&region, self.input.mask.grid()), self.cancel)?;
        bound::clear(&mut candidate.probability, &task, self.engine.describe().region.within_mm)?;
        let (kept, kept_box) = self.keep(&region, &candidate)?;
        Ok(Pass { region, candidate, kept, kept_box })
    }

    /// Connected parts that hold a positive prompt of this lesion, or overlap the active component.
    fn keep(&self, region: &Grid, candidate: &Candidate) -> Result<(Array3<bool>, VoxelBox), SegmentError> {
        let set = candidate.probability.map(|&p| p >= candidate.threshold);
        let mut flood = Flood::new(&set);
        for prompt in self.input.prompts {
            self.cancel.check()?;
            // A prompt in another component is that component's business.
            let elsewhere = self.input.mask.contains(prompt.voxel) && !self.active.contains(prompt.voxel);
            if prompt.polarity() == Polarity::Positive && !elsewhere {
                for voxel in prompt.points_on(region) {
                    flood.reach(voxel);
                }
            }
        }
        if !self.active_box.is_empty() {
            let active = mask_on_grid(&self.active, &self.active_box, region);
            for ((k, j, i), _) in active.indexed_iter().filter(|(_, set)| **set) {
                flood.reach([i, j, k]);
            }
        }
        Ok((flood.reached, flood.region))
    }

    fn finish(self, pass: Pass, correction: Option<Correction<'_>>) -> Result<Refined, SegmentError> {
        let mut probability = pass.candidate.probability.clone();
        let threshold = pass.candidate.threshold;
        Zip::from(&mut probability).and(&pass.kept).for_each(|p, &kept| {
            if !kept && *p >= threshold {
                *p = 0.0;
            }
        });
        let merge = Merge {
            region: &pass.region,
            probability,
            threshold,
            kept_box: pass.kept_box,
            active: &self.active,
            active_box: self.active_box,
            enclosing: &self.enclosing,
            correction,
        };
        let mut mask = self.input.mask.clone();
        let changed = merge.into_mask(&mut mask, self.input, self.cancel)?;
        let spacing_mm = Self::spacing_mm(&pass.region);
        let task = RefinedTask {
            region: pass.region,
            prompts: self.input.prompts.to_vec(),
            previous: self.active,
            previous_box: self.active_box,
        };
        let (candidate, forwards) = (pass.candidate, self.forwards);
        Ok(Refined { mask, changed, task, candidate, spacing_mm, forwards, runs_out: false })
    }

    fn spacing_mm(region: &Grid) -> f64 {
        let [spacing, ..] = region.spacing_mm();
        spacing
    }
}
