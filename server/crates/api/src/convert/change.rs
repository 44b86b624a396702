use super::geometry::{voxel_box, wire_box};
use super::{label, placed, u32_of};
use crate::{ApiError, PROTOCOL_VERSION, v1};
use isochrone_session::{LabelDelta, LabelInfo, Snapshot, Update};
use isochrone_volume::MaskDelta;

pub(crate) fn provenance(engine: &v1::Engine, seed: u64) -> v1::Provenance {
    v1::Provenance { protocol_version: PROTOCOL_VERSION, engine: Some(engine.clone()), seed }
}

/// What a change did; whoever timed and measured it adds that.
pub(crate) fn mask_update(update: &Update, provenance: v1::Provenance) -> v1::MaskUpdate {
    v1::MaskUpdate {
        revision: update.revision,
        deltas: update.deltas.iter().map(|d| delta(d, update)).collect(),
        provenance: Some(provenance),
        prompts: update.prompts.iter().map(placed).collect(),
        working_spacing_mm: update.spacing_mm.unwrap_or_default(),
        elapsed_ms: 0.0,
        can_undo: u32_of(update.can_undo),
        can_redo: u32_of(update.can_redo),
        warnings: update.warnings.clone(),
        labels: update.labels.iter().map(|l| label(l, update.revision)).collect(),
        measures: Vec::new(),
        waited_ms: 0.0,
    }
}

fn delta(change: &LabelDelta, update: &Update) -> v1::LabelDelta {
    let volume_ml = update.labels.iter().find(|l| l.label == change.label).map(|l| l.volume_ml);
    wire_delta(change.label, &change.delta, &change.snapshot, volume_ml.unwrap_or_default())
}

/// The whole mask of a label.
pub(crate) fn whole_mask(info: &LabelInfo, snapshot: &Snapshot) -> v1::LabelDelta {
    wire_delta(info.label, &snapshot.content, snapshot, info.volume_ml)
}

fn wire_delta(label_id: u32, delta: &MaskDelta, snapshot: &Snapshot, volume_ml: f64) -> v1::LabelDelta {
    v1::LabelDelta {
        label_id,
        r#box: Some(wire_box(&delta.region)),
        zlib_bits: delta.zlib_bits.clone(),
        mask_sha256: snapshot.digest.to_vec(),
        voxels: snapshot.voxels as u64,
        volume_ml,
    }
}

/// What a client painted.
pub(crate) fn edit(request: v1::ApplyEditRequest) -> Result<MaskDelta, ApiError> {
    let region = voxel_box("box", request.r#box.as_ref())?;
    if region.is_empty() {
        return Err(ApiError::field("box", "holds no voxel; max must lie beyond min along every axis"));
    }
    Ok(MaskDelta { region, zlib_bits: request.zlib_bits })
}
