//! What `docs/figures/demo_picture.py` draws: mask and uncertainty after each click, cut to the lesion's
//! neighbourhood, and every slice's score.

use super::case::Case;
use super::play::Turn;
use crate::client::RemoteSession;
use isochrone_volume::{Axis, Mask, VoxelBox, resample};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// How far beyond the lesion the picture reaches.
const MARGIN_MM: f64 = 45.0;

/// Writes mask and uncertainty of the present state as `<case>/click_NN_{mask,uncertainty}.nii.gz`
/// and returns every slice's score.
///
/// # Errors
/// The server has no uncertainty, or the folder cannot be written.
pub async fn keep(session: &mut RemoteSession, case: &Case, turns: &[Turn], out: &Path) -> anyhow::Result<Value> {
    let Some(turn) = turns.last() else { return Ok(Value::Null) };
    let region = neighbourhood(&case.truth);
    let grid = case.truth.grid().crop(&region)?;
    let folder = out.join(&case.name);
    std::fs::create_dir_all(&folder)?;
    let path = |part: &str| folder.join(format!("click_{:02}_{part}.nii.gz", turn.number));
    let mask = Mask::new(grid.clone().into(), session.mask().voxels().slice(region.slice()).to_owned())?;
    isochrone_export::write_labels(&path("mask"), &grid, &[(1, &mask)])?;
    let (map_grid, map) = session.uncertainty().await?;
    let near = resample::to_grid(map.view(), &map_grid, &grid, 0.0);
    isochrone_export::write_map(&path("uncertainty"), &grid, near.view())?;
    let mut scores: BTreeMap<String, Vec<(usize, f32)>> = BTreeMap::new();
    for (axis, first, of_axis) in &turn.answer.profiles {
        scores.insert(format!("{axis:?}").to_lowercase(), (*first..).zip(of_axis.iter().copied()).collect());
    }
    Ok(json!({"click": turn.number, "scores": scores}))
}

/// The part of `demo.json` that is for the picture.
pub fn document(case: &Case, clicks: Vec<Value>) -> Value {
    let region = neighbourhood(&case.truth);
    json!({"folder": case.name, "box_min": region.min, "box_max": region.max, "clicks": clicks})
}

/// The lesion and what lies round it.
fn neighbourhood(truth: &Mask) -> VoxelBox {
    let (inner, size, spacing) = (truth.bounding_box(), truth.grid().size(), truth.grid().spacing_mm());
    let margin = |axis: Axis| (MARGIN_MM / axis.of(spacing)).ceil() as usize;
    VoxelBox {
        min: Axis::ALL.map(|a| a.of(inner.min).saturating_sub(margin(a))),
        max: Axis::ALL.map(|a| (a.of(inner.max) + margin(a)).min(a.of(size))),
    }
}
