//! How long a whole body takes to be looked over, and what that costs a reader who clicks meanwhile.

use super::{BenchArgs, clicks, first, of, row};
use crate::cli::demo::case::Case;
use crate::cli::demo::phantom;
use crate::cli::shared;
use crate::client::Remote;
use anyhow::Context;
use isochrone_volume::{DVec3, Modality};
use std::path::Path;
use std::time::{Duration, Instant};

const SIZE: [usize; 3] = [400, 400, 326];
const SPACING_MM: DVec3 = DVec3::new(2.04, 2.04, 3.0);
/// What a sweep of it may take, and how much longer a click may take meanwhile (median).
const GOAL_MS: f64 = 15_000.0;
const MORE_MS: f64 = 150.0;
/// Time between a reader's clicks: to look, and to aim.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) async fn measure(args: &BenchArgs, folder: &Path, remote: &mut Remote) -> anyhow::Result<()> {
    // Beside the runtime, which answers the server's pings meanwhile.
    let place = folder.to_owned();
    let case = tokio::task::spawn_blocking(move || body(&place)).await??;
    let volume = remote.upload(&case.image, case.modality, |_, _| {}).await?;
    let clicks = clicks(&case, 2 * args.clicks as usize)?;
    let session = remote.open(&volume, "network", 1).await?;
    let found = session.sweep(args.samples).await?;
    let what = format!(
        "sweep, {} samples, {} mm, {} windows ({} of air)",
        args.samples, found.working_spacing_mm, found.windows, found.windows_empty
    );
    row(&case.name, &what, &mut [found.elapsed_ms], Some(GOAL_MS));
    session.close().await?;
    first(remote, &volume, &clicks, 0).await?;
    let mut alone = of(&first(remote, &volume, &clicks, 0).await?, |a| Some(a.mask_ms));
    let usual = shared::median(&mut alone);
    row(&case.name, "first click to mask", &mut alone, None);
    let session = remote.open(&volume, "network", 2).await?;
    let sweep = tokio::spawn({
        let (begun, samples) = (Instant::now(), args.samples);
        async move { (session.sweep(samples).await, begun.elapsed(), session) }
    });
    let mut meanwhile = Vec::new();
    for &click in &clicks {
        tokio::time::sleep(PAUSE).await;
        if sweep.is_finished() {
            break;
        }
        let mut session = remote.open(&volume, "network", 1).await?;
        meanwhile.push(session.click(click, 0).await?.mask_ms);
        session.close().await?;
    }
    let (found, took, session) = sweep.await?;
    found?;
    row(&case.name, "  while a sweep goes on", &mut meanwhile, Some(usual + MORE_MS));
    row(&case.name, "  that sweep", &mut [took.as_secs_f64() * 1000.0], None);
    session.close().await?;
    Ok(remote.unload(volume).await?)
}

/// The phantom on the grid of a whole-body PET/CT, with its largest lesion.
fn body(folder: &Path) -> anyhow::Result<Case> {
    let drawn = phantom::draw_on(SIZE, SPACING_MM, 21)?;
    let image = folder.join("body.nii.gz");
    isochrone_export::write_volume(&image, &drawn.image)?;
    let (title, truth) = drawn.lesions.into_iter().next_back().context("The phantom has no lesion")?;
    Ok(Case {
        name: "whole body".to_owned(),
        title: title.to_owned(),
        modality: Modality::Ct,
        truth_file: image.clone(),
        image,
        truth,
    })
}
