use super::{label, placed, u32_of};
use crate::sessions::Slot;
use crate::v1;
use isochrone_session::{Action, Session, Step};

pub(crate) fn session(slot: &Slot, session: &Session) -> v1::Session {
    let revision = session.revision();
    let (can_undo, can_redo) = session.undo_depth();
    v1::Session {
        session_id: slot.id.clone(),
        volume_ids: slot.volume_ids.clone(),
        engine: Some(slot.engine.clone()),
        seed: session.seed(),
        revision,
        labels: session.labels().iter().map(|l| label(l, revision)).collect(),
        steps: session.steps().iter().map(|s| step(s)).collect(),
        can_undo: u32_of(can_undo),
        can_redo: u32_of(can_redo),
    }
}

fn step(step: &Step) -> v1::Step {
    let (kind, prompts) = match &step.action {
        Action::AddLabel { .. } => (v1::StepKind::AddLabel, Vec::new()),
        Action::Prompts(prompts) => (v1::StepKind::Prompts, prompts.iter().map(placed).collect()),
        Action::Edit(_) => (v1::StepKind::Edit, Vec::new()),
        Action::Reset => (v1::StepKind::Reset, Vec::new()),
        Action::AcceptSlice { .. } => (v1::StepKind::AcceptSlice, Vec::new()),
    };
    v1::Step {
        step_id: step.id,
        revision: step.revision,
        label_id: step.label,
        kind: kind.into(),
        prompts,
        mask_sha256: step.result.digest.to_vec(),
    }
}
