//! `isochrone segment`: a mask from clicks, without a server.

use super::shared;
use anyhow::Context;
use clap::{Args, ValueEnum};
use isochrone_network::{Device, Runtime, RuntimeOptions};
use isochrone_prompt::{Click, Prompt};
use isochrone_segment::{Channel, GeodesicEngine, NetworkEngine, Segmenter};
use isochrone_session::{Session, SessionLimits};
use isochrone_volume::Modality;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Segments one lesion from clicks and writes the mask.
#[derive(Debug, Args)]
pub struct SegmentArgs {
    /// NIfTI (.nii, .nii.gz) or NRRD (.nrrd, .nhdr).
    image: PathBuf,
    /// A click in LPS mm; `,-` after it says "not this". Can be repeated: each is a step, in this order.
    #[arg(long, value_name = "X,Y,Z[,-]", required = true, allow_hyphen_values = true)]
    click: Vec<Click>,
    /// Who computes.
    #[arg(long, value_enum, default_value_t = EngineName::Network)]
    engine: EngineName,
    /// Model bundle of the network.
    #[arg(long, value_name = "BUNDLE", default_value = "models/lesion-1")]
    model: PathBuf,
    /// CT, MR or PT, if you know better than the values.
    #[arg(long, value_parser = shared::modality)]
    modality: Option<Modality>,
    /// auto, cpu, cuda, cuda:1, tensorrt, …
    #[arg(long, default_value_t = Device::Auto)]
    device: Device,
    /// Where the mask goes: .nii or .nii.gz.
    #[arg(short, long)]
    out: PathBuf,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EngineName {
    /// A model bundle.
    Network,
    /// Nearer to positive than to negative clicks, through even grey values.
    Geodesic,
}

/// Writes the mask and says what it is.
///
/// # Errors
/// Image, clicks or model cannot be used, or the mask cannot be written.
pub fn run(args: &SegmentArgs) -> anyhow::Result<()> {
    shared::check_output(&args.out, args.force)?;
    let volume = Arc::new(shared::load(&args.image, args.modality)?);
    let engine = engine(args)?;
    let mut session = Session::open(engine, &[Channel { volume: volume.clone() }], 0, SessionLimits::default())?;
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
    println!("{}: {:.2} mL, {} voxels", args.out.display(), mask.volume_ml(), mask.count());
    Ok(())
}

fn engine(args: &SegmentArgs) -> anyhow::Result<Arc<dyn Segmenter>> {
    if args.engine == EngineName::Geodesic {
        return Ok(Arc::new(GeodesicEngine::default()));
    }
    let spinner = shared::spinner(format!("Loading {}", args.model.display()));
    let load = || {
        let runtime = Runtime::load(&RuntimeOptions { device: args.device, ..RuntimeOptions::default() })?;
        let engine = NetworkEngine::load(&args.model, &runtime).with_context(|| args.model.display().to_string())?;
        Ok::<_, anyhow::Error>((engine, runtime.device().message.clone()))
    };
    let loaded = load();
    spinner.finish_and_clear();
    let (engine, message) = loaded?;
    if !message.is_empty() {
        eprintln!("{message}");
    }
    Ok(Arc::new(engine))
}
