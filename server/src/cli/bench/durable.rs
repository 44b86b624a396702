//! What it costs that sessions outlive the server: the same clicks with and without a journal, and the way back.

use super::{clicks, row};
use crate::cli::demo::case::Case;
use crate::client::{Remote, ServerOptions, ServerProcess};
use anyhow::ensure;
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
    let (mut usual, _, usual_mask) = play(case, plain, &clicks).await?;
    let (mut kept, id, mask) = play(case, &mut keeping, &clicks).await?;
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

/// Times of all clicks in one session, its id, and the last mask's digest.
async fn play(case: &Case, remote: &mut Remote, clicks: &[Click]) -> anyhow::Result<(Vec<f64>, String, Vec<u8>)> {
    let volume = remote.upload(&case.image, case.modality, |_, _| {}).await?;
    let mut session = remote.open(&volume, "network", 1).await?;
    let mut times = Vec::new();
    for &click in clicks {
        times.push(session.click(click, 0).await?.mask_ms);
    }
    Ok((times, session.id().to_owned(), session.mask().digest().to_vec()))
}
