//! What a proposed slice is worth, beside a random one and the best one.

use super::Table;
use isochrone_prompt::{Click, Polarity, Prompt};
use isochrone_robot::{centre_click, centre_click_on_slice, dice};
use isochrone_session::{Session, SessionError, SliceRef};
use isochrone_volume::{Axis, Mask};
use ndarray::{Array3, Zip};
use rand::SeedableRng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

/// How far from the mask a random slice may lie, mm.
const NEAR_MM: f64 = 10.0;

/// Who chooses the slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The server.
    Proposed,
    /// Chance, among the slices that cross the mask or come within [`NEAR_MM`] of it.
    Random(u64),
    /// Somebody who knows the truth: the slice with the largest area of errors.
    Oracle,
}

impl Way {
    pub fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Random(_) => "random",
            Self::Oracle => "oracle",
        }
    }
}

/// One slice that was shown.
pub(super) struct Turn {
    pub slice: Option<SliceRef>,
    /// Area of the errors on it over that of the worst slice.
    pub share_of_worst: f64,
    pub dice: f64,
}

/// A first click, and then one click a slice.
pub(super) struct Walk {
    pub way: Way,
    /// After the first click.
    pub first: f64,
    pub turns: Vec<Turn>,
}

impl Walk {
    /// Mean Dice gained over the slices shown: the area under the curve over their number.
    pub fn gain(&self) -> f64 {
        self.turns.iter().map(|t| t.dice - self.first).sum::<f64>() / self.turns.len().max(1) as f64
    }
}

/// All ways over one case. A slice on which nothing is wrong is accepted, and counts as shown.
pub(super) fn compare(table: &Table<'_>, turns: usize) -> anyhow::Result<Vec<Walk>> {
    let random = (0..table.args.random_readers).map(Way::Random);
    [Way::Proposed, Way::Oracle].into_iter().chain(random).map(|way| walk(table, way, turns)).collect()
}

fn walk(table: &Table<'_>, way: Way, turns: usize) -> anyhow::Result<Walk> {
    let (mut session, label) = table.session()?;
    let first = centre_click(None, table.truth.voxels().view(), table.spacing_kji_mm())?;
    if let Some(click) = first {
        session.add_prompts(label, vec![prompt(table, &click)], "")?;
    }
    let seed = if let Way::Random(n) = way { table.args.seed.wrapping_add(n) } else { 0 };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut walk = Walk { way, first: overlap(table, &session, label)?, turns: Vec::new() };
    for _ in 0..turns {
        let (mask, _) = session.mask(label)?;
        let errors = areas(&mask, &table.truth);
        let worst = errors.iter().map(|e| e.1).fold(0.0, f64::max);
        let slice = match way {
            Way::Proposed => proposed(table, &mut session, label)?,
            Way::Oracle => errors.iter().rev().max_by(|a, b| a.1.total_cmp(&b.1)).map(|e| e.0),
            Way::Random(_) => near(&mask).choose(&mut rng).copied(),
        };
        let mut share_of_worst = 0.0;
        if let Some(slice) = slice {
            let area = errors.iter().find(|e| e.0 == slice).map_or(0.0, |e| e.1);
            share_of_worst = if worst > 0.0 { area / worst } else { 0.0 };
            correct(table, &mut session, label, slice)?;
        }
        walk.turns.push(Turn { slice, share_of_worst, dice: overlap(table, &session, label)? });
    }
    Ok(walk)
}

fn prompt(table: &Table<'_>, click: &isochrone_robot::Click) -> Prompt {
    let [k, j, i] = click.voxel_kji;
    let polarity = if click.positive { Polarity::Positive } else { Polarity::Negative };
    Prompt::Click(Click { position_lps_mm: table.truth.grid().centre_mm([i, j, k]), polarity })
}

fn overlap(table: &Table<'_>, session: &Session, label: u32) -> anyhow::Result<f64> {
    let (mask, _) = session.mask(label)?;
    Ok(dice(mask.voxels().view(), table.truth.voxels().view())?.unwrap_or(f64::NAN))
}

/// One click in the middle of the largest error of a slice, or the reader's consent.
fn correct(table: &Table<'_>, session: &mut Session, label: u32, slice: SliceRef) -> anyhow::Result<()> {
    let (mask, _) = session.mask(label)?;
    let (ours, truth) = (mask.voxels().view(), table.truth.voxels().view());
    let axis = slice.axis.of_array().0;
    match centre_click_on_slice(Some(ours), truth, table.spacing_kji_mm(), axis, slice.index)? {
        Some(click) => match session.add_prompts(label, vec![prompt(table, &click)], "") {
            // A correction of nothing: the mask was emptied before.
            Err(SessionError::Segment(isochrone_segment::SegmentError::NoPositivePrompt)) => {}
            other => drop(other?),
        },
        None => drop(session.accept_slice(label, slice)?),
    }
    Ok(())
}

fn proposed(table: &Table<'_>, session: &mut Session, label: u32) -> anyhow::Result<Option<SliceRef>> {
    let job = session.uncertainty_job(label, usize::from(table.args.samples))?;
    let found = std::sync::Arc::new(job.run()?);
    session.settle(&job, Some(found.clone()));
    let ranked = session.rank(&found, 1, &[])?;
    Ok(ranked.proposals.first().map(|p| SliceRef { axis: p.axis, index: p.index }))
}

/// The area of errors on every slice, mm².
fn areas(mask: &Mask, truth: &Mask) -> Vec<(SliceRef, f64)> {
    let wrong: Array3<bool> = Zip::from(mask.voxels()).and(truth.voxels()).map_collect(|a, b| a != b);
    let grid = truth.grid();
    let mut areas = Vec::new();
    for axis in Axis::ALL {
        let pixel = grid.voxel_volume_mm3() / axis.of(grid.spacing_mm());
        for (index, plane) in wrong.axis_iter(axis.of_array()).enumerate() {
            areas.push((SliceRef { axis, index }, plane.iter().filter(|w| **w).count() as f64 * pixel));
        }
    }
    areas
}

/// Slices that cross the mask dilated by [`NEAR_MM`].
fn near(mask: &Mask) -> Vec<SliceRef> {
    let around = mask.bounding_box();
    let mut slices = Vec::new();
    for axis in Axis::ALL {
        let part = mask.voxels().slice(around.slice());
        let planes = part.axis_iter(axis.of_array()).zip(axis.of(around.min)..);
        let occupied: Vec<usize> = planes.filter(|(p, _)| p.iter().any(|&v| v)).map(|(_, n)| n).collect();
        let reach = (NEAR_MM / axis.of(mask.grid().spacing_mm())).floor() as usize;
        let all = 0..axis.of(mask.grid().size());
        slices.extend(
            all.filter(|n| occupied.iter().any(|o| o.abs_diff(*n) <= reach)).map(|index| SliceRef { axis, index }),
        );
    }
    slices
}
