//! Whose heavy job is next: lanes take turns, so that nobody waits for all of somebody else's.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Places for jobs that run at once. Each session (or user, outside of sessions) has a lane of its own, in which
/// jobs wait in the order of their coming; the lanes are served in turn.
pub(crate) struct Turns(Arc<Mutex<State>>);

struct State {
    free: usize,
    /// As many of one lane run at once.
    each: usize,
    /// Lanes with jobs waiting or running.
    lanes: BTreeMap<String, Lane>,
    /// Lanes in the order in which they are served next.
    order: VecDeque<String>,
    /// Numbers those who wait.
    came: u64,
}

#[derive(Default)]
struct Lane {
    running: usize,
    waiting: VecDeque<(u64, oneshot::Sender<Turn>)>,
}

/// A job's place; the next job has it when this is dropped.
pub(crate) struct Turn {
    state: Arc<Mutex<State>>,
    lane: String,
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
    lane: &'a str,
    number: u64,
}

impl Turns {
    /// `places` jobs at once, `each` of one lane.
    pub fn new(places: usize, each: usize) -> Self {
        let state = State { free: places, each, lanes: BTreeMap::new(), order: VecDeque::new(), came: 0 };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Waits for the lane's turn; the ticket says meanwhile where it stands.
    pub async fn take(&self, lane: &str, ticket: &Ticket) -> Option<Turn> {
        let (send, receive) = oneshot::channel();
        let number = {
            let mut state = lock(&self.0);
            state.came += 1;
            let number = state.came;
            if state.lanes.entry(lane.to_owned()).or_default().waiting.is_empty() {
                state.order.push_back(lane.to_owned());
            }
            if let Some(lane) = state.lanes.get_mut(lane) {
                lane.waiting.push_back((number, send));
            }
            number
        };
        ticket.0.store(number, Ordering::Relaxed);
        serve(&self.0);
        let waiting = Waiting { turns: self, lane, number };
        let turn = receive.await.ok();
        ticket.0.store(Ticket::SERVED, Ordering::Relaxed);
        // A turn that was given is given back by its own end.
        std::mem::forget(waiting);
        turn
    }

    /// Jobs that end or are served before the ticket's own in a lane is; before one that has not come yet, those
    /// before the last one that waits there.
    pub fn ahead(&self, lane: &str, ticket: &Ticket) -> usize {
        let state = lock(&self.0);
        let Some(waiting) = state.lanes.get(lane).map(|l| &l.waiting) else { return 0 };
        let number = ticket.0.load(Ordering::Relaxed);
        let own = waiting.iter().position(|(n, _)| *n == number);
        let Some(before) = (if number == 0 { waiting.len().checked_sub(1) } else { own }) else { return 0 };
        let place = state.order.iter().position(|l| l == lane).unwrap_or(state.order.len());
        let others = state.order.iter().enumerate().filter(|(_, name)| *name != lane);
        let earlier = others.filter_map(|(n, name)| {
            let waiting = state.lanes.get(name)?.waiting.len();
            Some(waiting.min(before + usize::from(n < place)))
        });
        1 + before + earlier.sum::<usize>()
    }

    /// Jobs that wait, and jobs that run.
    pub fn load(&self) -> (usize, usize) {
        let state = lock(&self.0);
        let count = |of: fn(&Lane) -> usize| state.lanes.values().map(of).sum();
        (count(|l| l.waiting.len()), count(|l| l.running))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.turns.0);
        if let Some(lane) = state.lanes.get_mut(self.lane) {
            lane.waiting.retain(|(number, _)| *number != self.number);
        }
        state.tidy(self.lane);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.state);
            state.free += 1;
            if let Some(lane) = state.lanes.get_mut(&self.lane) {
                lane.running = lane.running.saturating_sub(1);
            }
            let lane = self.lane.clone();
            state.tidy(&lane);
        }
        serve(&self.state);
    }
}

impl State {
    /// The job that is next, if there is a place for it.
    fn next(&mut self) -> Option<(String, oneshot::Sender<Turn>)> {
        if self.free == 0 {
            return None;
        }
        for _ in 0..self.order.len() {
            let name = self.order.pop_front()?;
            let Some(lane) = self.lanes.get_mut(&name) else { continue };
            if lane.running >= self.each {
                self.order.push_back(name);
                continue;
            }
            let Some((_, job)) = lane.waiting.pop_front() else { continue };
            lane.running += 1;
            self.free -= 1;
            if !lane.waiting.is_empty() {
                self.order.push_back(name.clone());
            }
            return Some((name, job));
        }
        None
    }

    /// Forgets a lane that has nothing to do.
    fn tidy(&mut self, name: &str) {
        let Some(lane) = self.lanes.get(name) else { return };
        if lane.waiting.is_empty() {
            let idle = lane.running == 0;
            self.order.retain(|n| n != name);
            if idle {
                self.lanes.remove(name);
            }
        }
    }
}

/// Gives places to those whose turn it is.
fn serve(state: &Arc<Mutex<State>>) {
    loop {
        let Some((lane, job)) = lock(state).next() else { return };
        // Whoever has gone in the meantime gives the place back: then the next one has it.
        let _ = job.send(Turn { state: state.clone(), lane });
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Lets all tasks go as far as they can.
    async fn settle() {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn lanes_take_turns() {
        let turns = Arc::new(Turns::new(1, 1));
        let held = turns.take("a", &Ticket::default()).await.unwrap();
        let served = Arc::new(Mutex::new(Vec::new()));
        let mut jobs = Vec::new();
        // A flood of one, then one of each of two others.
        for lane in ["flood"; 50].into_iter().chain(["b", "c", "b"]) {
            let (turns, served) = (turns.clone(), served.clone());
            jobs.push(tokio::spawn(async move {
                let _turn = turns.take(lane, &Ticket::default()).await.unwrap();
                served.lock().unwrap().push(lane);
            }));
            settle().await;
        }
        assert_eq!(turns.load(), (53, 1));
        // Served in this order: flood, b, c, flood, b, and the rest of the flood.
        let ahead = |lane| turns.ahead(lane, &Ticket::default());
        assert_eq!([ahead("c"), ahead("b"), ahead("flood"), ahead("a")], [3, 5, 53, 0]);
        let first = Ticket(AtomicU64::new(2));
        assert_eq!(turns.ahead("flood", &first), 1, "whoever came first waits for the one at work");
        assert_eq!(turns.ahead("flood", &Ticket(AtomicU64::new(Ticket::SERVED))), 0);
        drop(held);
        for job in jobs {
            job.await.unwrap();
        }
        let served = served.lock().unwrap();
        assert_eq!(served[..6], ["flood", "b", "c", "flood", "b", "flood"]);
        assert_eq!((served.len(), turns.load()), (53, (0, 0)));
        assert!(lock(&turns.0).lanes.is_empty() && lock(&turns.0).order.is_empty(), "nothing is left behind");
    }

    #[tokio::test]
    async fn one_lane_does_not_get_all_places() {
        let turns = Arc::new(Turns::new(4, 2));
        let first = turns.take("flood", &Ticket::default()).await.unwrap();
        let _second = turns.take("flood", &Ticket::default()).await.unwrap();
        let third = tokio::time::timeout(Duration::from_millis(20), turns.take("flood", &Ticket::default())).await;
        assert!(third.is_err(), "the third waits, though there is room");
        assert!(
            turns.take("b", &Ticket::default()).await.is_some() && turns.take("c", &Ticket::default()).await.is_some()
        );
        assert_eq!(turns.load(), (0, 2), "whoever gave up is not in the queue");
        drop(first);
        assert!(turns.take("flood", &Ticket::default()).await.is_some());
    }

    #[tokio::test]
    async fn ten_thousand_cancelled_jobs_leave_nothing() {
        let turns = Arc::new(Turns::new(2, 2));
        let held =
            (turns.take("a", &Ticket::default()).await.unwrap(), turns.take("b", &Ticket::default()).await.unwrap());
        let mut jobs = Vec::new();
        for n in 0..10_000 {
            let turns = turns.clone();
            jobs.push(tokio::spawn(
                async move { drop(turns.take(&format!("lane {}", n % 97), &Ticket::default()).await) },
            ));
        }
        settle().await;
        assert_eq!(turns.load().0, 10_000);
        for job in &jobs {
            job.abort();
        }
        for job in jobs {
            let _ = job.await;
        }
        assert_eq!(turns.load(), (0, 2));
        drop(held);
        assert!(lock(&turns.0).lanes.is_empty() && lock(&turns.0).order.is_empty());
        assert_eq!(lock(&turns.0).free, 2);
    }
}
