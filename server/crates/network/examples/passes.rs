//! Times the passes of a bundle: `cargo run --release -p isochrone-network --example passes -- models/lesion-3 [side]`.

use isochrone_network::{Bundle, Device, Network, NetworkInputs, Runtime, RuntimeOptions};
use ndarray::{Array3, Axis};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "models/lesion-3".to_owned()));
    let side: usize = arguments.next().unwrap_or_else(|| "64".to_owned()).parse()?;
    let runtime = Runtime::load(&RuntimeOptions { device: Device::Cpu, ..RuntimeOptions::default() })?;
    let network = Network::open(Bundle::load(&folder)?, &runtime)?;
    network.warm_up()?;
    let map = Array3::from_shape_fn((side, side, side), |(k, j, i)| ((k * 31 + j * 17 + i * 7) % 97) as f32 / 97.0);
    let image = map.clone().insert_axis(Axis(0));
    let inputs = Arc::new(NetworkInputs {
        image,
        previous_mask: map.clone(),
        positive: map.clone(),
        negative: map,
        class: None,
    });
    println!("{} on {}, {side}³ voxels", network.bundle().title(), network.device());
    let features = network.encode(inputs.clone())?;
    time("encode", || network.encode(inputs.clone()))?;
    time("decode", || network.decode(&features))?;
    for t in [1, 2, 8] {
        time(&format!("sample, T = {t}"), || network.sample(&features, t, 1, &|| false))?;
    }
    Ok(())
}

fn time<T, E>(what: &str, mut work: impl FnMut() -> Result<T, E>) -> Result<(), E> {
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        work()?;
        took.push(start.elapsed());
    }
    took.sort();
    let at = |n: usize| took.get(n).map_or(0.0, |d| d.as_secs_f64() * 1000.0);
    println!("{what:14} min {:7.1} ms   median {:7.1} ms", at(0), at(10));
    Ok(())
}
