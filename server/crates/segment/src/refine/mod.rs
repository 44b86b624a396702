//! One step: from the newest prompts to the label's new mask.

mod active;
mod bound;
mod enclosing;
mod local;
mod merge;
mod run;

pub(crate) use enclosing::Enclosing;

use crate::{Cancel, Candidate, Draw, Prepared, Samples, SegmentError, Segmenter, Task};
use isochrone_prompt::{PlacedPrompt, Polarity};
use isochrone_volume::{Grid, Mask, VoxelBox};

/// What the reader has done so far with one label.
#[derive(Debug, Clone, Copy)]
pub struct RefineInput<'a> {
    /// All prompts of the label, oldest first.
    pub prompts: &'a [PlacedPrompt],
    /// How many of the last ones are new; 0 counts as 1.
    pub newest: usize,
    /// The label's present mask, on the volume's grid.
    pub mask: &'a Mask,
    /// Masks of the session's other labels, on the same grid: their voxels are never taken.
    pub other_labels: &'a [&'a Mask],
}

/// A task that owns what it needs, so that samples can be drawn after the mask is out.
#[derive(Debug, Clone)]
pub struct RefinedTask {
    /// The working region of the accepted forward pass.
    pub region: Grid,
    /// The label's prompts, oldest first.
    pub prompts: Vec<PlacedPrompt>,
    /// The component(s) under the newest prompts before this step, on the volume's grid.
    pub previous: Mask,
    /// The box outside which `previous` is empty.
    pub previous_box: VoxelBox,
}

impl RefinedTask {
    /// The same as the engine takes it.
    #[must_use]
    pub fn task<'a>(&'a self, other_labels: &'a [&'a Mask]) -> Task<'a> {
        Task {
            prompts: &self.prompts,
            previous: &self.previous,
            previous_box: self.previous_box,
            other_labels,
            region: &self.region,
        }
    }
}

/// What a step made.
#[derive(Debug, Clone)]
pub struct Refined {
    /// The label's whole new mask, on the volume's grid.
    pub mask: Mask,
    /// The smallest box outside which it equals the old one; empty if nothing changed.
    pub changed: VoxelBox,
    /// The task of the accepted forward pass (of the last group, where prompts lay far apart).
    pub task: RefinedTask,
    /// The engine's answer to it.
    pub candidate: Candidate,
    /// Spacing of the region, mm.
    pub spacing_mm: f64,
    /// Forward passes it took.
    pub forwards: usize,
    /// The component ends at the border of the volume, or of the widest region: it may have run out of the lesion.
    pub runs_out: bool,
}

/// Segments round the newest prompts and puts the result into the label's mask.
///
/// - The **active component** is the part of the mask that holds a new prompt, else the parts that
///   come within ten working voxels of it. Without one, a region of the policy's first spacing is
///   centred on the prompt; with one, a region is fitted to the component and the prompt.
/// - Of the answer, connected parts count that hold a positive prompt or overlap the active component.
/// - While they meet the region's border inside the volume, the region zooms out. A new component
///   that is small in its region is run again, finer; where it fills that region too, that one zooms out in turn.
/// - In the region, the answer replaces the active component. Everything else of the mask stays: voxels
///   outside the region, other components; and voxels of other labels are not taken.
/// - From the policy's `local_from`th prompt on, only those changes count that are connected to a new prompt
///   and of its sign: a late correction leaves the rest of the lesion as the reader has accepted it.
/// - A positive prompt's own voxels are set and a negative prompt's cleared, whatever the engine says, so
///   that every prompt has an effect (those of a lasso, of a box round the lesion and of extreme points are
///   hints only); of several on one voxel, the newest wins. Where the reader has drawn the label's border, its plane
///   holds nothing else beside it.
/// - What lies outside of a box round the lesion, or of extreme points, is cleared; of those on a plane, beside them on
///   that plane. A newer positive prompt beyond it lifts the box.
/// - What is new lies within the policy's bound round positive prompts, if it has one.
/// - A label name on its own, without a place, asks anew at every positive prompt so far.
/// - New prompts too far apart for one region are worked one group after the other.
///
/// # Errors
/// [`SegmentError::NoPositivePrompt`] where there is neither a positive prompt in the region nor a
/// component; cancelled; or the engine failed.
pub fn refine(
    engine: &dyn Segmenter,
    prepared: &Prepared,
    input: &RefineInput<'_>,
    cancel: &Cancel,
) -> Result<Refined, SegmentError> {
    let policy = engine.describe().region;
    let prompts: Vec<PlacedPrompt> = input
        .prompts
        .iter()
        .map(|p| Ok(engine.settle(prepared, p, cancel)?.unwrap_or_else(|| p.clone())))
        .collect::<Result<_, SegmentError>>()?;
    let input = RefineInput { prompts: &prompts, ..*input };
    let newest = input.newest.clamp(1, input.prompts.len().max(1));
    let new = input.prompts.get(input.prompts.len().saturating_sub(newest)..).unwrap_or_default();
    let mut new: Vec<&PlacedPrompt> = new.iter().filter(|p| p.has_place()).collect();
    let renamed = new.is_empty();
    if renamed {
        new = input.prompts.iter().filter(|p| p.has_place() && p.polarity() == Polarity::Positive).collect();
    }
    let mut done: Option<Refined> = None;
    for group in active::groups(&new, &policy) {
        cancel.check()?;
        let mask = done.as_ref().map_or(input.mask, |d| &d.mask);
        let input = RefineInput { mask, ..input };
        let mut refined = run::group(engine, prepared, &input, &New { prompts: &group, renamed }, cancel)?;
        if let Some(before) = done {
            refined.changed = refined.changed.union(&before.changed);
            refined.forwards += before.forwards;
            refined.runs_out |= before.runs_out;
        }
        done = Some(refined);
    }
    done.ok_or(SegmentError::NoPositivePrompt)
}

/// The new prompts of one group.
struct New<'a> {
    prompts: &'a [&'a PlacedPrompt],
    /// They are not new, but their label has another name now: nothing of its mask has been accepted as such.
    renamed: bool,
}

/// Draws samples of a step that was made before; nothing is encoded again if the
/// engine still remembers it.
///
/// # Errors
/// As [`Segmenter::sample`].
pub fn sample(
    engine: &dyn Segmenter,
    prepared: &Prepared,
    task: &RefinedTask,
    draw: Draw,
    cancel: &Cancel,
) -> Result<Samples, SegmentError> {
    engine.sample(prepared, &task.task(&[]), draw, cancel)
}
