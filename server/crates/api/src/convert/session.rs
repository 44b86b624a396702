use super::{label, placed, u32_of, wire_overlap};
use crate::sessions::Slot;
use crate::v1;
use isochrone_session::{Action, Session, Step};
use std::collections::BTreeSet;

/// The names of accounts.
pub(crate) fn names_of(accounts: &BTreeSet<String>) -> Vec<String> {
    accounts.iter().map(|a| isochrone_trust::name_of_account(a).to_owned()).collect()
}

pub(crate) fn session(slot: &Slot, session: &Session, viewers: BTreeSet<String>) -> v1::Session {
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
        overlap: wire_overlap(session.overlap()).into(),
        notice: slot.notice.clone(),
        viewers: names_of(&viewers),
    }
}

fn step(step: &Step) -> v1::Step {
    let (kind, prompts) = match &step.action {
        Action::AddLabel(_) => (v1::StepKind::AddLabel, Vec::new()),
        Action::UpdateLabel(_) => (v1::StepKind::UpdateLabel, Vec::new()),
        Action::DeleteLabel => (v1::StepKind::DeleteLabel, Vec::new()),
        Action::Operation(_) => (v1::StepKind::Operation, Vec::new()),
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
        changed_label_ids: step.others.iter().map(|(label, _)| *label).collect(),
    }
}
