//! Whose heavy job is next: users take turns, and so do the sessions of each. One user's many sessions wait for each
//! other, and keep nobody else waiting.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Places for jobs that run at once. Jobs wait in lanes (a session's), in the order of their coming; lanes belong to
/// groups (a user's). Groups are served in turn, and of each group its lanes in turn.
pub(crate) struct Turns(Arc<Mutex<State>>);

/// As many jobs run at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    /// In all.
    pub all: usize,
    /// Of one group.
    pub group: usize,
    /// Of one lane.
    pub lane: usize,
}

/// Where a job waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queue {
    pub group: String,
    pub lane: String,
}

struct State {
    places: Places,
    running: usize,
    /// Groups with jobs waiting or running.
    groups: BTreeMap<String, Group>,
    /// Groups with jobs waiting, in the order in which they are served next.
    order: VecDeque<String>,
    /// Numbers those who wait.
    came: u64,
}

#[derive(Default)]
struct Group {
    running: usize,
    lanes: BTreeMap<String, Lane>,
    order: VecDeque<String>,
}

#[derive(Default)]
struct Lane {
    running: usize,
    waiting: VecDeque<(u64, oneshot::Sender<Turn>)>,
}

/// A job's place; the next job has it when this is dropped.
pub(crate) struct Turn {
    state: Arc<Mutex<State>>,
    queue: Queue,
}

/// Where one request's job stands: not there yet, waiting under a number, or served.
#[derive(Default)]
pub(crate) struct Ticket(AtomicU64);

impl Ticket {
    const SERVED: u64 = u64::MAX;

    /// No job of it has come yet.
    pub fn is_new(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

/// Gives up a place in the queue if its job is cancelled while it waits.
struct Waiting<'a> {
    turns: &'a Turns,
    queue: &'a Queue,
    number: u64,
}

impl Turns {
    pub fn new(places: Places) -> Self {
        let (groups, order) = (BTreeMap::new(), VecDeque::new());
        Self(Arc::new(Mutex::new(State { places, running: 0, groups, order, came: 0 })))
    }

    /// Waits for the turn of a queue; the ticket says meanwhile where it stands.
    pub async fn take(&self, queue: &Queue, ticket: &Ticket) -> Option<Turn> {
        let (send, receive) = oneshot::channel();
        let number = lock(&self.0).join(queue, send);
        ticket.0.store(number, Ordering::Relaxed);
        serve(&self.0);
        let waiting = Waiting { turns: self, queue, number };
        let turn = receive.await.ok();
        ticket.0.store(Ticket::SERVED, Ordering::Relaxed);
        // A turn that was given is given back by its own end.
        std::mem::forget(waiting);
        turn
    }

    /// Jobs that end or are served before the ticket's own in a queue is; before one that has not come yet, those
    /// before the last one that waits there.
    pub fn ahead(&self, queue: &Queue, ticket: &Ticket) -> usize {
        let state = lock(&self.0);
        let Some(lane) = state.groups.get(&queue.group).and_then(|g| g.lanes.get(&queue.lane)) else { return 0 };
        let number = ticket.0.load(Ordering::Relaxed);
        let own = lane.waiting.iter().position(|(n, _)| *n == number);
        let Some(before) = (if number == 0 { lane.waiting.len().checked_sub(1) } else { own }) else { return 0 };
        1 + state.served_before(queue, before)
    }

    /// Jobs that wait, and jobs that run.
    pub fn load(&self) -> (usize, usize) {
        let state = lock(&self.0);
        let lanes = state.groups.values().flat_map(|g| g.lanes.values());
        (lanes.map(|l| l.waiting.len()).sum(), state.running)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.turns.0);
        if let Some(lane) = state.lane(self.queue) {
            lane.waiting.retain(|(number, _)| *number != self.number);
        }
        state.tidy(self.queue);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.state);
            state.running = state.running.saturating_sub(1);
            if let Some(group) = state.groups.get_mut(&self.queue.group) {
                group.running = group.running.saturating_sub(1);
            }
            if let Some(lane) = state.lane(&self.queue) {
                lane.running = lane.running.saturating_sub(1);
            }
            state.tidy(&self.queue);
        }
        serve(&self.state);
    }
}

impl State {
    fn lane(&mut self, queue: &Queue) -> Option<&mut Lane> {
        self.groups.get_mut(&queue.group)?.lanes.get_mut(&queue.lane)
    }

    /// Puts a job at the end of its queue; returns its number.
    fn join(&mut self, queue: &Queue, job: oneshot::Sender<Turn>) -> u64 {
        self.came += 1;
        let group = self.groups.entry(queue.group.clone()).or_default();
        if group.order.is_empty() {
            self.order.push_back(queue.group.clone());
        }
        let lane = group.lanes.entry(queue.lane.clone()).or_default();
        if lane.waiting.is_empty() {
            group.order.push_back(queue.lane.clone());
        }
        lane.waiting.push_back((self.came, job));
        self.came
    }

    /// The job that is next, if there is a place for it.
    fn next(&mut self) -> Option<(Queue, oneshot::Sender<Turn>)> {
        if self.running >= self.places.all {
            return None;
        }
        for _ in 0..self.order.len() {
            let name = self.order.pop_front()?;
            let Some(group) = self.groups.get_mut(&name) else { continue };
            let job = if group.running < self.places.group { group.next(self.places.lane) } else { None };
            if !group.order.is_empty() {
                self.order.push_back(name.clone());
            }
            if let Some((lane, job)) = job {
                self.running += 1;
                return Some((Queue { group: name, lane }, job));
            }
        }
        None
    }

    /// Jobs that are served before a queue's job that has `before` others before it in its lane, if all that wait are
    /// served one by one.
    fn served_before(&self, queue: &Queue, before: usize) -> usize {
        let waiting = |group: &Group| -> VecDeque<(String, usize)> {
            let lanes = group.order.iter();
            lanes.filter_map(|name| Some((name.clone(), group.lanes.get(name)?.waiting.len()))).collect()
        };
        let groups = self.order.iter().filter_map(|name| Some((name.clone(), waiting(self.groups.get(name)?))));
        let (mut groups, mut served, mut own): (VecDeque<_>, _, _) = (groups.collect(), 0, 0);
        while let Some((name, mut lanes)) = groups.pop_front() {
            let Some((lane, jobs)) = lanes.pop_front() else { continue };
            if name == queue.group && lane == queue.lane {
                if own == before {
                    break;
                }
                own += 1;
            }
            served += 1;
            if jobs > 1 {
                lanes.push_back((lane, jobs - 1));
            }
            groups.push_back((name, lanes));
        }
        served
    }

    /// Forgets a queue that has nothing to do.
    fn tidy(&mut self, queue: &Queue) {
        let Some(group) = self.groups.get_mut(&queue.group) else { return };
        let empty = group.lanes.get(&queue.lane).is_none_or(|lane| lane.waiting.is_empty());
        if empty {
            group.order.retain(|name| *name != queue.lane);
            if group.lanes.get(&queue.lane).is_some_and(|lane| lane.running == 0) {
                group.lanes.remove(&queue.lane);
            }
        }
        let idle = group.lanes.is_empty();
        if group.order.is_empty() {
            self.order.retain(|name| *name != queue.group);
        }
        if idle {
            self.groups.remove(&queue.group);
        }
    }
}

impl Group {
    /// The job that is next of those whose lanes may have one more at work.
    fn next(&mut self, each: usize) -> Option<(String, oneshot::Sender<Turn>)> {
        for _ in 0..self.order.len() {
            let name = self.order.pop_front()?;
            let Some(lane) = self.lanes.get_mut(&name) else { continue };
            if lane.running >= each {
                self.order.push_back(name);
                continue;
            }
            let Some((_, job)) = lane.waiting.pop_front() else { continue };
            lane.running += 1;
            self.running += 1;
            if !lane.waiting.is_empty() {
                self.order.push_back(name.clone());
            }
            return Some((name, job));
        }
        None
    }
}

/// Gives places to those whose turn it is.
fn serve(state: &Arc<Mutex<State>>) {
    loop {
        let Some((queue, job)) = lock(state).next() else { return };
        // Whoever has gone in the meantime gives the place back: then the next one has it.
        let _ = job.send(Turn { state: state.clone(), queue });
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
#[path = "turns_tests.rs"]
mod tests;
