//! Maximum flow by incremental breadth-first search (IBFS).
//!
//! Goldberg, Hed, Kaplan, Tarjan, Werneck: Maximum flows by incremental breadth-first search, ESA 2011.
//! Two shortest-path trees, S from the source and T from the sink, grow level by level. Where they
//! meet, flow is pushed along the path; nodes cut off from their tree look for another parent, one
//! level up if there is one, further out if not. Unlike Boykov and Kolmogorov's trees, these hold
//! distances, so no parent has to be traced to its root, and the running time is polynomial.
//!
//! Arcs are implicit: a node knows its neighbours by offsets, and children are found by looking at them. What the
//! search looks at lies in eight bytes a node; capacities are read only where flow is pushed.
#![allow(clippy::indexing_slicing)] // Nodes are padded on every side, so that every neighbour exists.

use super::network::Network;
use std::collections::VecDeque;

/// Parent of a node that hangs on its terminal.
const ROOT: u32 = 62;
/// Parent of a node that has none.
const NONE: u32 = 63;
/// Where the parent's direction begins, above 26 bits for the neighbours.
const PARENT: u32 = 26;

#[derive(Clone, Copy)]
struct Node {
    /// Distance from the source (above 0) or to the sink (below 0); 0 in neither tree.
    label: i32,
    /// Bit `d`: capacity is left to neighbour `d`. Above these, the parent's direction.
    open: u32,
}

impl Node {
    #[inline(always)]
    fn parent(self) -> u32 {
        self.open >> PARENT
    }

    #[inline(always)]
    fn set_parent(&mut self, parent: u32) {
        self.open = self.open & ((1 << PARENT) - 1) | parent << PARENT;
    }
}

/// The search in a network whose nodes have `N` neighbours each; direction `d ^ 1` leads back.
pub(super) struct Trees<'a, const N: usize> {
    network: &'a mut Network<N>,
    /// From a node to its neighbours (wrapping).
    offsets: [usize; N],
    node: Vec<Node>,
    /// Level up to which the trees S and T are complete.
    level: [i32; 2],
    /// Nodes of that level, some of them more than once or moved elsewhere since.
    front: [Vec<u32>; 2],
    /// Nodes one level on, of the tree that grows.
    next: Vec<u32>,
    growing: usize,
    orphans: VecDeque<u32>,
}

impl<'a, const N: usize> Trees<'a, N> {
    /// Trees of roots alone.
    pub fn new(network: &'a mut Network<N>) -> Self {
        let mut front = [Vec::new(), Vec::new()];
        let node = network.residual.iter().zip(&network.excess).enumerate().map(|(v, (residual, &excess))| {
            let open = residual.iter().enumerate().fold(0, |open, (d, &r)| open | u32::from(r > 0) << d);
            let mut node = Node { label: excess.signum(), open };
            node.set_parent(if excess == 0 { NONE } else { ROOT });
            if excess != 0 {
                front[usize::from(excess < 0)].push(v as u32);
            }
            node
        });
        let node = node.collect();
        let offsets = network.offsets();
        let orphans = VecDeque::new();
        Self { network, offsets, node, level: [1; 2], front, next: Vec::new(), growing: 0, orphans }
    }

    /// Pushes the maximum flow. False if `stop` said so before the end.
    pub fn run(&mut self, stop: &(dyn Fn() -> bool + Sync)) -> bool {
        while !self.front[0].is_empty() && !self.front[1].is_empty() {
            if stop() {
                return false;
            }
            if self.front[0].len() <= self.front[1].len() { self.grow::<0>() } else { self.grow::<1>() }
        }
        true
    }

    #[inline(always)]
    fn neighbour(&self, v: u32, d: usize) -> usize {
        (v as usize).wrapping_add(self.offsets[d])
    }

    /// Distance in tree `T` (0 is S, 1 is T); below 0 in the other tree.
    #[inline(always)]
    fn distance<const T: usize>(&self, v: usize) -> i32 {
        if T == 0 { self.node[v].label } else { -self.node[v].label }
    }

    /// Residual capacity between a node and its neighbour, in the direction away from the tree's root.
    #[inline(always)]
    fn outward<const T: usize>(&self, v: u32, d: usize, w: usize) -> i32 {
        if T == 0 { self.network.residual[v as usize][d] } else { self.network.residual[w][d ^ 1] }
    }

    /// Whether any of that is left.
    #[inline(always)]
    fn is_open<const T: usize>(&self, v: u32, d: usize, w: usize) -> bool {
        if T == 0 { self.node[v as usize].open >> d & 1 == 1 } else { self.node[w].open >> (d ^ 1) & 1 == 1 }
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
            while self.is_open::<T>(v, d, w) {
                let met = self.distance::<T>(w);
                if met > 0 {
                    break;
                }
                if met == 0 {
                    self.node[w].label = if T == 0 { level + 1 } else { -level - 1 };
                    self.node[w].set_parent((d ^ 1) as u32);
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
        let push = self.room::<0>(v).min(self.room::<1>(w)).min(self.network.residual[v as usize][d]);
        self.network.residual[v as usize][d] -= push;
        self.network.residual[w as usize][d ^ 1] += push;
        self.node[w as usize].open |= 1 << (d ^ 1);
        if self.network.residual[v as usize][d] == 0 {
            self.node[v as usize].open &= !(1 << d);
        }
        self.push::<0>(v, push);
        self.adopt::<0>();
        self.push::<1>(w, push);
        self.adopt::<1>();
    }

    /// The least capacity between a node and its terminal.
    fn room<const T: usize>(&self, mut v: u32) -> i32 {
        let mut room = i32::MAX;
        loop {
            let p = self.node[v as usize].parent();
            if p == ROOT {
                return room.min(self.network.excess[v as usize].abs());
            }
            let u = self.neighbour(v, p as usize);
            room = room.min(self.outward::<T>(u as u32, p as usize ^ 1, v as usize));
            v = u as u32;
        }
    }

    /// Pushes between a node and its terminal; what is cut off becomes an orphan, nearest to the root first.
    fn push<const T: usize>(&mut self, mut v: u32, push: i32) {
        loop {
            let p = self.node[v as usize].parent();
            if p == ROOT {
                self.network.excess[v as usize] += if T == 0 { -push } else { push };
                if self.network.excess[v as usize] == 0 {
                    self.orphan(v);
                }
                return;
            }
            let d = p as usize;
            let u = self.neighbour(v, d);
            let (down, up) = if T == 0 { ((u, d ^ 1), (v as usize, d)) } else { ((v as usize, d), (u, d ^ 1)) };
            self.network.residual[down.0][down.1] -= push;
            self.network.residual[up.0][up.1] += push;
            self.node[up.0].open |= 1 << up.1;
            if self.network.residual[down.0][down.1] == 0 {
                self.node[down.0].open &= !(1 << down.1);
                self.orphan(v);
            }
            v = u as u32;
        }
    }

    fn orphan(&mut self, v: u32) {
        self.node[v as usize].set_parent(NONE);
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
                if distance > 0 && distance < nearest && self.is_open::<T>(u as u32, d ^ 1, v as usize) {
                    (nearest, parent) = (distance, d as u32);
                    if distance < own {
                        break;
                    }
                }
            }
            self.node[v as usize].set_parent(parent);
            if nearest + 1 != own || parent == NONE {
                self.moved::<T>(v, if parent == NONE { 0 } else { nearest + 1 });
            }
        }
    }

    /// Gives a node another distance (0 takes it out of the tree), which orphans its children.
    fn moved<const T: usize>(&mut self, v: u32, distance: i32) {
        self.node[v as usize].label = if T == 0 { distance } else { -distance };
        for d in 0..N {
            let w = self.neighbour(v, d);
            if self.node[w].parent() as usize == d ^ 1 && self.distance::<T>(w) > 0 {
                self.node[w].set_parent(NONE);
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
