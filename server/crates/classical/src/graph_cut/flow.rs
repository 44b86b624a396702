//! Maximum flow by incremental breadth-first search (IBFS).
//!
//! Goldberg, Hed, Kaplan, Tarjan, Werneck: Maximum flows by incremental breadth-first search, ESA 2011.
//! Two shortest-path trees, S from the source and T from the sink, grow level by level. Where they
//! meet, flow is pushed along the path; nodes cut off from their tree look for another parent, one
//! level up if there is one, further out if not. Unlike Boykov and Kolmogorov's trees, these hold
//! distances, so no parent has to be traced to its root, and the running time is polynomial.
//!
//! Arcs are implicit: a node knows its neighbours by offsets, and children are found by looking at them.
#![allow(clippy::indexing_slicing)] // Nodes are padded on every side, so that every neighbour exists.

use std::collections::VecDeque;

/// Parent of a node that hangs on its terminal.
const ROOT: u8 = 254;
/// Parent of a node that has none.
const NONE: u8 = 255;

/// A flow network whose nodes have `N` neighbours each; direction `d ^ 1` leads back.
pub(super) struct Flow<const N: usize> {
    /// From a node to its neighbours (wrapping).
    pub offsets: [usize; N],
    /// Residual capacity of the arc to each neighbour.
    pub residual: Vec<[i32; N]>,
    /// Capacity left from the source (above 0) or to the sink (below 0).
    pub excess: Vec<i32>,
    /// Distance from the source (above 0) or to the sink (below 0); 0 in neither tree.
    label: Vec<i32>,
    parent: Vec<u8>,
    /// Level up to which the trees S and T are complete.
    level: [i32; 2],
    /// Nodes of that level, some of them more than once or moved elsewhere since.
    front: [Vec<u32>; 2],
    /// Nodes one level on, of the tree that grows.
    next: Vec<u32>,
    growing: usize,
    orphans: VecDeque<u32>,
}

impl<const N: usize> Flow<N> {
    /// A network without capacities.
    pub fn new(nodes: usize, offsets: [usize; N]) -> Self {
        Self {
            offsets,
            residual: vec![[0; N]; nodes],
            excess: vec![0; nodes],
            label: vec![0; nodes],
            parent: vec![NONE; nodes],
            level: [1; 2],
            front: [Vec::new(), Vec::new()],
            next: Vec::new(),
            growing: 0,
            orphans: VecDeque::new(),
        }
    }

    /// Pushes the maximum flow. False if `stop` said so before the end.
    pub fn run(&mut self, stop: &dyn Fn() -> bool) -> bool {
        for (v, &excess) in self.excess.iter().enumerate() {
            if excess != 0 {
                self.label[v] = excess.signum();
                self.parent[v] = ROOT;
                self.front[usize::from(excess < 0)].push(v as u32);
            }
        }
        while !self.front[0].is_empty() && !self.front[1].is_empty() {
            if stop() {
                return false;
            }
            if self.front[0].len() <= self.front[1].len() { self.grow::<0>() } else { self.grow::<1>() }
        }
        true
    }

    /// The smallest source side of all minimum cuts: what the source still reaches.
    pub fn source_side(&self) -> Vec<bool> {
        let mut reached: Vec<bool> = self.excess.iter().map(|&e| e > 0).collect();
        let mut stack: Vec<u32> = (0..).zip(&reached).filter(|(_, r)| **r).map(|(v, _)| v).collect();
        while let Some(v) = stack.pop() {
            for (d, &residual) in self.residual[v as usize].iter().enumerate() {
                let w = self.neighbour(v, d);
                if residual > 0 && !reached[w] {
                    reached[w] = true;
                    stack.push(w as u32);
                }
            }
        }
        reached
    }

    #[inline(always)]
    fn neighbour(&self, v: u32, d: usize) -> usize {
        (v as usize).wrapping_add(self.offsets[d])
    }

    /// Distance in tree `T` (0 is S, 1 is T); below 0 in the other tree.
    #[inline(always)]
    fn distance<const T: usize>(&self, v: usize) -> i32 {
        if T == 0 { self.label[v] } else { -self.label[v] }
    }

    /// Residual capacity between a node and its neighbour, in the direction away from the tree's root.
    #[inline(always)]
    fn outward<const T: usize>(&self, v: u32, d: usize, w: usize) -> i32 {
        if T == 0 { self.residual[v as usize][d] } else { self.residual[w][d ^ 1] }
    }

    /// Grows one tree by one level.
    fn grow<const T: usize>(&mut self) {
        self.growing = T;
        let level = self.level[T];
        let mut n = 0;
        while let Some(&v) = self.front[T].get(n) {
            n += 1;
            if self.distance::<T>(v as usize) == level {
                self.scan::<T>(v, level);
            }
        }
        self.front[T].clear();
        std::mem::swap(&mut self.front[T], &mut self.next);
        self.level[T] += 1;
    }

    /// Takes in free neighbours, and pushes flow where the other tree is met.
    fn scan<const T: usize>(&mut self, v: u32, level: i32) {
        for d in 0..N {
            let w = self.neighbour(v, d);
            while self.outward::<T>(v, d, w) > 0 {
                let met = self.distance::<T>(w);
                if met > 0 {
                    break;
                }
                if met == 0 {
                    self.label[w] = if T == 0 { level + 1 } else { -level - 1 };
                    self.parent[w] = (d ^ 1) as u8;
                    self.next.push(w as u32);
                    break;
                }
                if T == 0 {
                    self.augment(v, d)
                } else {
                    self.augment(w as u32, d ^ 1)
                }
                if self.distance::<T>(v as usize) != level {
                    return;
                }
            }
        }
    }

    /// Pushes what fits from the source through the arc `d` of `v` to the sink, and mends the trees.
    fn augment(&mut self, v: u32, d: usize) {
        let w = self.neighbour(v, d) as u32;
        let push = self.room::<0>(v).min(self.room::<1>(w)).min(self.residual[v as usize][d]);
        self.residual[v as usize][d] -= push;
        self.residual[w as usize][d ^ 1] += push;
        self.push::<0>(v, push);
        self.adopt::<0>();
        self.push::<1>(w, push);
        self.adopt::<1>();
    }

    /// The least capacity between a node and its terminal.
    fn room<const T: usize>(&self, mut v: u32) -> i32 {
        let mut room = i32::MAX;
        loop {
            let p = self.parent[v as usize];
            if p == ROOT {
                return room.min(self.excess[v as usize].abs());
            }
            let u = self.neighbour(v, p as usize);
            room = room.min(self.outward::<T>(u as u32, p as usize ^ 1, v as usize));
            v = u as u32;
        }
    }

    /// Pushes between a node and its terminal; what is cut off becomes an orphan, nearest to the root first.
    fn push<const T: usize>(&mut self, mut v: u32, push: i32) {
        loop {
            let p = self.parent[v as usize];
            if p == ROOT {
                self.excess[v as usize] += if T == 0 { -push } else { push };
                if self.excess[v as usize] == 0 {
                    self.orphan(v);
                }
                return;
            }
            let d = p as usize;
            let u = self.neighbour(v, d);
            let (down, up) = if T == 0 { ((u, d ^ 1), (v as usize, d)) } else { ((v as usize, d), (u, d ^ 1)) };
            self.residual[down.0][down.1] -= push;
            self.residual[up.0][up.1] += push;
            if self.residual[down.0][down.1] == 0 {
                self.orphan(v);
            }
            v = u as u32;
        }
    }

    fn orphan(&mut self, v: u32) {
        self.parent[v as usize] = NONE;
        self.orphans.push_front(v);
    }

    /// Finds new parents; nodes for which there are none leave the tree.
    fn adopt<const T: usize>(&mut self) {
        let level = self.level[T];
        let last = if self.growing == T { level + 1 } else { level };
        while let Some(v) = self.orphans.pop_front() {
            let own = self.distance::<T>(v as usize);
            let (mut nearest, mut parent) = (last, NONE);
            for d in 0..N {
                let u = self.neighbour(v, d);
                let distance = self.distance::<T>(u);
                if distance > 0 && distance < nearest && self.outward::<T>(u as u32, d ^ 1, v as usize) > 0 {
                    (nearest, parent) = (distance, d as u8);
                    if distance < own {
                        break;
                    }
                }
            }
            self.parent[v as usize] = parent;
            if nearest + 1 != own || parent == NONE {
                self.moved::<T>(v, if parent == NONE { 0 } else { nearest + 1 });
            }
        }
    }

    /// Gives a node another distance (0 takes it out of the tree), which orphans its children.
    fn moved<const T: usize>(&mut self, v: u32, distance: i32) {
        self.label[v as usize] = if T == 0 { distance } else { -distance };
        for d in 0..N {
            let w = self.neighbour(v, d);
            if self.parent[w] as usize == d ^ 1 && self.distance::<T>(w) > 0 {
                self.parent[w] = NONE;
                self.orphans.push_back(w as u32);
            }
        }
        if distance == self.level[T] {
            self.front[T].push(v);
        } else if distance > self.level[T] {
            self.next.push(v);
        }
    }
}
