//! Seeded random sessions against a model so plain that it is obviously right: it keeps every list of
//! steps there ever was, and computes its masks from nothing each time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{click, paint, session};
use isochrone_prompt::{PlacedPrompt, Polarity, Prompt};
use isochrone_segment::{Cancel, Channel, Prepared, RefineInput, Segmenter, refine};
use isochrone_session::stub::StubEngine;
use isochrone_session::{Session, SliceRef};
use isochrone_volume::{Axis, Mask, MaskDelta, VoxelBox};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone)]
enum Did {
    Label,
    Prompts(Vec<(u64, PlacedPrompt)>),
    Edit(MaskDelta),
    Reset,
    Accept,
}

type Steps = Vec<(u32, Did)>;

struct Model {
    engine: StubEngine,
    prepared: Arc<Prepared>,
    /// Every list there was, and which of them is in force.
    lists: Vec<Steps>,
    now: usize,
}

impl Model {
    fn new(session: &Session) -> Self {
        let engine = StubEngine::default();
        let prepared = engine.prepare(&[Channel { volume: session.volume().clone() }]).unwrap();
        Self { engine, prepared, lists: vec![Vec::new()], now: 0 }
    }

    fn steps(&self) -> &Steps {
        &self.lists[self.now]
    }

    fn go_on_with(&mut self, steps: Steps) {
        self.lists.truncate(self.now + 1);
        self.lists.push(steps);
        self.now += 1;
    }

    fn push(&mut self, label: u32, did: Did) {
        let mut steps = self.steps().clone();
        steps.push((label, did));
        self.go_on_with(steps);
    }

    fn remove(&mut self, prompt: u64) {
        let mut steps = self.steps().clone();
        for (_, did) in &mut steps {
            if let Did::Prompts(prompts) = did {
                prompts.retain(|(id, _)| *id != prompt);
            }
        }
        steps.retain(|(_, did)| !matches!(did, Did::Prompts(p) if p.is_empty()));
        self.go_on_with(steps);
    }

    fn masks(&self) -> BTreeMap<u32, Mask> {
        let grid = self.prepared.channels[0].volume.grid();
        let mut labels: BTreeMap<u32, (Mask, Vec<PlacedPrompt>)> = BTreeMap::new();
        for (label, did) in self.steps() {
            let (mut mask, mut prompts) =
                labels.remove(label).unwrap_or_else(|| (Mask::empty(grid.clone()), Vec::new()));
            let others: Vec<&Mask> = labels.values().map(|(mask, _)| mask).collect();
            match did {
                Did::Label | Did::Accept => {}
                Did::Reset => {
                    mask = Mask::empty(grid.clone());
                    prompts.clear();
                }
                Did::Edit(delta) => {
                    delta.apply(&mut mask).unwrap();
                    others.iter().for_each(|other| {
                        mask.voxels_mut().zip_mut_with(other.voxels(), |ours, theirs| *ours &= !theirs)
                    });
                }
                Did::Prompts(new) => {
                    prompts.extend(new.iter().map(|(_, p)| p.clone()));
                    let input =
                        RefineInput { prompts: &prompts, newest: new.len(), mask: &mask, other_labels: &others };
                    if let Ok(refined) = refine(&self.engine, &self.prepared, &input, &Cancel::new()) {
                        mask = refined.mask;
                    }
                }
            }
            labels.insert(*label, (mask, prompts));
        }
        labels.into_iter().map(|(label, (mask, _))| (label, mask)).collect()
    }
}

fn one_request(rng: &mut ChaCha8Rng, session: &mut Session, model: &mut Model) {
    let labels: Vec<u32> = session.labels().iter().map(|l| l.label).collect();
    let size = session.volume().grid().size();
    let voxel = |rng: &mut ChaCha8Rng| size.map(|n| rng.random_range(0..n));
    let Some(&label) = labels.get(rng.random_range(0..labels.len().max(1))) else {
        let label = session.add_label("first").unwrap().label.unwrap();
        return model.push(label, Did::Label);
    };
    match rng.random_range(0..20) {
        0 if labels.len() < 3 => {
            let label = session.add_label("next").unwrap().label.unwrap();
            model.push(label, Did::Label);
        }
        1..=7 => {
            let prompts: Vec<Prompt> = (0..rng.random_range(1..3))
                .map(|_| {
                    click(
                        session,
                        voxel(rng),
                        if rng.random_bool(0.7) { Polarity::Positive } else { Polarity::Negative },
                    )
                })
                .collect();
            if let Ok(update) = session.add_prompts(label, prompts, "") {
                model.push(label, Did::Prompts(update.prompts.into_iter().map(|p| (p.id, p.placed)).collect()));
            }
        }
        8..=9 => {
            let (a, b) = (voxel(rng), voxel(rng));
            let region = VoxelBox {
                min: [0, 1, 2].map(|n| a[n].min(b[n])),
                max: [0, 1, 2].map(|n| a[n].max(b[n]).min(a[n].min(b[n]) + 9) + 1),
            };
            let delta = paint(session, region, rng.random_bool(0.6));
            session.edit(label, delta.clone()).unwrap();
            model.push(label, Did::Edit(delta));
        }
        10 => {
            session.reset(label).unwrap();
            model.push(label, Did::Reset);
        }
        11 => {
            session.accept_slice(label, SliceRef { axis: Axis::I, index: voxel(rng)[0] }).unwrap();
            model.push(label, Did::Accept);
        }
        12..=13 => {
            let prompt = rng.random_range(1..12);
            if session.remove_prompt(prompt).is_ok() {
                model.remove(prompt);
            }
        }
        14..=16 => {
            if session.undo().is_ok() {
                model.now -= 1;
            }
        }
        _ => {
            if session.redo().is_ok() {
                model.now += 1;
            }
        }
    }
}

fn compare(session: &Session, model: &Model) {
    let masks = model.masks();
    assert_eq!(session.labels().iter().map(|l| l.label).collect::<Vec<_>>(), masks.keys().copied().collect::<Vec<_>>());
    for (label, expected) in masks {
        let (mask, snapshot) = session.mask(label).unwrap();
        assert_eq!(*mask, expected);
        assert_eq!((snapshot.digest, snapshot.voxels), (expected.digest(), expected.count()));
    }
    assert_eq!(session.undo_depth(), (model.now, model.lists.len() - 1 - model.now));
}

#[test]
fn random_sessions_agree_with_the_model() {
    for seed in 0..12 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut session = session();
        let mut model = Model::new(&session);
        let mut revision = 0;
        for n in 0..40 {
            one_request(&mut rng, &mut session, &mut model);
            assert!(session.revision() >= revision);
            revision = session.revision();
            if n % 4 == 3 {
                compare(&session, &model);
            }
        }
        compare(&session, &model);
        assert_eq!(session.replay().run(&Cancel::new()).unwrap().differing, Vec::<u64>::new());
    }
}
