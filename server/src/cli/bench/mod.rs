//! `isochrone bench`: how long a reader waits, measured at the client over gRPC.

mod durable;
mod sweep;

use crate::cli::demo::case::{self, Case};
use crate::cli::shared;
use crate::client::{Answer, Remote, RemoteVolume, ServerOptions, ServerProcess};
use anyhow::{Context, bail};
use clap::Args;
use isochrone_prompt::{Click, Polarity};
use rand::SeedableRng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use std::path::PathBuf;
use std::time::Instant;

/// What the first click to a mask may cost (median), by lesion.
const GOALS_MS: [(&str, f64); 2] = [("lung2", 500.0), ("brain1", 250.0)];
/// What uncertainty and proposals may cost (median).
const PROPOSAL_GOAL_MS: f64 = 2000.0;

/// Measures click to mask, and mask to proposals, on real images through a server of its own.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Folder with the real lesions (`make lesions`); without them a synthetic body is used.
    #[arg(long, default_value = "build/lesions")]
    data: PathBuf,
    /// Distinct clicks in each lesion.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    clicks: u32,
    /// Stochastic samples.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    samples: u32,
    /// Model bundle; the server's default if left out.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Such as auto, cpu, cuda:0; the server's default if left out.
    #[arg(long)]
    device: Option<String>,
    /// Also sweep a whole body of 400 × 400 × 326 voxels (made), and click while that goes on.
    #[arg(long)]
    sweep: bool,
    /// Also tell what it costs to keep sessions, and how fast one of 30 prompts comes back.
    #[arg(long)]
    durable: bool,
}

/// Prints the table.
///
/// # Errors
/// The server does not start or refuses something.
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!("isochrone-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let done = measure_all(args, &folder);
    // Whatever came of it, nothing of it is left behind.
    let _ = std::fs::remove_dir_all(&folder);
    done
}

fn measure_all(args: &BenchArgs, folder: &std::path::Path) -> anyhow::Result<()> {
    let cases = match case::real(&args.data)? {
        Some(cases) => cases,
        None => {
            println!(
                "{} does not hold the real lesions (`make lesions` fetches them), so a synthetic body is used",
                args.data.display()
            );
            case::synthetic(folder)?
        }
    };
    let options =
        ServerOptions { root: folder.to_owned(), model: args.model.clone(), device: args.device.clone(), state: None };
    let server = ServerProcess::start(&options, &folder.join("server.log"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut remote = Remote::connect(server.address()).await?;
        for engine in remote.describe().await?.engines {
            let model = if engine.model.is_empty() { String::new() } else { format!("{}, ", engine.model) };
            println!("{}: {model}{}", engine.name, engine.device);
        }
        println!("{:<10} {:<34} {:>8} {:>8} {:>8} {:>8}", "image", "wait, ms", "median", "least", "most", "goal");
        for case in cases.iter().filter(|c| c.name != "lung1") {
            measure(args, case, &mut remote).await?;
        }
        if args.sweep {
            sweep::measure(args, folder, &mut remote).await?;
        }
        if args.durable {
            for case in cases.iter().filter(|c| c.name != "lung1") {
                durable::measure(case, &options, folder, &mut remote).await?;
            }
        }
        Ok(())
    })
}

async fn measure(args: &BenchArgs, case: &Case, remote: &mut Remote) -> anyhow::Result<()> {
    let started = Instant::now();
    let volume = remote.upload(&case.image, case.modality, |_, _| {}).await?;
    row(&case.name, "upload", &mut [started.elapsed().as_secs_f64() * 1000.0], None);
    let clicks = clicks(case, args.clicks as usize)?;
    // The first session of a server pays for buffers that the others find.
    first(remote, &volume, &clicks, args.samples).await?;
    let goal = GOALS_MS.iter().find(|(name, _)| *name == case.name).map(|(_, ms)| *ms);
    let answers = first(remote, &volume, &clicks, args.samples).await?;
    row(&case.name, "first click to mask", &mut of(&answers, |a| Some(a.mask_ms)), goal);
    row(&case.name, "  of which the server computes", &mut of(&answers, |a| Some(a.server_mask_ms)), None);
    let proposals = format!("mask to proposals ({} samples)", args.samples);
    row(&case.name, &proposals, &mut of(&answers, |a| a.proposal_ms), Some(PROPOSAL_GOAL_MS));
    let answers = successive(remote, &volume, &clicks).await?;
    row(&case.name, "later click to mask", &mut of(&answers, |a| Some(a.mask_ms)), goal);
    Ok(remote.unload(volume).await?)
}

/// Each click in a session of its own.
async fn first(
    remote: &mut Remote,
    volume: &RemoteVolume,
    clicks: &[Click],
    samples: u32,
) -> anyhow::Result<Vec<Answer>> {
    let mut answers = Vec::new();
    for &click in clicks {
        let mut session = remote.open(volume, "network", 1).await?;
        answers.push(session.click(click, samples).await?);
        session.close().await?;
    }
    Ok(answers)
}

/// All clicks in one session; the first is left out.
async fn successive(remote: &mut Remote, volume: &RemoteVolume, clicks: &[Click]) -> anyhow::Result<Vec<Answer>> {
    let mut session = remote.open(volume, "network", 1).await?;
    let mut answers = Vec::new();
    for &click in clicks {
        answers.push(session.click(click, 0).await?);
    }
    session.close().await?;
    answers.remove(0);
    Ok(answers)
}

/// Distinct voxels of the lesion, the same on every run.
fn clicks(case: &Case, count: usize) -> anyhow::Result<Vec<Click>> {
    let inside: Vec<[usize; 3]> =
        case.truth.voxels().indexed_iter().filter(|(_, v)| **v).map(|((k, j, i), _)| [i, j, k]).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let chosen = inside
        .sample(&mut rng, count)
        .map(|&voxel| Click { position_lps_mm: case.truth.grid().centre_mm(voxel), polarity: Polarity::Positive });
    let chosen: Vec<Click> = chosen.collect();
    if chosen.len() < 2 {
        bail!("{} has too few voxels to click in", case.name);
    }
    Ok(chosen)
}

fn of(answers: &[Answer], what: impl Fn(&Answer) -> Option<f64>) -> Vec<f64> {
    answers.iter().filter_map(what).collect()
}

fn row(image: &str, what: &str, values: &mut [f64], goal: Option<f64>) {
    let median = shared::median(values);
    let (Some(least), Some(most)) = (values.first(), values.last()) else { return };
    let goal = goal.map_or_else(String::new, |ms| format!("{ms:.0} {}", if median <= ms { "✓" } else { "missed" }));
    println!("{image:<10} {what:<34} {median:>8.0} {least:>8.0} {most:>8.0} {goal:>8}");
}
