//! Clicks of an earlier evaluation, so that engines can be compared on the same ones.

use anyhow::{Context, bail};
use isochrone_robot::Click;
use std::collections::BTreeMap;
use std::path::Path;

/// Clicks by case, in their order.
pub(super) type Clicks = BTreeMap<String, Vec<Click>>;

/// Reads a `clicks.csv`.
///
/// # Errors
/// It cannot be read, or lacks a column.
pub(super) fn read(path: &Path) -> anyhow::Result<Clicks> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| {
        header.iter().position(|h| *h == name).with_context(|| format!("{} has no column {name:?}", path.display()))
    };
    let (case, polarity) = (column("case")?, column("polarity")?);
    let (i, j, k) = (column("i")?, column("j")?, column("k")?);
    let mut clicks = Clicks::new();
    for (n, line) in lines.enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        let voxel = [k, j, i].map(|at| field(at).parse::<usize>().ok());
        let [Some(k), Some(j), Some(i)] = voxel else { bail!("line {} of {} is no click", n + 2, path.display()) };
        let click = Click { voxel_kji: [k, j, i], positive: field(polarity) == "+" };
        clicks.entry(field(case).to_owned()).or_default().push(click);
    }
    Ok(clicks)
}
