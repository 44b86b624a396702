//! `isochrone serve`.

use clap::Args;

/// Options of `isochrone serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {}

/// Serves until a signal ends it.
pub fn run(_args: ServeArgs) -> anyhow::Result<()> {
    Ok(())
}
