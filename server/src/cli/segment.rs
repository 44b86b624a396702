//! `isochrone segment`: a mask from prompts of every kind, without a server.

use super::engine::EngineArgs;
use super::prompts::PromptArgs;
use super::series::{CompanionArgs, ImageArgs};
use super::shared;
use anyhow::Context;
use clap::Args;
use isochrone_intake::Image;
use isochrone_intake::suv::SuvOptions;
use isochrone_segment::Channel;
use isochrone_session::{Session, SessionLimits};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Segments one lesion from prompts and writes the mask.
#[derive(Debug, Args)]
pub struct SegmentArgs {
    #[command(flatten)]
    image: ImageArgs,
    #[command(flatten)]
    prompts: PromptArgs,
    #[command(flatten)]
    companions: CompanionArgs,
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
/// Image, prompts or model cannot be used, or the mask cannot be written.
pub fn run(args: &SegmentArgs) -> anyhow::Result<()> {
    shared::check_output(&args.out, args.force)?;
    let Image { volume, series } = args.image.load_with(SuvOptions::default())?;
    let volume = Arc::new(volume);
    let mut channels = vec![Channel { volume: volume.clone() }];
    let companions = args.companions.load(&args.image, &volume, series.as_ref())?;
    channels.extend(companions.into_iter().map(|volume| Channel { volume: Arc::new(volume) }));
    let engine = args.engine.load()?;
    let engine = args.engine.for_session(&engine)?;
    let mut session = Session::open(engine, &channels, 0, SessionLimits::default())?;
    let label = session.add_label("lesion")?.label.context("The session gave the label no number")?;
    let prompts = args.prompts.prompts(volume.grid())?;
    let bar = shared::bar(prompts.len() as u64, "Prompts".to_owned());
    let mut steps = Vec::new();
    for prompt in prompts {
        let (started, kind) = (Instant::now(), prompt.kind());
        let update = session.add_prompts(label, vec![prompt], "").with_context(|| format!("The {kind}"))?;
        steps.push((kind, started.elapsed().as_secs_f64() * 1000.0, update));
        bar.inc(1);
    }
    bar.finish_and_clear();
    for (kind, ms, update) in &steps {
        let place = update.prompts.iter().find(|p| p.placed.has_place());
        let place = place.map_or_else(String::new, |p| shared::place(p.placed.position_lps_mm()));
        let ml = update.labels.iter().find(|l| l.label == label).map_or(0.0, |l| l.volume_ml);
        let spacing = update.spacing_mm.map_or_else(String::new, |s| format!(", worked at {s:.2} mm"));
        println!("{kind} {place}: {ml:.2} mL, {ms:.0} ms{spacing}");
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
    let ranked = session.rank(&found, 1, &[])?;
    match ranked.proposals.first() {
        Some(p) => {
            let (plane, axis) = (shared::plane(&grid, p.axis), format!("{:?}", p.axis).to_lowercase());
            println!("look next at the {plane} slice {axis} = {}, round {}", p.index, shared::place(p.spot_lps_mm));
            println!("expected Dice now {:.2}; that slice may gain {:.3}", ranked.expected.dice, ranked.expected.gain);
        }
        None => println!("no slice stands out: the samples agree everywhere"),
    }
    Ok(())
}
