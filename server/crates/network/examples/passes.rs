//! Times the passes of a bundle, on several devices in turn:
//! `cargo run --release -p isochrone-network --example passes -- models/lesion-3 [side] [cpu openvino …]`.

use isochrone_network::{Bundle, Device, Features, Network, NetworkInputs, Runtime, RuntimeOptions};
use ndarray::{Array3, Axis};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROUNDS: usize = 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "models/lesion-3".to_owned()));
    let side: usize = arguments.next().unwrap_or_else(|| "64".to_owned()).parse()?;
    let mut devices = arguments.map(|name| name.parse()).collect::<Result<Vec<Device>, _>>()?;
    if devices.is_empty() {
        devices = vec![Device::Cpu, Device::OpenVino];
    }
    let map = Array3::from_shape_fn((side, side, side), |(k, j, i)| ((k * 31 + j * 17 + i * 7) % 97) as f32 / 97.0);
    let image = map.clone().insert_axis(Axis(0));
    let inputs = Arc::new(NetworkInputs {
        image,
        previous_mask: map.clone(),
        positive: map.clone(),
        negative: map,
        class: None,
    });
    let mut timed = Vec::new();
    for device in devices {
        let runtime = Runtime::load(&RuntimeOptions { device, ..RuntimeOptions::default() })?;
        let network = Network::open(Bundle::load(&folder)?, &runtime)?;
        let features = network.encode(inputs.clone())?;
        timed.push(Timed { network, features, took: Default::default() });
    }
    // In turn, so that what else the machine does costs each the same.
    for _ in 0..ROUNDS {
        for device in &mut timed {
            device.round(&inputs)?;
        }
    }
    for device in &mut timed {
        println!("{} on {}, {side}³ voxels", device.network.bundle().title(), device.network.device());
        for (what, took) in ["encode", "decode", "sample, T = 8"].into_iter().zip(&mut device.took) {
            took.sort();
            let at = |n: usize| took.get(n).map_or(0.0, |d| d.as_secs_f64() * 1000.0);
            println!("{what:14} min {:7.1} ms   median {:7.1} ms", at(0), at(ROUNDS / 2));
        }
    }
    Ok(())
}

/// A network on a device, and how long its passes took.
struct Timed {
    network: Network,
    features: Features,
    took: [Vec<Duration>; 3],
}

impl Timed {
    fn round(&mut self, inputs: &Arc<NetworkInputs>) -> Result<(), Box<dyn std::error::Error>> {
        let [encode, decode, sample] = &mut self.took;
        let begun = Instant::now();
        self.network.encode(inputs.clone())?;
        encode.push(begun.elapsed());
        let begun = Instant::now();
        self.network.decode(&self.features)?;
        decode.push(begun.elapsed());
        let begun = Instant::now();
        self.network.sample(&self.features, 8, 1, &|| false)?;
        sample.push(begun.elapsed());
        Ok(())
    }
}
