//! Click after click over one case.

use super::Table;
use super::reliability::{self, Look};
use isochrone_prompt::{Click, Polarity, Prompt};
use isochrone_proposal::Measure;
use isochrone_robot::{Reader, Sight, dice, iou};
use isochrone_session::Session;
use isochrone_volume::resample;
use ndarray::Array3;
use std::time::Instant;

/// What came of one click.
pub(super) struct Row {
    pub click: usize,
    pub positive: bool,
    /// Voxel `(i, j, k)` that was clicked.
    pub voxel: [usize; 3],
    pub dice: f64,
    pub iou: f64,
    pub mask_ms: f64,
    /// What drawing and measuring the samples took, where that was done.
    pub uncertainty_ms: Option<f64>,
    pub spacing_mm: f64,
    /// Clicks so far whose voxel is as they said, of all so far.
    pub honoured: (usize, usize),
}

/// Plays a case to its end: the clicks are made, or there is nothing left to correct.
pub(super) fn play(table: &Table<'_>) -> anyhow::Result<(Vec<Row>, Vec<Look>)> {
    let args = table.args;
    let (mut session, label) = table.session()?;
    let (mut rows, mut looks) = (Vec::<Row>::new(), Vec::new());
    let mut uncertainty: Option<Array3<f32>> = None;
    for click in 1..=usize::from(args.clicks) {
        let (mask, _) = session.mask(label)?;
        let sight = Sight {
            prediction: (click > 1).then(|| mask.voxels().view()),
            truth: table.truth.voxels().view(),
            spacing_mm: table.spacing_kji_mm(),
            uncertainty: uncertainty.as_ref().map(|u| u.view()),
        };
        let found = match &table.given {
            Some(given) => given.get(click - 1).copied(),
            None => args.reader.click(&sight, args.seed, click as u64 - 1)?,
        };
        let Some(found) = found else { break };
        let [k, j, i] = found.voxel_kji;
        let polarity = if found.positive { Polarity::Positive } else { Polarity::Negative };
        let prompt = Prompt::Click(Click { position_lps_mm: table.truth.grid().centre_mm([i, j, k]), polarity });
        let started = Instant::now();
        let Some(spacing_mm) = add(&mut session, label, prompt)? else { break };
        let mask_ms = started.elapsed().as_secs_f64() * 1000.0;
        let (mask, _) = session.mask(label)?;
        let (ours, truth) = (mask.voxels().view(), table.truth.voxels().view());
        let so_far = rows.iter().map(|r| (r.voxel, r.positive)).chain([([i, j, k], found.positive)]);
        let honoured = so_far.filter(|(voxel, positive)| mask.contains(*voxel) == *positive).count();
        let mut row = Row {
            click,
            positive: found.positive,
            voxel: [i, j, k],
            dice: dice(ours, truth)?.unwrap_or(f64::NAN),
            iou: iou(ours, truth)?.unwrap_or(f64::NAN),
            mask_ms,
            uncertainty_ms: None,
            spacing_mm,
            honoured: (honoured, click),
        };
        if args.uncertainty.iter().any(|&n| usize::from(n) == click) {
            let found = reliability::looks(table, &mut session, label, click)?;
            row.uncertainty_ms = found.first().map(|l| l.ms);
            looks.extend(found);
        }
        if args.reader == Reader::Uncertain {
            let started = Instant::now();
            let found = session.uncertainty_job(label, usize::from(args.samples))?.run()?;
            row.uncertainty_ms = Some(started.elapsed().as_secs_f64() * 1000.0);
            let map = found.measures.map(Measure::Entropy);
            uncertainty = Some(resample::to_grid(map.view(), &found.measures.grid, table.truth.grid().as_ref(), 0.0));
        }
        rows.push(row);
    }
    Ok((rows, looks))
}

/// Adds a prompt, and says the working spacing in mm; `None` where a shaking hand's click fell where there is nothing
/// to correct from.
fn add(session: &mut Session, label: u32, prompt: Prompt) -> anyhow::Result<Option<f64>> {
    match session.add_prompts(label, vec![prompt], "") {
        Ok(update) => Ok(Some(update.spacing_mm.unwrap_or_default())),
        Err(isochrone_session::SessionError::Segment(isochrone_segment::SegmentError::NoPositivePrompt)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
