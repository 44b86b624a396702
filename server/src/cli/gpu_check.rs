//! `isochrone gpu-check`: whether a GPU, or OpenVINO, gives the masks of the CPU's plain kernels, and what it saves.

use super::cases::{self, Case, Wanted};
use super::shared;
use anyhow::{Context, bail};
use clap::Args;
use indicatif::ProgressBar;
use isochrone_network::{Device, Runtime, RuntimeOptions};
use isochrone_prompt::{Click, Polarity, Prompt};
use isochrone_robot::{centre_click, dice};
use isochrone_segment::{Channel, NetworkEngine, Segmenter};
use isochrone_session::{Session, SessionLimits};
use isochrone_volume::Mask;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Overlap of the two devices' masks below which the check fails.
const PARITY: f64 = 0.999;
/// Clicks a case.
const CLICKS: usize = 5;
/// Stochastic samples.
const SAMPLES: usize = 8;

/// Compares the masks of a GPU, or of OpenVINO, with those of the CPU's plain kernels, and times both.
#[derive(Debug, Args)]
pub struct GpuCheckArgs {
    /// Folder of labelled cases.
    #[arg(long, default_value = "build/lesions")]
    cases: PathBuf,
    /// Model bundle.
    #[arg(long, default_value = "models/lesion-3")]
    model: PathBuf,
    /// Only cases whose name begins so; can be repeated.
    #[arg(long, value_name = "PREFIX")]
    only: Vec<String>,
    /// Such as auto, openvino, cuda, cuda:1 or tensorrt.
    #[arg(long, default_value_t = Device::Auto)]
    device: Device,
}

/// One device over all cases.
struct Run {
    masks: Vec<Mask>,
    click_ms: Vec<f64>,
    samples_ms: Vec<f64>,
    sweep_ms: Vec<f64>,
}

/// Prints the comparison, or what it would be where there is no GPU.
///
/// # Errors
/// The masks differ, no cases, or a model that cannot be loaded.
pub fn run(args: &GpuCheckArgs) -> anyhow::Result<()> {
    let runtime = Runtime::load(&RuntimeOptions { device: args.device, ..RuntimeOptions::default() })?;
    if runtime.device().used == Device::Cpu {
        let why = &runtime.device().message;
        shared::print(&format!(
            "There is neither a usable GPU nor OpenVINO here ({why}), so nothing was compared.\n\
             On a machine with an NVIDIA GPU, its driver, CUDA 13 and cuDNN 9, this plays {CLICKS} clicks in each lesion of\n\
             {} on the CPU and on the GPU, demands a Dice of {PARITY} between their masks, and prints how long a click,\n\
             {SAMPLES} samples and a sweep of the volume take on each.\n",
            args.cases.display()
        ))?;
        return Ok(());
    }
    let found = cases::find(&args.cases, &args.only)?;
    if found.is_empty() {
        bail!("{} holds no case; `make lesions` fetches some", args.cases.display());
    }
    let cpu = Runtime::load(&RuntimeOptions { device: Device::Cpu, ..RuntimeOptions::default() })?;
    let mut out = format!("{:<14}{:>12}{:>16}{:>12}   median, ms\n", "device", "click", "samples", "sweep");
    let mut runs = Vec::new();
    for runtime in [&cpu, &runtime] {
        // Loading runs the graphs once: TensorRT compiles there, and finds its engines again the next time.
        let device = runtime.device().used;
        let bar = shared::bar(found.len() as u64, format!("Cases on {device} (TensorRT first compiles for minutes)"));
        bar.tick();
        let engine: Arc<dyn Segmenter> = Arc::new(NetworkEngine::load(&args.model, runtime)?);
        let mut run = play(&found, &engine, &bar)?;
        bar.finish_and_clear();
        out += &format!(
            "{:<14}{:>12.1}{:>16.1}{:>12.0}\n",
            engine.describe().device,
            shared::median(&mut run.click_ms),
            shared::median(&mut run.samples_ms),
            shared::median(&mut run.sweep_ms)
        );
        runs.push(run);
    }
    let device = runtime.device().used;
    let [cpu, gpu] = runs.as_slice() else { bail!("a device was not run") };
    let mut least = 1.0f64;
    for (a, b) in cpu.masks.iter().zip(&gpu.masks) {
        least = least.min(dice(a.voxels().view(), b.voxels().view())?.unwrap_or(1.0));
    }
    out += &format!("least Dice between the masks of {} clicks: {least:.5} (wanted: {PARITY})\n", cpu.masks.len());
    shared::print(&out)?;
    if least < PARITY {
        bail!(
            "the masks of the two devices differ: do not use {device}, and report the processor or GPU and its driver"
        );
    }
    Ok(())
}

/// The centre reader's clicks, chosen on the truth alone so that both devices get the same.
fn play(found: &[Case], engine: &Arc<dyn Segmenter>, bar: &ProgressBar) -> anyhow::Result<Run> {
    let mut run = Run { masks: Vec::new(), click_ms: Vec::new(), samples_ms: Vec::new(), sweep_ms: Vec::new() };
    let ms = |begun: Instant| begun.elapsed().as_secs_f64() * 1000.0;
    for case in found {
        let (volumes, targets) = case.read(Wanted::Anything)?;
        let truth = targets.into_iter().next().context("The mask is empty")?.truth;
        let channels: Vec<Channel> = volumes.into_iter().map(|v| Channel { volume: Arc::new(v) }).collect();
        let mut session = Session::open(engine.clone(), &channels, 1, SessionLimits::default())?;
        let label = session.add_label("lesion")?.label.context("The session gave the label no number")?;
        let [si, sj, sk] = truth.grid().spacing_mm().map(|s| s as f32);
        // What the reader holds for done: a part of the lesion more after every click.
        let mut done = Mask::empty(truth.grid().clone());
        for click in 0..CLICKS {
            let before = (click > 0).then(|| done.voxels().view());
            let Some(next) = centre_click(before, truth.voxels().view(), [sk, sj, si])? else { break };
            let [k, j, i] = next.voxel_kji;
            let position_lps_mm = truth.grid().centre_mm([i, j, k]);
            let prompt = Prompt::Click(Click { position_lps_mm, polarity: Polarity::Positive });
            let begun = Instant::now();
            session.add_prompts(label, vec![prompt], "")?;
            run.click_ms.push(ms(begun));
            run.masks.push(session.mask(label)?.0.as_ref().clone());
            let begun = Instant::now();
            session.uncertainty_job(label, SAMPLES)?.run()?;
            run.samples_ms.push(ms(begun));
            for ((z, y, x), v) in done.voxels_mut().indexed_iter_mut() {
                let near = z.abs_diff(k) <= 2 && y.abs_diff(j) <= 4 && x.abs_diff(i) <= 4;
                *v |= near && truth.contains([x, y, z]);
            }
        }
        let begun = Instant::now();
        session.sweep_job(SAMPLES)?.run(&mut |_, _| {})?;
        run.sweep_ms.push(ms(begun));
        bar.inc(1);
    }
    Ok(run)
}
