//! `isochrone serve`: settings, engines, services, and the way to an orderly end.

use crate::access::{Access, AccessArgs};
use crate::cli::decoding::DecodingArgs;
use crate::cli::pacs::PacsArgs;
use crate::config::Config;
use crate::engines;
use crate::transport::{incoming, serve_metrics};
use anyhow::Context;
use clap::Args;
use isochrone_api::v1::export_server::ExportServer;
use isochrone_api::v1::pacs_server::PacsServer;
use isochrone_api::v1::segmentation_server::SegmentationServer;
use isochrone_api::v1::volumes_server::VolumesServer;
use isochrone_api::{
    ExportService, FILE_DESCRIPTOR_SET, Gate, GateOptions, House, Metrics, PacsService, SegmentationService,
    TransportLimits, VolumesService,
};
use isochrone_trust::audit::{Event, Kind, Trail};
use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::transport::Server;

/// Options of `isochrone serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address and port; port 0 takes a free one. One that other machines can reach needs TLS and accounts
    #[arg(long, env = "ISOCHRONE_LISTEN", default_value = "127.0.0.1:50051")]
    pub listen: SocketAddr,
    /// Folder below which clients may name files to load and to save
    #[arg(long, value_name = "DIR", env = "ISOCHRONE_ROOT")]
    pub root: Option<PathBuf>,
    /// Folder of a model bundle [default: models/lesion-3]
    #[arg(long, value_name = "BUNDLE", env = "ISOCHRONE_MODEL")]
    pub model: Option<PathBuf>,
    /// Where the network runs: auto, cpu, openvino, cuda[:n] or tensorrt[:n]
    #[arg(long, env = "ISOCHRONE_DEVICE", default_value = "auto")]
    pub device: String,
    /// Threads for computing [default: one for each core]
    #[arg(long, value_name = "N", env = "ISOCHRONE_THREADS")]
    pub threads: Option<NonZeroUsize>,
    /// The ONNX Runtime library [default: beside the program, or where `make onnxruntime` puts it]
    #[arg(long, value_name = "PATH", env = "ISOCHRONE_ONNXRUNTIME")]
    pub onnxruntime: Option<PathBuf>,
    /// Archives that requests may name.
    #[command(flatten)]
    pub pacs: PacsArgs,
    /// Loopback address of the page for Prometheus, such as 127.0.0.1:9464 [default: none]
    #[arg(long, value_name = "ADDR", env = "ISOCHRONE_METRICS")]
    pub metrics: Option<SocketAddr>,
    #[command(flatten)]
    pub access: AccessArgs,
    #[command(flatten)]
    pub decoding: DecodingArgs,
}

/// Serves until SIGTERM or SIGINT, then lets the requests in hand finish.
///
/// # Errors
/// [`crate::cli::Usage`] for wrong settings; an address that is taken; a server that fails.
pub fn run(args: ServeArgs) -> anyhow::Result<()> {
    no_core_dumps();
    let config = Config::try_from(args)?;
    tracing::info!("isochrone {}: {config}", env!("CARGO_PKG_VERSION"));
    if let Some(threads) = config.runtime.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .build_global()
            .context("The threads could not be started")?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("The server's threads could not be started")?;
    let served = runtime.block_on(serve(config));
    // Jobs that nobody waits for any more end with the process.
    runtime.shutdown_background();
    served
}

/// A dump of this process would hold images of patients.
fn no_core_dumps() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
            tracing::warn!("a crash may leave a core dump, with images in it ({error})");
        }
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    // First of all, so that a signal during the start ends in order too.
    let stop = stop_signal()?;
    let (listener, address) = bind(config.listen).await?;
    let page = match config.metrics {
        Some(metrics) => Some(bind(metrics).await?),
        None => None,
    };
    let offered = engines::load(&config);
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<VolumesServer<VolumesService>>().await;
    health.set_serving::<SegmentationServer<SegmentationService>>().await;
    health.set_serving::<ExportServer<ExportService>>().await;
    health.set_serving::<PacsServer<PacsService>>().await;
    for (name, status) in &offered.health {
        health.set_service_status(format!("isochrone.engine.{name}"), *status).await;
    }
    let Access { tls, door, origins, trail, collector, vault } = config.access;
    let house = House::new(offered.engines, config.root, config.pacs, vault, config.limits.clone())
        .context("No private folder for uploads could be made")?;
    tokio::spawn(house.clone().look_after_uploads());
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .context("The protocol's description is damaged")?;
    let metrics = Arc::new(Metrics::default());
    if let Some((page, address)) = page {
        tracing::info!("metrics on http://{address}/metrics");
        let (metrics, house) = (metrics.clone(), house.clone());
        tokio::spawn(serve_metrics(page, Arc::new(move || metrics.render(&house.levels()))));
    }
    if let Some(trail) = &trail {
        say_head(trail);
        tokio::spawn(keep_synced(trail.clone()));
    }
    if let Some((collector, trail)) = collector {
        tokio::spawn(collector.follow(trail));
    }
    let transport = &config.limits.transport;
    let bytes = transport.message_bytes;
    let gate = Gate::new(GateOptions { door, origins, trail: trail.clone(), metrics: metrics.clone() });
    tokio::spawn(gate.end_with_accounts());
    let router = server(transport)
        .layer(gate)
        .add_service(health_service)
        .add_service(reflection)
        .add_service(VolumesServer::new(VolumesService::new(house.clone())).max_decoding_message_size(bytes))
        .add_service(SegmentationServer::new(SegmentationService::new(house.clone())).max_decoding_message_size(bytes))
        .add_service(ExportServer::new(ExportService::new(house.clone())).max_decoding_message_size(bytes))
        .add_service(PacsServer::new(PacsService::new(house.clone())).max_decoding_message_size(bytes));
    announce(address).context("The address could not be printed")?;
    let connections = incoming(listener, tls, transport, metrics);
    let stopping = stopped(stop.clone());
    let stopping = async {
        stopping.await;
        // Load balancers send nobody any more.
        health.set_not_serving::<VolumesServer<VolumesService>>().await;
        health.set_not_serving::<SegmentationServer<SegmentationService>>().await;
        health.set_not_serving::<ExportServer<ExportService>>().await;
        health.set_not_serving::<PacsServer<PacsService>>().await;
    };
    let ended = router.serve_with_incoming_shutdown(connections, stopping);
    tokio::select! {
        ended = ended => ended.context("The server failed")?,
        () = drained(stop, transport) => tracing::warn!("some requests did not end in time"),
    }
    // Patients' temporary files go, though references to the house may be left.
    house.clear_away();
    if let Some(trail) = &trail {
        if trail.record(&Event::of_server(Kind::Stop, "")).and_then(|()| trail.sync()).is_err() {
            tracing::error!("{} events are not in the audit trail: its file cannot be written", trail.waiting().0);
        }
        say_head(trail);
    }
    tracing::info!("stopped");
    Ok(())
}

async fn bind(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("{address} cannot be listened on"))?;
    let address = listener.local_addr().context("The address is not known")?;
    Ok((listener, address))
}

/// The trail's newest hash, in a place where whoever can write the trail cannot change it, it is to be hoped.
fn say_head(trail: &Trail) {
    let (events, head) = trail.head();
    tracing::info!("audit trail: {events} events, newest hash {head}");
}

/// Every event is on the disk within a second.
async fn keep_synced(trail: Arc<Trail>) {
    let mut written = 0;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = trail.head().0;
        if now != written {
            let syncing = trail.clone();
            match tokio::task::spawn_blocking(move || syncing.sync()).await {
                Ok(Ok(())) => written = now,
                _ => tracing::error!("the audit trail could not be brought to the disk"),
            }
        }
    }
}

/// A server with the limits that tonic leaves off.
fn server(limits: &TransportLimits) -> Server {
    Server::builder()
        .http2_keepalive_interval(Some(limits.keepalive_interval))
        .http2_keepalive_timeout(Some(limits.keepalive_timeout))
        .http2_max_header_list_size(limits.header_bytes)
        .http2_max_pending_accept_reset_streams(Some(limits.resets))
        .max_concurrent_streams(limits.streams)
        .concurrency_limit_per_connection(limits.streams as usize)
        .timeout(limits.request)
}

/// The one line on stdout: whoever started the server reads its port here.
fn announce(address: SocketAddr) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "isochrone listening on {address}")?;
    out.flush()?;
    tracing::info!("listening on {address}");
    Ok(())
}

/// True once SIGTERM or SIGINT has come.
fn stop_signal() -> anyhow::Result<watch::Receiver<bool>> {
    #[cfg(unix)]
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("SIGTERM cannot be received")?;
    let (say, stop) = watch::channel(false);
    tokio::spawn(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = term.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
        tracing::info!("stopping: no new requests, those in hand are finished");
        // Nobody listens if the server failed before.
        let _ = say.send(true);
    });
    Ok(stop)
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // Without a sender nothing will ever come, and the server may end.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn drained(stop: watch::Receiver<bool>, limits: &TransportLimits) {
    stopped(stop).await;
    tokio::time::sleep(limits.drain).await;
}
