//! A model of a session so plain that it is obviously right: it keeps every list of steps there ever was, works voxel
//! by voxel, and after a removal starts from nothing. It shares with the session the engine (with the region round
//! it) and the rasterisation of prompts; what becomes of labels, steps and voxels it finds out by itself.

use isochrone_prompt::{PlacedPrompt, Polygon, Prompt};
use isochrone_segment::{Cancel, Channel, Prepared, RefineInput, Segmenter, refine};
use isochrone_session::stub::StubEngine;
use isochrone_session::{AboutChange, Code, Overlap, Session, SetOperation, VertexDrag};
use isochrone_volume::{Axis, Mask, MaskDelta, Volume};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a reader did, as the reader would say it.
#[derive(Clone)]
pub enum Did {
    Label,
    Say(AboutChange),
    Delete,
    Point(Vec<Pointed>),
    Edit(MaskDelta),
    Island([usize; 3], bool),
    Holes,
    Smooth(f64),
    Between(Axis, Vec<usize>),
    Combine(u32, SetOperation),
    Reset,
    Accept,
}

#[derive(Clone)]
pub struct Pointed {
    pub id: u64,
    pub placed: PlacedPrompt,
    pub drag: Option<VertexDrag>,
}

#[derive(Clone)]
pub struct One {
    pub label: u32,
    pub did: Did,
    pub overlap: Overlap,
}

#[derive(Clone)]
pub struct Label {
    pub name: String,
    pub colour: Option<[u8; 3]>,
    pub kind: Option<Code>,
    pub locked: bool,
    pub mask: Mask,
    pub prompts: Vec<Pointed>,
}

pub type State = BTreeMap<u32, Label>;

pub struct Model {
    engine: StubEngine,
    prepared: Arc<Prepared>,
    volume: Arc<Volume>,
    /// Every list there was with what came of it, and which of them is in force.
    pub lists: Vec<(Vec<One>, State)>,
    pub now: usize,
}

impl Model {
    pub fn new(session: &Session, engine: StubEngine) -> Self {
        let volume = session.volume().clone();
        let prepared = engine.prepare(&[Channel { volume: volume.clone() }]).unwrap();
        Self { engine, prepared, volume, lists: vec![(Vec::new(), State::new())], now: 0 }
    }

    pub fn state(&self) -> &State {
        &self.lists[self.now].1
    }

    pub fn steps(&self) -> &[One] {
        &self.lists[self.now].0
    }

    pub fn push(&mut self, one: One) {
        let (mut steps, mut state) = self.lists[self.now].clone();
        self.apply(&mut state, &one);
        steps.push(one);
        self.go_on(steps, state);
    }

    fn go_on(&mut self, steps: Vec<One>, state: State) {
        self.lists.truncate(self.now + 1);
        self.lists.push((steps, state));
        self.now += 1;
    }

    /// The list without a prompt, from nothing; false if that would change a locked label.
    pub fn remove(&mut self, prompt: u64) -> bool {
        let (mut steps, mut state) = (Vec::new(), State::new());
        for one in self.steps().to_vec() {
            let mut one = one;
            if let Did::Point(pointed) = &mut one.did {
                pointed.retain(|p| p.id != prompt);
                let mut known = state.get(&one.label).map_or(Vec::new(), |l| l.prompts.clone());
                pointed.retain_mut(|p| {
                    if let Some(drag) = &p.drag {
                        match pulled(&known, drag, &self.volume) {
                            Some(placed) => p.placed = placed,
                            None => return false,
                        }
                    }
                    point(&mut known, p.clone());
                    true
                });
                if pointed.is_empty() {
                    continue;
                }
            }
            self.apply(&mut state, &one);
            steps.push(one);
        }
        let kept = |(label, now): (&u32, &Label)| state.get(label).is_some_and(|then| then.mask == now.mask);
        if !self.state().iter().filter(|(_, l)| l.locked).all(kept) {
            return false;
        }
        self.go_on(steps, state);
        true
    }

    fn apply(&self, state: &mut State, one: &One) {
        let grid = self.volume.grid();
        if matches!(one.did, Did::Label) {
            let mask = Mask::empty(grid.clone());
            let new = Label { name: "new".to_owned(), colour: None, kind: None, locked: false, mask, prompts: vec![] };
            state.insert(one.label, new);
            return;
        }
        if matches!(one.did, Did::Delete) {
            state.remove(&one.label);
            return;
        }
        let spared: Vec<Mask> = state
            .iter()
            .filter(|(id, _)| **id != one.label)
            .filter(|(_, l)| match one.overlap {
                Overlap::Never => true,
                Overlap::ReplaceUnlocked => l.locked,
                Overlap::Allow => false,
            })
            .map(|(_, l)| l.mask.clone())
            .collect();
        let other = match one.did {
            Did::Combine(other, _) => state.get(&other).map(|l| l.mask.clone()).unwrap_or(Mask::empty(grid.clone())),
            _ => Mask::empty(grid.clone()),
        };
        let label = state.get_mut(&one.label).unwrap();
        let before = label.mask.clone();
        let mut gives = None;
        match &one.did {
            Did::Label | Did::Delete | Did::Accept => {}
            Did::Say(change) => say(label, change),
            Did::Reset => {
                label.mask = Mask::empty(grid.clone());
                label.prompts.clear();
            }
            Did::Edit(delta) => delta.apply(&mut label.mask).unwrap(),
            Did::Island(voxel, keep) => {
                if before.contains(*voxel) {
                    let part = connected(&before, *voxel, 3, true);
                    each(&mut label.mask, |v, at| *v &= part.contains(at) == *keep);
                }
            }
            Did::Holes => {
                // Outside is what can be reached from a frame round the volume.
                let outside = open(&before);
                each(&mut label.mask, |v, at| *v |= !outside.contains(at));
            }
            Did::Smooth(radius) => smooth(&mut label.mask, *radius),
            Did::Between(axis, slices) => between(&mut label.mask, *axis, slices),
            Did::Combine(id, how) => {
                match how {
                    SetOperation::Union => each(&mut label.mask, |v, at| *v |= other.contains(at)),
                    SetOperation::Intersection => each(&mut label.mask, |v, at| *v &= other.contains(at)),
                    SetOperation::Difference => each(&mut label.mask, |v, at| *v &= !other.contains(at)),
                }
                gives = (*how == SetOperation::Union && one.overlap != Overlap::Allow).then_some(*id);
            }
            Did::Point(pointed) => {
                pointed.iter().for_each(|p| point(&mut label.prompts, p.clone()));
                if let Prompt::InitialMask(start) = &pointed[0].placed.prompt {
                    start.delta.apply(&mut label.mask).unwrap();
                } else {
                    let own = label.prompts.iter().filter(|p| !matches!(p.placed.prompt, Prompt::InitialMask(_)));
                    let prompts: Vec<PlacedPrompt> = own.map(|p| p.placed.clone()).collect();
                    let still = |p: &&Pointed| label.prompts.iter().any(|known| known.id == p.id);
                    let newest = pointed.iter().filter(still).count();
                    let spared: Vec<&Mask> = spared.iter().collect();
                    let input = RefineInput { prompts: &prompts, newest, mask: &before, other_labels: &spared };
                    if let Ok(refined) = refine(&self.engine, &self.prepared, &input, &Cancel::new()) {
                        label.mask = refined.mask;
                    }
                }
            }
        }
        // Voxels that are new here and were somebody else's.
        let mut new = label.mask.clone();
        each(&mut new, |v, at| *v &= !before.contains(at));
        for (id, rival) in state.iter_mut().filter(|(id, _)| **id != one.label) {
            let keeps = match one.overlap {
                Overlap::Never => gives != Some(*id),
                Overlap::ReplaceUnlocked => rival.locked && gives != Some(*id),
                Overlap::Allow => false,
            };
            if keeps {
                each(&mut new, |v, at| *v &= !rival.mask.contains(at));
            }
        }
        for (id, rival) in state.iter_mut().filter(|(id, _)| **id != one.label) {
            if one.overlap == Overlap::ReplaceUnlocked && (!rival.locked || gives == Some(*id)) || gives == Some(*id) {
                each(&mut rival.mask, |v, at| *v &= !new.contains(at));
            }
        }
        let label = state.get_mut(&one.label).unwrap();
        each(&mut label.mask, |v, at| *v &= before.contains(at) || new.contains(at));
    }
}

fn say(label: &mut Label, change: &AboutChange) {
    if let Some(name) = &change.name {
        label.name = name.clone();
    }
    if let Some(colour) = change.colour {
        label.colour = Some(colour);
    }
    if let Some(kind) = &change.kind {
        label.kind = kind.clone();
    }
    if let Some(locked) = change.locked {
        label.locked = locked;
    }
}

fn root(p: &Pointed) -> u64 {
    p.drag.map_or(p.id, |d| d.polygon)
}

fn point(prompts: &mut Vec<Pointed>, new: Pointed) {
    if let Some(drag) = new.drag {
        prompts.retain(|p| root(p) != drag.polygon);
    }
    prompts.push(new);
}

fn pulled(known: &[Pointed], drag: &VertexDrag, volume: &Volume) -> Option<PlacedPrompt> {
    let shape = known.iter().find(|p| root(p) == drag.polygon)?;
    let Prompt::Polygon(polygon) = &shape.placed.prompt else { return None };
    let mut polygon: Polygon = polygon.clone();
    polygon.drag(&drag.drag, drag.follow).ok()?;
    Prompt::Polygon(polygon).place(volume, "").ok()
}

fn each(mask: &mut Mask, mut f: impl FnMut(&mut bool, [usize; 3])) {
    for ((k, j, i), v) in mask.voxels_mut().indexed_iter_mut() {
        f(v, [i, j, k]);
    }
}

/// What can be reached from a voxel over voxels of the same value; steps change at most `most` coordinates.
fn connected(mask: &Mask, from: [usize; 3], most: usize, value: bool) -> Mask {
    let mut reached = Mask::empty(mask.grid().clone());
    let (size, mut stack) = (mask.grid().size(), vec![from]);
    while let Some([i, j, k]) = stack.pop() {
        if mask.contains([i, j, k]) != value || std::mem::replace(&mut reached.voxels_mut()[[k, j, i]], true) {
            continue;
        }
        for n in 0..27usize {
            let step = [n % 3, n / 3 % 3, n / 9];
            let to = [i + step[0], j + step[1], k + step[2]];
            let changes = step.iter().filter(|s| **s != 1).count();
            if (1..=most).contains(&changes) && (0..3).all(|a| to[a] >= 1 && to[a] <= size[a]) {
                stack.push(to.map(|x| x - 1));
            }
        }
    }
    reached
}

/// Background that leads out of the volume over faces.
fn open(mask: &Mask) -> Mask {
    let (mut outside, size) = (Mask::empty(mask.grid().clone()), mask.grid().size());
    for ((k, j, i), _) in mask.voxels().indexed_iter() {
        let rim = [i, j, k].iter().zip(size).any(|(x, n)| *x == 0 || *x + 1 == n);
        if rim && !mask.contains([i, j, k]) && !outside.contains([i, j, k]) {
            let part = connected(mask, [i, j, k], 1, false);
            each(&mut outside, |v, at| *v |= part.contains(at));
        }
    }
    outside
}

/// Slices between edited ones by shape, every distance looked for in the whole slice.
fn between(mask: &mut Mask, axis: Axis, slices: &[usize]) {
    let (size, mm) = (mask.grid().size(), mask.grid().spacing_mm());
    let [a, b] = [0, 1, 2].into_iter().filter(|d| *d != axis.index()).collect::<Vec<_>>()[..] else { panic!() };
    let at = |n: usize, x: usize, y: usize| {
        let mut v = [0; 3];
        (v[axis.index()], v[a], v[b]) = (n, x, y);
        v
    };
    let mut slices = slices.to_vec();
    slices.sort_unstable();
    slices.dedup();
    for pair in slices.windows(2) {
        let shape = |n: usize| {
            let all = (0..size[a]).flat_map(|x| (0..size[b]).map(move |y| (x, y)));
            all.filter(|&(x, y)| mask.contains(at(n, x, y))).collect::<Vec<_>>()
        };
        let shapes = [shape(pair[0]), shape(pair[1])];
        if shapes.iter().any(Vec::is_empty) {
            continue;
        }
        let both = shapes.concat();
        let range =
            |of: fn(&(usize, usize)) -> usize| both.iter().map(of).min().unwrap()..=both.iter().map(of).max().unwrap();
        // Beyond the volume nothing is set.
        let signed = |set: &[(usize, usize)], x: usize, y: usize| {
            let inside = set.contains(&(x, y));
            let mut nearest = f64::INFINITY;
            for u in -1..=size[a] as i64 {
                for v in -1..=size[b] as i64 {
                    if set.iter().any(|&(p, q)| (p as i64, q as i64) == (u, v)) != inside {
                        let (dx, dy) = ((u - x as i64) as f64 * mm[a], (v - y as i64) as f64 * mm[b]);
                        nearest = nearest.min((dx * dx + dy * dy).sqrt());
                    }
                }
            }
            if inside { nearest } else { -nearest }
        };
        for x in range(|p| p.0) {
            for y in range(|p| p.1) {
                let [near, far] = [0, 1].map(|n| signed(&shapes[n], x, y));
                for n in pair[0] + 1..pair[1] {
                    let share = (n - pair[0]) as f64 / (pair[1] - pair[0]) as f64;
                    let [i, j, k] = at(n, x, y);
                    mask.voxels_mut()[[k, j, i]] = (1.0 - share) * near + share * far >= 0.0;
                }
            }
        }
    }
}

/// The share of a Gaussian's weight that is set, summed in space and in doubles, over all voxels of the volume within
/// three standard deviations along each axis; voxels with half of it stay.
fn smooth(mask: &mut Mask, radius_mm: f64) {
    let before = mask.clone();
    let (size, mm) = (before.grid().size(), before.grid().spacing_mm());
    // Half of a Gaussian's weight lies within the median of the chi-squared distribution of three degrees of freedom.
    let sigma = radius_mm / 2.365_973_884_375_338_f64.sqrt();
    let near = |at: usize, a: usize| {
        let reach = (3.0 * sigma / mm[a]).ceil() as usize;
        at.saturating_sub(reach)..=(at + reach).min(size[a] - 1)
    };
    each(mask, |v, at| {
        let (mut all, mut set) = (0.0, 0.0);
        for k in near(at[2], 2) {
            for j in near(at[1], 1) {
                for i in near(at[0], 0) {
                    let to = [i, j, k];
                    let far: f64 = (0..3).map(|a| ((to[a] as f64 - at[a] as f64) * mm[a]).powi(2)).sum();
                    let weight = (-0.5 * far / (sigma * sigma)).exp();
                    all += weight;
                    set += if before.contains(to) { weight } else { 0.0 };
                }
            }
        }
        let share: f64 = set / all;
        *v = if (share - 0.5).abs() < 1e-5 { *v } else { share > 0.5 };
    });
}
