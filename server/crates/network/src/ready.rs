//! A network that has run once, on a device that can run it.

use crate::{Bundle, Device, Network, NetworkError, Runtime};

impl Network {
    /// Opens a bundle's graphs and runs each once, so that the first prompt is as quick as any other. A device that
    /// cannot run them is given up for the CPU; the runtime that is returned is the one in force, and says why.
    ///
    /// # Errors
    /// As [`Network::open`] and [`Network::warm_up`]; the CPU cannot run it either.
    pub fn ready(bundle: Bundle, runtime: &Runtime) -> Result<(Self, Runtime), NetworkError> {
        match open_warm(bundle.clone(), runtime) {
            Err(NetworkError::Run(why)) if runtime.device().used != Device::Cpu => {
                let cpu = runtime.on_the_cpu(&why);
                Ok((open_warm(bundle, &cpu)?, cpu))
            }
            opened => Ok((opened?, runtime.clone())),
        }
    }
}

fn open_warm(bundle: Bundle, runtime: &Runtime) -> Result<Network, NetworkError> {
    let network = Network::open(bundle, runtime)?;
    network.warm_up()?;
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RuntimeOptions;
    use std::path::Path;

    #[test]
    fn a_device_that_cannot_run_the_model_is_given_up_for_the_cpu() {
        let options = RuntimeOptions { device: Device::Cpu, ..RuntimeOptions::default() };
        let runtime = Runtime::load(&options).expect("the tests need ONNX Runtime: run `make onnxruntime`");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../models/lesion-3");
        let bundle = Bundle::load(&folder).unwrap();
        // No machine has so many.
        let (network, used) = Network::ready(bundle.clone(), &runtime.pretending(Device::Cuda(1023))).unwrap();
        assert!(network.device().starts_with("cpu ("), "{}", network.device());
        let report = used.device();
        assert_eq!((report.requested, report.used), (Device::Cpu, Device::Cpu));
        let message = &report.message;
        assert!(message.contains("does not run on cuda:1023 (") && message.contains("on the CPU instead"), "{message}");
        // What runs at once is left as it is.
        let (network, used) = Network::ready(bundle, &runtime).unwrap();
        assert!(network.device().starts_with("cpu (") && used.device().message.is_empty());
    }
}
