//! `isochrone model check`: whether a model bundle is whole, fits this machine, and how quick it is here.

use super::shared;
use anyhow::bail;
use clap::{Args, Subcommand};
use isochrone_network::{Bundle, Device, Encoding, Network, NetworkInputs, Normalisation, Runtime, RuntimeOptions};
use ndarray::{Array3, Array4};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

const RUNS: usize = 5;
const SAMPLES: usize = 8;

/// Looks after model bundles.
#[derive(Debug, Args)]
pub struct ModelArgs {
    #[command(subcommand)]
    command: ModelCommand,
}

#[derive(Debug, Subcommand)]
enum ModelCommand {
    /// Check a bundle's files, load it and run it
    Check(CheckArgs),
}

/// Checks SHA-256 of the files, loads the graphs, runs a mask and samples, and says how long that took.
#[derive(Debug, Args)]
struct CheckArgs {
    /// Folder with bundle.toml.
    bundle: PathBuf,
    /// auto, cpu, openvino, cuda, cuda:1, tensorrt, …
    #[arg(long, default_value_t = Device::Auto)]
    device: Device,
}

/// Runs the chosen command.
///
/// # Errors
/// The bundle cannot be used.
pub fn run(args: &ModelArgs) -> anyhow::Result<()> {
    match &args.command {
        ModelCommand::Check(args) => check(args),
    }
}

fn check(args: &CheckArgs) -> anyhow::Result<()> {
    let bundle = Bundle::load(&args.bundle)?;
    shared::print(&describe(&bundle))?;
    let started = Instant::now();
    let runtime = Runtime::load(&RuntimeOptions { device: args.device, ..RuntimeOptions::default() })?;
    let (network, runtime) = Network::ready(bundle, &runtime)?;
    if !runtime.device().message.is_empty() {
        say("note", &runtime.device().message)?;
    }
    say("device", &format!("{}, {}", network.device(), runtime.library()))?;
    say("loaded", &format!("{:.0} ms with a first run", ms(started)))?;
    time(&network)?;
    say("result", "the bundle is whole and runs here")
}

fn time(network: &Network) -> anyhow::Result<()> {
    let inputs = Arc::new(made_up(network.bundle()));
    let (mut encoding, mut decoding) = (Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..RUNS {
        let started = Instant::now();
        let features = network.encode(inputs.clone())?;
        encoding.push(ms(started));
        let started = Instant::now();
        let probability = network.decode(&features)?;
        decoding.push(ms(started));
        if probability.iter().any(|p| !(0.0..=1.0).contains(p)) {
            bail!("The network's output is not a probability everywhere (0 to 1); export the model again");
        }
        if last.as_ref().is_some_and(|(p, _)| *p != probability) {
            say("warning", "the same input gave different bits: replaying a session will not be exact on this device")?;
        }
        last = Some((probability, features));
    }
    let (encode, decode) = (shared::median(&mut encoding), shared::median(&mut decoding));
    say(
        "mask",
        &format!("{:.0} ms (encoder {encode:.0} ms, decoder {decode:.0} ms; median of {RUNS})", encode + decode),
    )?;
    let Some((_, features)) = last.filter(|_| network.bundle().dropout_rate.is_some()) else {
        return say("samples", "none: no dropout inputs, so no uncertainty and no proposals");
    };
    let started = Instant::now();
    let samples = network.sample(&features, SAMPLES, 1, &|| false)?;
    let took = ms(started);
    if samples != network.sample(&features, SAMPLES, 1, &|| false)? {
        say("warning", "the same seed gave different samples on this device")?;
    }
    say("samples", &format!("{SAMPLES} in {took:.0} ms, one value for {0}³ working voxels", network.sample_stride()))
}

fn describe(bundle: &Bundle) -> String {
    let region = &bundle.region;
    let [i, j, k] = region.size;
    let mut text = String::new();
    let mut line = |name: &str, value: String| text.push_str(&format!("{name:<10} {value}\n"));
    line("model", bundle.title());
    line("", bundle.description.clone());
    line("licence", bundle.licence.clone());
    for source in &bundle.training_data {
        line("trained on", source.clone());
    }
    line("digest", bundle.digest().to_owned());
    for graph in bundle.graphs.all() {
        line(graph.file.role, "SHA-256 as in bundle.toml".to_owned());
    }
    for (n, channel) in bundle.channels.iter().enumerate() {
        let codes: Vec<_> = channel.modalities.iter().map(|m| m.code()).collect();
        line(&format!("image {}", n + 1), format!("{}; {}", codes.join(", "), normalisation(channel.normalisation)));
    }
    line("positive", encoding(bundle.positive));
    line("negative", encoding(bundle.negative));
    line(
        "region",
        format!(
            "{i} × {j} × {k} voxels of {} mm at first, {} to {} mm",
            region.first_spacing_mm, region.min_spacing_mm, region.max_spacing_mm
        ),
    );
    text
}

fn normalisation(n: Normalisation) -> String {
    match n {
        Normalisation::PercentileZScore { low, high } => {
            format!("clipped to percentiles {low} and {high}, then z-score")
        }
        Normalisation::ZScore => "z-score".to_owned(),
        Normalisation::Window { low, high } => format!("window {low} to {high}"),
        Normalisation::None => "as it is".to_owned(),
    }
}

fn encoding(e: Encoding) -> String {
    match e {
        Encoding::Gaussian { sigma_voxels } => format!("Gaussian, σ {sigma_voxels} working voxels"),
        Encoding::Disk { radius_voxels } => format!("disk, radius {radius_voxels} working voxels"),
        Encoding::Euclidean { cutoff_mm } => format!("Euclidean distance to {cutoff_mm} mm"),
        Encoding::Geodesic { lambda, cutoff_mm, dip_voxels } => {
            let dip =
                if dip_voxels > 0.0 { format!(", less a Gaussian (σ {dip_voxels} voxels)") } else { String::new() };
            format!("geodesic distance (λ {lambda}) to {cutoff_mm} mm{dip}")
        }
        Encoding::ExponentialGeodesic { lambda, tau_mm } => format!("exponential geodesic (λ {lambda}), τ {tau_mm} mm"),
    }
}

/// A bright ball on a dark ground with a click in its middle.
fn made_up(bundle: &Bundle) -> NetworkInputs {
    let [ni, nj, nk] = bundle.region.size;
    let from_centre = |k: usize, j: usize, i: usize| {
        let side = |n: usize, all: usize| (n as f32 - all as f32 / 2.0).powi(2);
        (side(k, nk) + side(j, nj) + side(i, ni)).sqrt()
    };
    let radius = ni.min(nj).min(nk) as f32 / 5.0;
    let image = Array4::from_shape_fn((bundle.channels.len(), nk, nj, ni), |(_, k, j, i)| {
        if from_centre(k, j, i) < radius { 1.5 } else { -0.5 }
    });
    let positive = Array3::from_shape_fn((nk, nj, ni), |(k, j, i)| (-from_centre(k, j, i).powi(2) / 8.0).exp());
    let nothing = Array3::zeros((nk, nj, ni));
    NetworkInputs { image, previous_mask: nothing.clone(), positive, negative: nothing, class: None }
}

fn say(name: &str, value: &str) -> anyhow::Result<()> {
    Ok(shared::print(&format!("{name:<10} {value}\n"))?)
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
