//! Seeded random sessions against a plain model ([`plain`]), with a client that puts its masks together from deltas.
//!
//! More than 10,000 steps and changes of the list by default; `ISOCHRONE_MODEL_SESSIONS` makes it more or fewer (50
//! requests a session, some of which are refused, as they should be).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod plain;

use common::{click, paint};
use isochrone_prompt::{Drag, Follow, InitialMask, Plane, Polarity, Polygon, Prompt, Scribble};
use isochrone_segment::{Cancel, Channel, SegmentError};
use isochrone_session::stub::StubEngine;
use isochrone_session::{
    AboutChange, Code, Keeper, Operation, Overlap, Placing, Session, SessionError, SessionLimits, SetOperation,
    SliceRef, Update, VertexDrag, Wanted,
};
use isochrone_volume::operations::Holes;
use isochrone_volume::{Axis, DVec3, Mask, VolumeError, VoxelBox};
use plain::{Did, Model, One, Pointed};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

struct Round {
    rng: ChaCha8Rng,
    session: Session,
    model: Model,
    /// Masks as a client has them.
    client: BTreeMap<u32, Mask>,
    done: BTreeMap<&'static str, usize>,
    seed: u64,
    /// What a journal would hold.
    kept: List,
}

#[derive(Clone, Default)]
struct List(Arc<Mutex<Vec<Vec<u8>>>>);

impl Keeper for List {
    fn keep(&mut self, record: &[u8]) -> Result<(), String> {
        self.0.lock().unwrap().push(record.to_vec());
        Ok(())
    }
}

fn fresh(seed: u64) -> (Session, StubEngine) {
    let engine = StubEngine { side: 16, ..StubEngine::default() };
    let channel = Channel { volume: common::small_volume() };
    (Session::open(Arc::new(engine.clone()), &[channel], seed, SessionLimits::default()).unwrap(), engine)
}

impl Round {
    fn new(seed: u64) -> Self {
        let (session, engine) = fresh(seed);
        let model = Model::new(&session, engine);
        let kept = List::default();
        let session = session.kept_by(Box::new(kept.clone()));
        let (client, done) = (BTreeMap::new(), BTreeMap::new());
        Self { rng: ChaCha8Rng::seed_from_u64(seed), session, model, client, done, seed, kept }
    }

    /// The process ends here; another goes on from what was kept.
    fn crash(&mut self) {
        let before = self.session.revision();
        let records = self.kept.0.lock().unwrap().clone();
        let session = fresh(self.seed).0.resumed(&records).unwrap();
        self.session = session.kept_by(Box::new(self.kept.clone()));
        assert_eq!(self.session.revision(), before);
    }

    fn voxel(&mut self) -> [usize; 3] {
        self.session.volume().grid().size().map(|n| self.rng.random_range(0..n))
    }

    fn place(&mut self) -> DVec3 {
        let voxel = self.voxel();
        self.session.volume().grid().centre_mm(voxel)
    }

    fn region(&mut self, most: usize) -> VoxelBox {
        let (a, b) = (self.voxel(), self.voxel());
        let min = [0, 1, 2].map(|n| a[n].min(b[n]));
        VoxelBox { min, max: [0, 1, 2].map(|n| a[n].max(b[n]).min(min[n] + most) + 1) }
    }

    /// A request went through: so it must with the model, and the client follows.
    fn did(&mut self, what: &'static str, label: u32, did: Did, overlap: Overlap, update: &Update) {
        self.model.push(One { label, did, overlap });
        self.follow(what, update);
    }

    fn follow(&mut self, what: &'static str, update: &Update) {
        *self.done.entry(what).or_default() += 1;
        let grid = self.session.volume().grid().clone();
        self.client.retain(|label, _| update.labels.iter().any(|l| l.label == *label));
        for label in &update.labels {
            self.client.entry(label.label).or_insert_with(|| Mask::empty(grid.clone()));
        }
        for delta in &update.deltas {
            let mask = self.client.get_mut(&delta.label).unwrap();
            delta.delta.apply(mask).unwrap();
            assert_eq!(mask.digest(), delta.snapshot.digest, "{what}: the client's mask of {}", delta.label);
        }
    }

    fn wanted(&mut self, label: u32) -> Vec<Wanted> {
        let polarity = if self.rng.random_bool(0.7) { Polarity::Positive } else { Polarity::Negative };
        let plane = Plane::with_normal(self.place(), DVec3::Z).unwrap();
        let polygons: Vec<Pointed> = self.model.state()[&label].prompts.clone();
        let shape = polygons.iter().rev().find_map(|p| match &p.placed.prompt {
            Prompt::Polygon(polygon) => Some((p.drag.map_or(p.id, |d| d.polygon), polygon.clone())),
            _ => None,
        });
        let kind = self.rng.random_range(0..12);
        let prompt = match (kind, shape) {
            (0..=2, Some((polygon, shape))) => {
                let from_lps_mm = shape.vertices_lps_mm[self.rng.random_range(0..shape.vertices_lps_mm.len())];
                let to_lps_mm = shape.plane.project(self.place());
                let follow = Follow { neighbours: self.rng.random_range(0..3), weight: 0.5 };
                return vec![Wanted::Drag(VertexDrag { polygon, drag: Drag { from_lps_mm, to_lps_mm }, follow })];
            }
            (0..=2, None) => {
                let vertices_lps_mm = (0..5).map(|_| plane.project(self.place())).collect();
                Prompt::Polygon(Polygon { vertices_lps_mm, plane, polarity, pinned: Vec::new() })
            }
            (3, _) => {
                let points_lps_mm = vec![self.place(), self.place()];
                Prompt::Scribble(Scribble { points_lps_mm, radius_mm: 1.0, plane: None, polarity })
            }
            (4, _) => {
                let region = self.region(5);
                let delta = paint(&self.session, region, true);
                Prompt::InitialMask(InitialMask { delta })
            }
            _ => {
                let clicks = self.rng.random_range(1..3);
                let clicks = (0..clicks).map(|_| self.voxel()).collect::<Vec<_>>();
                return clicks.into_iter().map(|v| click(&self.session, v, polarity).into()).collect();
            }
        };
        vec![prompt.into()]
    }

    fn point(&mut self, label: u32, overlap: Overlap) {
        let wanted = self.wanted(label);
        let what = match &wanted[0] {
            Wanted::Drag(_) => "drag",
            Wanted::Prompt(prompt) => prompt.kind(),
        };
        let placing = Placing { frame_of_reference: "", overlap: Some(overlap) };
        // Of several prompts, the error says which; what it is, is the same.
        let done = self.session.add_prompts(label, wanted, placing).map_err(|error| match error {
            SessionError::OfPrompt { source, .. } => *source,
            other => other,
        });
        match done {
            Ok(update) => {
                let pointed = update.prompts.iter().cloned();
                let pointed = pointed.map(|p| Pointed { id: p.id, placed: p.placed, drag: p.drag }).collect();
                self.did(what, label, Did::Point(pointed), overlap, &update);
            }
            Err(SessionError::Locked(_)) => assert!(self.model.state()[&label].locked),
            Err(SessionError::Taken(..)) => assert_ne!(overlap, Overlap::Allow),
            Err(SessionError::Segment(SegmentError::NoPositivePrompt) | SessionError::Prompt(_)) => {}
            Err(other) => panic!("{what}: {other}"),
        }
    }

    fn operate(&mut self, label: u32, overlap: Overlap, labels: &[u32]) {
        let other = labels[self.rng.random_range(0..labels.len())];
        let own = self.model.state()[&label].mask.clone();
        let inside: Vec<_> = own.voxels().indexed_iter().filter(|(_, set)| **set).map(|(at, _)| at).collect();
        let voxel = match inside.get(self.rng.random_range(0..inside.len().max(1))) {
            Some(&(k, j, i)) if self.rng.random_bool(0.8) => [i, j, k],
            _ => self.voxel(),
        };
        let how = [SetOperation::Union, SetOperation::Intersection, SetOperation::Difference];
        let how = how[self.rng.random_range(0..3)];
        let (what, operation, did) = match self.rng.random_range(0..7) {
            6 => {
                let axis = Axis::ALL[self.rng.random_range(0..3)];
                let slices: Vec<usize> = (0..self.rng.random_range(2..4)).map(|_| axis.of(self.voxel())).collect();
                let within = VoxelBox::whole(self.session.volume().grid().size());
                let operation = Operation::Interpolate { axis, slices: slices.clone(), within };
                ("interpolate", operation, Did::Between(axis, slices))
            }
            0 => ("holes", Operation::FillHoles(Holes::InVolume), Did::Holes),
            1 => ("smooth", Operation::Smooth { radius_mm: 2.0 }, Did::Smooth(2.0)),
            2..=3 => {
                let keep = self.rng.random_bool(0.5);
                ("island", Operation::Island { voxel, keep }, Did::Island(voxel, keep))
            }
            _ => ("boolean", Operation::Combine { other, how }, Did::Combine(other, how)),
        };
        let (locked, state) = (self.model.state()[&label].locked, self.model.state());
        match self.session.operate(label, operation.clone(), Some(overlap)) {
            Ok(update) => {
                assert!(!locked);
                self.did(what, label, did, overlap, &update);
            }
            Err(SessionError::Locked(_)) => assert!(locked || state[&other].locked && overlap != Overlap::Allow),
            Err(SessionError::Nothing(_)) => assert_eq!(label, other),
            Err(SessionError::Segment(SegmentError::Volume(VolumeError::Slices { given, .. }))) => {
                assert!(given.windows(2).all(|w| w[0] == w[1]), "{given:?}");
            }
            Err(SessionError::Segment(SegmentError::Volume(_))) => assert!(!state[&label].mask.contains(voxel)),
            Err(error) => panic!("{operation:?}: {error}"),
        }
    }

    fn say(&mut self, label: u32) {
        let n = self.rng.random_range(0..1000u32);
        let code = Code { value: n.to_string(), scheme: "99TEST".to_owned(), meaning: "A thing".to_owned() };
        let mut change = AboutChange::default();
        let what = match self.rng.random_range(0..5) {
            0 => {
                change.name = Some(format!("label {n}"));
                "rename"
            }
            1 => {
                change.colour = Some([n as u8, 7, 9]);
                change.kind = Some(self.rng.random_bool(0.7).then_some(code));
                "colour and code"
            }
            _ => {
                change.locked = Some(self.rng.random_bool(0.4));
                "lock"
            }
        };
        let update = self.session.update_label(label, change.clone()).unwrap();
        self.did(what, label, Did::Say(change), Overlap::Never, &update);
    }

    /// Requests that a locked label refuses, and only it.
    fn unless_locked(&mut self, what: &'static str, label: u32, did: Did, overlap: Overlap) {
        let locked = self.model.state()[&label].locked;
        let done = match &did {
            Did::Edit(delta) => self.session.edit(label, delta.clone(), Some(overlap)),
            Did::Reset => self.session.reset(label),
            _ => self.session.delete_label(label),
        };
        match done {
            Ok(update) => {
                assert!(!locked, "{what} of a locked label");
                self.did(what, label, did, overlap, &update);
            }
            Err(error) => assert!(locked && matches!(error, SessionError::Locked(_)), "{what}: {error}"),
        }
    }

    fn request(&mut self) {
        let labels: Vec<u32> = self.session.labels().iter().map(|l| l.label).collect();
        if labels.is_empty() || labels.len() < 4 && self.rng.random_range(0..16) == 0 {
            let update = self.session.add_label("new").unwrap();
            return self.did("add label", update.label.unwrap(), Did::Label, Overlap::Never, &update);
        }
        let label = labels[self.rng.random_range(0..labels.len())];
        let overlap = [Overlap::Never, Overlap::ReplaceUnlocked, Overlap::Allow][self.rng.random_range(0..3)];
        match self.rng.random_range(0..40) {
            0..=11 => self.point(label, overlap),
            12..=14 => {
                let (region, set) = (self.region(8), self.rng.random_bool(0.7));
                self.unless_locked("edit", label, Did::Edit(paint(&self.session, region, set)), overlap);
            }
            15..=20 => self.operate(label, overlap, &labels),
            21..=23 => self.say(label),
            24 => self.unless_locked("reset", label, Did::Reset, Overlap::Never),
            25 => self.unless_locked("delete label", label, Did::Delete, Overlap::Never),
            26 => {
                let slice = SliceRef { axis: Axis::I, index: self.voxel()[0] };
                let update = self.session.accept_slice(label, slice).unwrap();
                self.did("accept", label, Did::Accept, Overlap::Never, &update);
            }
            27..=29 => {
                let known: Vec<u64> = self.model.steps().iter().flat_map(|one| ids(&one.did)).collect();
                let prompt = if known.is_empty() { 999 } else { known[self.rng.random_range(0..known.len())] };
                match self.session.remove_prompt(prompt) {
                    Ok(update) => {
                        assert!(self.model.remove(prompt), "removed, though a locked label changes");
                        self.follow("remove", &update);
                    }
                    Err(SessionError::Locked(_)) => assert!(!self.model.remove(prompt), "not removed for no lock"),
                    Err(error) => assert!(known.is_empty(), "{error}"),
                }
            }
            30..=34 => match self.session.undo() {
                Ok(update) => {
                    self.model.now -= 1;
                    self.follow("undo", &update);
                }
                Err(_) => assert_eq!(self.model.now, 0),
            },
            _ => match self.session.redo() {
                Ok(update) => {
                    self.model.now += 1;
                    self.follow("redo", &update);
                }
                Err(_) => assert_eq!(self.model.now + 1, self.model.lists.len()),
            },
        }
    }

    fn compare(&self) {
        let expected = self.model.state();
        let labels = self.session.labels();
        assert_eq!(labels.iter().map(|l| l.label).collect::<Vec<_>>(), expected.keys().copied().collect::<Vec<_>>());
        for found in labels {
            let label = &expected[&found.label];
            let (mask, snapshot) = self.session.mask(found.label).unwrap();
            assert_eq!(*mask, label.mask);
            assert_eq!(*mask, self.client[&found.label]);
            assert_eq!((snapshot.digest, snapshot.voxels), (label.mask.digest(), label.mask.count()));
            let about = found.about;
            assert_eq!((about.name, about.kind, about.locked), (label.name.clone(), label.kind.clone(), label.locked));
            assert!(label.colour.is_none_or(|colour| colour == about.colour));
        }
        assert_eq!(self.session.steps().len(), self.model.steps().len());
        assert_eq!(self.session.undo_depth(), (self.model.now, self.model.lists.len() - 1 - self.model.now));
    }
}

fn ids(did: &Did) -> Vec<u64> {
    match did {
        Did::Point(pointed) => pointed.iter().map(|p| p.id).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn random_sessions_agree_with_the_model() {
    let sessions: u64 = std::env::var("ISOCHRONE_MODEL_SESSIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(270);
    let lanes = 2;
    let totals: Vec<BTreeMap<&str, usize>> = std::thread::scope(|scope| {
        let lane = |lane| {
            scope.spawn(move || {
                let mut total = BTreeMap::new();
                for seed in (lane..sessions).step_by(lanes) {
                    let mut round = Round::new(seed);
                    for _ in 0..50 {
                        let revision = round.session.revision();
                        round.request();
                        if round.rng.random_bool(0.1) {
                            round.crash();
                        }
                        assert!(round.session.revision() >= revision);
                        round.compare();
                    }
                    let report = round.session.replay().run(&Cancel::new()).unwrap();
                    assert_eq!(report.differing, Vec::<u64>::new(), "replay of session {seed}");
                    round.done.into_iter().for_each(|(what, n)| *total.entry(what).or_default() += n);
                }
                total
            })
        };
        let running: Vec<_> = (0..lanes as u64).map(lane).collect();
        running.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let mut done = BTreeMap::new();
    totals.into_iter().flatten().for_each(|(what, n)| *done.entry(what).or_insert(0) += n);
    println!("{} of {} requests went through: {done:?}", done.values().sum::<usize>(), sessions * 50);
    // Every kind happened often enough to mean something.
    assert!(sessions < 270 || done.values().sum::<usize>() >= 10_000, "{done:?}");
    assert!(sessions < 270 || done.len() == 21 && done.values().all(|n| *n >= 40), "{done:?}");
}
