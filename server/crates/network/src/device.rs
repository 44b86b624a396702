use crate::NetworkError;
use ort::environment::Environment;
use ort::ep::{self, ExecutionProviderDispatch};
use ort::session::Session;
use ort::value::TensorRef;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where forward passes run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// The first CUDA device if it works, else the CPU: with OpenVINO where it works, which is quicker.
    #[default]
    Auto,
    /// The CPU, with ONNX Runtime's own kernels.
    Cpu,
    /// The CPU, with OpenVINO's kernels, in single precision.
    OpenVino,
    /// A CUDA device by its number.
    Cuda(u32),
    /// A CUDA device by its number, with TensorRT (which compiles the graphs at the first pass).
    TensorRt(u32),
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::OpenVino => f.write_str("openvino"),
            Self::Cuda(n) => write!(f, "cuda:{n}"),
            Self::TensorRt(n) => write!(f, "tensorrt:{n}"),
        }
    }
}

impl FromStr for Device {
    type Err = NetworkError;

    /// Reads `auto`, `cpu`, `openvino`, `cuda`, `cuda:1`, `tensorrt` or `tensorrt:1`.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError::Device(text.chars().take(40).collect());
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, Some(number.parse::<u32>().ok().filter(|n| *n < 1024).ok_or_else(wrong)?)),
            None => (text, None),
        };
        match (name.to_ascii_lowercase().as_str(), number) {
            ("auto", None) => Ok(Self::Auto),
            ("cpu", None) => Ok(Self::Cpu),
            ("openvino", None) => Ok(Self::OpenVino),
            ("cuda", n) => Ok(Self::Cuda(n.unwrap_or(0))),
            ("tensorrt", n) => Ok(Self::TensorRt(n.unwrap_or(0))),
            _ => Err(wrong()),
        }
    }
}

/// What was asked for, what runs, and what the reader should know about the difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceReport {
    /// What was asked for.
    pub requested: Device,
    /// What runs: never [`Device::Auto`].
    pub used: Device,
    /// One sentence; empty if the request was met without a word.
    pub message: String,
}

/// Finds a device that works by running a tiny convolution on it.
pub(crate) fn select(requested: Device, environment: &Environment, threads: usize) -> DeviceReport {
    choose(requested, |device| probe(device, environment, threads))
}

/// The first device that works, of those that a request leaves open; `works` tries one.
fn choose(requested: Device, works: impl Fn(Device) -> Result<(), NetworkError>) -> DeviceReport {
    let why_not = |device| {
        works(device).err().map(|error| {
            let why = match error {
                NetworkError::Run(why) => why,
                other => other.to_string(),
            };
            why.trim_end_matches('.').to_owned()
        })
    };
    let report = |used, message| DeviceReport { requested, used, message };
    match requested {
        Device::Cpu => report(Device::Cpu, String::new()),
        Device::Auto => {
            let Some(no_gpu) = why_not(Device::Cuda(0)) else { return report(Device::Cuda(0), String::new()) };
            match why_not(Device::OpenVino) {
                None => {
                    let message = format!("No usable CUDA device ({no_gpu}); running on the CPU, with OpenVINO");
                    report(Device::OpenVino, message)
                }
                Some(no_openvino) => {
                    let message =
                        format!("No usable CUDA device ({no_gpu}), nor OpenVINO ({no_openvino}); running on the CPU");
                    report(Device::Cpu, message)
                }
            }
        }
        device => match why_not(device) {
            None => report(device, String::new()),
            Some(why) => {
                let message = format!("The device {device} cannot be used here ({why}); running on the CPU instead");
                report(Device::Cpu, message)
            }
        },
    }
}

/// What to register for a device. Sums must not depend on which algorithm happened to win a race.
pub(crate) fn providers(device: Device, threads: usize) -> Vec<ExecutionProviderDispatch> {
    match device {
        Device::Auto | Device::Cpu => Vec::new(),
        Device::OpenVino => vec![openvino(threads)],
        Device::Cuda(n) => vec![cuda(n)],
        Device::TensorRt(n) => vec![tensorrt(n), cuda(n)],
    }
}

/// In single precision: left to itself, OpenVINO rounds to bfloat16 where the processor has it. Nothing that is compiled is
/// kept on disk: reading it back takes as long as compiling.
fn openvino(threads: usize) -> ExecutionProviderDispatch {
    let provider = ep::OpenVINO::default().with_device_type("CPU").with_precision("FP32").with_num_threads(threads);
    provider.build().error_on_failure()
}

fn cuda(n: u32) -> ExecutionProviderDispatch {
    ep::CUDA::default()
        .with_device_id(i32::try_from(n).unwrap_or_default())
        .with_conv_algorithm_search(ep::cuda::ConvAlgorithmSearch::Heuristic)
        .with_tf32(false)
        .build()
        .error_on_failure()
}

fn tensorrt(n: u32) -> ExecutionProviderDispatch {
    let engine = ep::TensorRT::default().with_device_id(i32::try_from(n).unwrap_or_default());
    // Compiling takes minutes: once a machine and model, not once a start.
    let engine = match engine_cache() {
        Some(folder) => {
            let folder = folder.to_string_lossy().into_owned();
            engine.with_engine_cache(true).with_engine_cache_path(&folder).with_timing_cache(true)
        }
        None => engine,
    };
    engine.build().error_on_failure()
}

/// Where TensorRT keeps what it compiled: the user's own cache folder, as engines are code; `None` where there is none.
fn engine_cache() -> Option<PathBuf> {
    let given = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let caches = given("XDG_CACHE_HOME").or_else(|| given("HOME").map(|home| home.join(".cache")))?;
    let folder = caches.join("isochrone").join("tensorrt");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder)
}

/// `y = conv(x, w)`, 2³ voxels; written by `tests/data/make_models.py`.
const PROBE: &[u8] = include_bytes!("probe.onnx");

/// A provider that registers may still have no hardware: only a pass tells.
fn probe(device: Device, environment: &Environment, threads: usize) -> Result<(), NetworkError> {
    let builder = Session::builder(environment)?.with_execution_providers(providers(device, threads))?;
    let mut session = builder.with_disable_cpu_fallback()?.commit_from_memory(PROBE)?;
    let x = [1.0f32; 8];
    let input = TensorRef::from_array_view(([1usize, 1, 2, 2, 2], x.as_slice()))?;
    let outputs = session.run(vec![("x", input)])?;
    let right =
        outputs.get("y").and_then(|y| y.try_extract_tensor::<f32>().ok()).is_some_and(|(_, y)| y == [2.0f32; 8]);
    if right { Ok(()) } else { Err(NetworkError::Run("the test convolution gave a wrong result".to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let good = [
            ("auto", Device::Auto),
            ("cpu", Device::Cpu),
            ("OpenVINO", Device::OpenVino),
            ("CUDA", Device::Cuda(0)),
            ("cuda:3", Device::Cuda(3)),
            ("tensorrt:1", Device::TensorRt(1)),
        ];
        for (text, device) in good {
            assert_eq!(text.parse::<Device>().unwrap(), device);
            assert_eq!(device.to_string().parse::<Device>().unwrap(), device);
        }
        for bad in ["", "gpu", "cpu:0", "openvino:0", "auto:1", "cuda:", "cuda:-1", "cuda:x", "cuda:99999"] {
            assert!(matches!(bad.parse::<Device>(), Err(NetworkError::Device(_))), "{bad}");
        }
    }

    /// Devices that work, of a machine; what is asked of it becomes which, and what is said of it.
    #[test]
    fn the_first_that_works() {
        let nothing: &[Device] = &[];
        let (cuda, openvino) = (Device::Cuda(0), Device::OpenVino);
        let machines: [(&[Device], Device, Device, &[&str]); 9] = [
            (&[cuda, openvino], Device::Auto, cuda, &[]),
            (&[cuda], Device::Auto, cuda, &[]),
            (&[openvino], Device::Auto, openvino, &["No usable CUDA device (cuda:0 is broken)", "OpenVINO"]),
            (nothing, Device::Auto, Device::Cpu, &["cuda:0 is broken", "OpenVINO (openvino is broken)", "on the CPU"]),
            (&[openvino], openvino, openvino, &[]),
            (&[cuda], openvino, Device::Cpu, &["openvino cannot be used here (openvino is broken)", "CPU instead"]),
            (&[openvino], Device::Cuda(1), Device::Cpu, &["cuda:1 cannot be used", "CPU instead"]),
            (&[openvino], Device::TensorRt(0), Device::Cpu, &["tensorrt:0 is broken"]),
            (&[cuda, openvino], Device::Cpu, Device::Cpu, &[]),
        ];
        for (there, requested, used, words) in machines {
            let report = choose(requested, |device| match there.contains(&device) {
                true => Ok(()),
                false => Err(NetworkError::Run(format!("{device} is broken."))),
            });
            assert_eq!((report.requested, report.used), (requested, used), "{there:?}");
            assert_eq!(report.message.is_empty(), words.is_empty(), "{}", report.message);
            assert!(words.iter().all(|w| report.message.contains(w)), "{}", report.message);
        }
    }
}
