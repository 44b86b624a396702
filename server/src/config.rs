//! What `isochrone serve` was told, checked: past this, settings are good.

use crate::access::Access;
use crate::cli::Usage;
use crate::cli::serve::ServeArgs;
use isochrone_api::{Door, Limits, Root};
use isochrone_intake::dicomweb::Pacs;
use isochrone_network::{Device, RuntimeOptions};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Settings of a server.
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Who may come in.
    pub access: Access,
    /// Where Prometheus finds its page.
    pub metrics: Option<SocketAddr>,
    /// The folder whose files requests may name.
    pub root: Option<Root>,
    /// Model bundle.
    pub model: PathBuf,
    /// False if the model is the one that is taken where nobody names one.
    pub model_named: bool,
    /// How to run it.
    pub runtime: RuntimeOptions,
    /// Archives that requests may name.
    pub pacs: Vec<Arc<Pacs>>,
    /// What clients may ask for.
    pub limits: Limits,
}

/// The model that is taken where nobody names one, from the top of the source tree.
const DEFAULT_MODEL: &str = "models/lesion-3";

impl TryFrom<ServeArgs> for Config {
    type Error = Usage;

    fn try_from(args: ServeArgs) -> Result<Self, Usage> {
        if let Some(metrics) = args.metrics.filter(|m| !m.ip().is_loopback()) {
            return Err(Usage(format!(
                "--metrics {metrics}: the page of metrics has no password; put it on 127.0.0.1 and let Prometheus's agent on this machine read it"
            )));
        }
        let root = args
            .root
            .map(|folder| {
                Root::new(&folder).map_err(|e| Usage(format!("--root: this folder cannot be used ({})", e.kind())))
            })
            .transpose()?;
        let device: Device =
            args.device.parse().map_err(|e: isochrone_network::NetworkError| Usage(format!("--device: {e}")))?;
        let model_named = args.model.is_some();
        Ok(Self {
            access: Access::new(args.access, args.listen)?,
            metrics: args.metrics,
            listen: args.listen,
            root,
            model: args.model.unwrap_or_else(|| DEFAULT_MODEL.into()),
            model_named,
            runtime: RuntimeOptions { library: args.onnxruntime, device, threads: args.threads },
            pacs: args.pacs.load()?,
            limits: Limits { decoder: args.decoding.decoder()?, file: args.decoding.limits(), ..Limits::default() },
        })
    }
}

impl fmt::Display for Config {
    /// For the log: which settings, but no path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = |given: bool| if given { "given" } else { "default" };
        let threads = self.runtime.threads.map_or_else(|| "one a core".to_owned(), |n| n.to_string());
        write!(
            f,
            "listen {}, TLS {}, accounts {}, audit trail {}, root {}, model {}, device {}, threads {threads}, {} PACS",
            self.listen,
            if self.access.tls.is_some() { "on" } else { "off" },
            if matches!(self.access.door, Door::Open) { "off" } else { "on" },
            if self.access.trail.is_some() { "on" } else { "off" },
            if self.root.is_some() { "given" } else { "none (no files by path)" },
            given(self.model_named),
            self.runtime.device,
            self.pacs.len(),
        )
    }
}
