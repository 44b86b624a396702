//! `isochrone demo`: a simulated reader segments real lesions through a real server.
//!
//! 1. [`case`]: real lesions, or [`phantom`] ones where there are none;
//! 2. a server in a process of its own, spoken to over gRPC only ([`crate::client`]);
//! 3. [`play`]: the [`reader`] clicks in the lesion, then looks only at the slice the server proposes
//!    and clicks the largest error there; others look at random slices, or at the whole volume;
//! 4. the mask that the server saves must be, voxel for voxel, the one put together from its deltas;
//! 5. [`report`] prints the tables, [`figure`] keeps what the picture shows.

pub mod case;
mod figure;
pub mod phantom;
mod play;
mod reader;
mod report;

use super::shared;
use crate::client::{Remote, RemoteSession, RemoteVolume, ServerOptions, ServerProcess};
use anyhow::{Context, bail};
use case::Case;
use clap::Args;
use play::{Turn, Way, play};
use reader::Reader;
use report::Played;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Instant;

/// Plays a simulated reader over gRPC and prints what it costs and gains.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder with the real lesions (`make lesions`); without them a synthetic body is played.
    #[arg(long, default_value = "build/lesions")]
    data: PathBuf,
    /// Folder for masks, tables and what the picture needs.
    #[arg(long, default_value = "build/demo")]
    out: PathBuf,
    /// Play the synthetic body even if the real lesions are there.
    #[arg(long)]
    synthetic: bool,
    /// Clicks on each lesion.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    clicks: u32,
    /// Stochastic samples for uncertainty and proposals.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    samples: u32,
    /// Readers of random slices to compare with.
    #[arg(long, default_value_t = 5)]
    random_readers: u64,
    /// Model bundle; the server's default if left out.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Such as auto, cpu, cuda:0; the server's default if left out.
    #[arg(long)]
    device: Option<String>,
}

/// Plays the demo.
///
/// # Errors
/// The server does not start, refuses something, or answers with a mask that does not fit.
pub fn run(args: &DemoArgs) -> anyhow::Result<()> {
    std::fs::create_dir_all(&args.out).with_context(|| format!("{} cannot be made", args.out.display()))?;
    let (cases, synthetic) = cases(args)?;
    let options = ServerOptions {
        root: args.out.canonicalize()?,
        model: args.model.clone(),
        device: args.device.clone(),
        state: None,
    };
    let spinner = shared::spinner("Starting a server".to_owned());
    let server = ServerProcess::start(&options, &args.out.join("server.log"));
    spinner.finish_and_clear();
    let server = server?;
    let us = std::process::id();
    println!("Server: process {} on {}; reader: process {us}", server.id(), server.address());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(play_all(args, cases, synthetic, server.address()))
}

fn cases(args: &DemoArgs) -> anyhow::Result<(Vec<Case>, bool)> {
    if !args.synthetic {
        if let Some(cases) = case::real(&args.data)? {
            return Ok((cases, false));
        }
        println!(
            "{} does not hold the real lesions (`make lesions` fetches them), so a synthetic body is played",
            args.data.display()
        );
    }
    Ok((case::synthetic(&args.out.join("phantom"))?, true))
}

async fn play_all(args: &DemoArgs, cases: Vec<Case>, synthetic: bool, address: &str) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut remote = Remote::connect(address).await?;
    let server = remote.describe().await?;
    for engine in &server.engines {
        let model = if engine.model.is_empty() { "no model" } else { &engine.model };
        println!("Engine: {}, {model}, {}", engine.name, engine.device);
    }
    if !server.engines.iter().any(|e| e.name == "network" && e.samples) {
        bail!("The server has no network with uncertainty; {}/server.log says why", args.out.display());
    }
    let mut all = Vec::new();
    for case in cases {
        all.push(play_case(args, case, &mut remote).await?);
    }
    let clicks = args.clicks as usize;
    println!("\n{}", report::summary(&all, clicks));
    let document = json!({
        "server_version": server.server_version,
        "synthetic": synthetic,
        "samples": args.samples,
        "engines": server.engines.iter().map(|e| json!({"name": e.name, "model": e.model, "digest": e.model_digest, "device": e.device})).collect::<Vec<Value>>(),
        "cases": all.iter().map(report::as_json).collect::<Vec<Value>>(),
    });
    std::fs::write(args.out.join("demo.json"), serde_json::to_string_pretty(&document)?)?;
    std::fs::write(args.out.join("clicks.csv"), report::csv(&all))?;
    println!("{:.0} s; masks, clicks.csv and demo.json are in {}", started.elapsed().as_secs_f64(), args.out.display());
    Ok(())
}

async fn play_case(args: &DemoArgs, mut case: Case, remote: &mut Remote) -> anyhow::Result<Played> {
    let bar = shared::bar(1, format!("Uploading {}", case.name));
    let volume = remote
        .upload(&case.image, case.modality, |sent, all| {
            bar.set_length(all);
            bar.set_position(sent);
        })
        .await?;
    bar.finish_and_clear();
    let grid = std::sync::Arc::new(volume.grid.clone());
    case.truth = case::on_grid(case.truth, &grid)?;
    let [i, j, k] = grid.size();
    let spacing = shared::times(grid.spacing_mm(), 2);
    println!(
        "\n{}: {}, {i} × {j} × {k} voxels of {spacing} mm, {:.1} mL",
        case.name,
        case.title,
        case.truth.volume_ml()
    );
    let (proposed, figure) = follow_proposals(args, &case, remote, &volume).await?;
    let mut random = Vec::new();
    let bar = shared::bar(args.random_readers + 2, "The other readers".to_owned());
    for seed in 0..args.random_readers {
        random.push(other(args, &case, remote, &volume, "network", Way::Random(seed)).await?);
        bar.inc(1);
    }
    let mut anywhere = Vec::new();
    for engine in ["network", "geodesic"] {
        anywhere.push((engine.to_owned(), other(args, &case, remote, &volume, engine, Way::Anywhere).await?));
        bar.inc(1);
    }
    bar.finish_and_clear();
    remote.unload(volume).await?;
    Ok(Played { case, proposed, random, anywhere, figure })
}

/// The reader this is all about; prints as it goes.
async fn follow_proposals(
    args: &DemoArgs,
    case: &Case,
    remote: &mut Remote,
    volume: &RemoteVolume,
) -> anyhow::Result<(Vec<Turn>, Value)> {
    let reader = Reader::new(&case.truth);
    let mut session = remote.open(volume, "network", 1).await?;
    shared::print(&report::heading())?;
    let mut kept = Vec::new();
    let after = async |session: &mut RemoteSession, turns: &[Turn]| {
        let Some(turn) = turns.last() else { return Ok(()) };
        shared::print(&report::line(case.truth.grid(), turn))?;
        turn.answer.warnings.iter().for_each(|warning| println!("         {warning}"));
        kept.push(figure::keep(session, case, turns, &args.out).await?);
        Ok(())
    };
    let turns = play(&mut session, &reader, Way::Proposed, args.clicks as usize, args.samples, after).await?;
    if turns.len() < args.clicks as usize {
        println!("  The reader finds nothing more to correct on the proposed slices");
    }
    let name = format!("{}_mask.nii.gz", case.name);
    session.save(&name).await?;
    let saved = case::on_grid(case::read_mask(&args.out.join(&name))?, case.truth.grid())?;
    if saved.voxels() != session.mask().voxels() {
        bail!("{name} is not the mask that was put together from the changes");
    }
    println!("  {name}: saved by the server, equal to the assembled mask in all {} voxels", saved.voxels().len());
    session.close().await?;
    Ok((turns, figure::document(case, kept)))
}

async fn other(
    args: &DemoArgs,
    case: &Case,
    remote: &mut Remote,
    volume: &RemoteVolume,
    engine: &str,
    way: Way,
) -> anyhow::Result<Vec<Turn>> {
    let reader = Reader::new(&case.truth);
    let mut session = remote.open(volume, engine, 1).await?;
    let turns = play(&mut session, &reader, way, args.clicks as usize, 0, async |_, _| Ok(())).await?;
    session.close().await?;
    Ok(turns)
}
