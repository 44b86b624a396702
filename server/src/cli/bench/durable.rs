//! What it costs that sessions outlive the server: the same clicks with and without a journal, and the way back.

use super::{clicks, row};
use crate::cli::demo::case::Case;
use crate::client::{Remote, ServerOptions, ServerProcess};
use anyhow::ensure;
use isochrone_client::RemoteSession;
use isochrone_prompt::Click;
use std::path::Path;
use std::time::Instant;

const PROMPTS: usize = 30;
/// What a journal may add to a click (median), and what the way back may take.
const MORE_MS: f64 = 10.0;
const BACK_MS: f64 = 3_000.0;

pub(super) async fn measure(
    case: &Case,
    options: &ServerOptions,
    folder: &Path,
    plain: &mut Remote,
) -> anyhow::Result<()> {
    let state = folder.join(format!("state-{}", case.name));
    let options = ServerOptions { state: Some(state), ..options.clone() };
    let log = folder.join("durable.log");
    let server = ServerProcess::start(&options, &log)?;
    let mut keeping = Remote::connect(server.address()).await?;
    let clicks = clicks(case, PROMPTS)?;
    // The first session of a server pays for buffers that the others find.
    play(&mut open(case, &mut keeping).await?, &clicks).await?;
    let (mut without, mut with) = (open(case, plain).await?, open(case, &mut keeping).await?);
    let (mut usual, mut kept) = (Vec::new(), Vec::new());
    for pair in clicks.chunks(2) {
        // In turns, so that neither has the machine's better moments.
        usual.extend(play(&mut without, pair).await?);
        kept.extend(play(&mut with, pair).await?);
    }
    let id = with.id().to_owned();
    let [usual_mask, mask] = [without, with].map(|session| session.mask().digest().to_vec());
    ensure!(usual_mask == mask, "A journal changed the mask");
    let difference: Vec<f64> = kept.iter().zip(&usual).map(|(a, b)| a - b).collect();
    row(&case.name, "click to mask, not kept", &mut usual, None);
    row(&case.name, "click to mask, kept", &mut kept, None);
    row(&case.name, "  more, click by click", &mut difference.clone(), Some(MORE_MS));
    drop(server);
    let server = ServerProcess::start(&options, &log)?;
    let mut remote = Remote::connect(server.address()).await?;
    let begun = Instant::now();
    let found = remote.look(&id).await?;
    let took = begun.elapsed().as_secs_f64() * 1000.0;
    let digest = found.steps.last().map(|s| s.mask_sha256.clone()).unwrap_or_default();
    ensure!(digest == mask, "Another mask came back");
    row(&case.name, &format!("{PROMPTS} prompts come back"), &mut [took], Some(BACK_MS));
    Ok(())
}

async fn open(case: &Case, remote: &mut Remote) -> anyhow::Result<RemoteSession> {
    let volume = remote.upload(&case.image, case.modality, |_, _| {}).await?;
    Ok(remote.open(&volume, "network", 1).await?)
}

async fn play(session: &mut RemoteSession, clicks: &[Click]) -> anyhow::Result<Vec<f64>> {
    let mut times = Vec::new();
    for &click in clicks {
        times.push(session.click(click, 0).await?.mask_ms);
    }
    Ok(times)
}
