//! `isochrone segment`: a mask from clicks, without a server.

use super::engine::EngineArgs;
use super::series::ImageArgs;
use super::shared;
use anyhow::Context;
use clap::Args;
use isochrone_prompt::{Click, Prompt};
use isochrone_segment::Channel;
use isochrone_session::{Session, SessionLimits};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Segments one lesion from clicks and writes the mask.
#[derive(Debug, Args)]
pub struct SegmentArgs {
    #[command(flatten)]
    image: ImageArgs,
    /// A click in LPS mm; `,-` after it says "not this". Can be repeated: each is a step, in this order.
    #[arg(long, value_name = "X,Y,Z[,-]", required = true, allow_hyphen_values = true)]
    click: Vec<Click>,
    #[command(flatten)]
    engine: EngineArgs,
    /// Stochastic samples for the slice to look at next; 0 does without.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(0..=64))]
    samples: u32,
    /// Where the mask goes: .nii or .nii.gz.
    #[arg(short, long)]
    out: PathBuf,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
}

/// Writes the mask and says what it is.
///
/// # Errors
/// Image, clicks or model cannot be used, or the mask cannot be written.
pub fn run(args: &SegmentArgs) -> anyhow::Result<()> {
    shared::check_output(&args.out, args.force)?;
    let volume = Arc::new(args.image.load()?);
    let engine = args.engine.load()?;
    let channels = [Channel { volume: volume.clone() }];
    let engine = args.engine.for_session(&engine, &channels)?;
    let mut session = Session::open(engine, &channels, 0, SessionLimits::default())?;
    let label = session.add_label("lesion")?.label.context("The session gave the label no number")?;
    let bar = shared::bar(args.click.len() as u64, "Clicks".to_owned());
    let mut steps = Vec::new();
    for &click in &args.click {
        let started = Instant::now();
        let update = session.add_prompts(label, vec![Prompt::Click(click)], "")?;
        steps.push((click, started.elapsed().as_secs_f64() * 1000.0, update));
        bar.inc(1);
    }
    bar.finish_and_clear();
    for (click, ms, update) in &steps {
        let ml = update.labels.iter().find(|l| l.label == label).map_or(0.0, |l| l.volume_ml);
        let spacing = update.spacing_mm.map_or_else(String::new, |s| format!(", worked at {s:.2} mm"));
        println!("click {}: {ml:.2} mL, {ms:.0} ms{spacing}", shared::place(click.position_lps_mm));
        update.warnings.iter().for_each(|w| println!("  {w}"));
    }
    let (mask, _) = session.mask(label)?;
    isochrone_export::write_labels(&args.out, volume.grid(), &[(1, &mask)])?;
    let spacing = shared::times(volume.grid().spacing_mm(), 2);
    println!("{}: {:.2} mL, {} voxels of {spacing} mm", args.out.display(), mask.volume_ml(), mask.count());
    propose(args, &mut session, label)
}

/// Says which slice to look at next.
fn propose(args: &SegmentArgs, session: &mut Session, label: u32) -> anyhow::Result<()> {
    if args.samples == 0 || !session.engine().samples {
        return Ok(());
    }
    let spinner = shared::spinner("Sampling".to_owned());
    let found = session.uncertainty_job(label, args.samples as usize).and_then(|job| job.run());
    spinner.finish_and_clear();
    let found = found?;
    let grid = session.volume().grid().clone();
    match session.rank(&found, 1, &[])?.first() {
        Some(p) => {
            let (plane, axis) = (shared::plane(&grid, p.axis), format!("{:?}", p.axis).to_lowercase());
            println!("look next at the {plane} slice {axis} = {}, round {}", p.index, shared::place(p.spot_lps_mm));
        }
        None => println!("no slice stands out: the samples agree everywhere"),
    }
    Ok(())
}
