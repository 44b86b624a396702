use super::*;
use std::time::Duration;

/// Lets all tasks go as far as they can.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

fn queue(group: &str, lane: &str) -> Queue {
    Queue { group: group.to_owned(), lane: lane.to_owned() }
}

/// A lane of a user of its own.
fn lane(name: &str) -> Queue {
    queue(name, name)
}

/// Jobs of these queues, each begun after those before it, all waiting behind one that is held.
async fn served(waiting: Vec<Queue>) -> Vec<Queue> {
    let turns = Arc::new(Turns::new(Places { all: 1, group: 1, lane: 1 }));
    let held = turns.take(&lane("held"), &Ticket::default()).await.unwrap();
    let served = Arc::new(Mutex::new(Vec::new()));
    let mut jobs = Vec::new();
    for queue in waiting {
        let (turns, served) = (turns.clone(), served.clone());
        jobs.push(tokio::spawn(async move {
            let _turn = turns.take(&queue, &Ticket::default()).await.unwrap();
            served.lock().unwrap().push(queue);
        }));
        settle().await;
    }
    drop(held);
    for job in jobs {
        job.await.unwrap();
    }
    let state = lock(&turns.0);
    assert!(state.groups.is_empty() && state.order.is_empty() && state.running == 0, "nothing is left behind");
    drop(state);
    Arc::try_unwrap(served).unwrap().into_inner().unwrap()
}

#[tokio::test]
async fn users_take_turns_however_many_sessions_they_have() {
    // Thirty sessions of one user and one of another, ten clicks in each.
    let many = (0..300).map(|n| queue("b", &format!("session {}", n % 30)));
    let one = (0..10).map(|_| queue("a", "session"));
    let served = served(many.chain(one).collect()).await;
    let of_b = served.iter().take(20).filter(|q| q.group == "b").count();
    assert_eq!(of_b, 10, "one and one");
    let lanes: std::collections::BTreeSet<_> =
        served.iter().filter(|q| q.group == "b").take(30).map(|q| &q.lane).collect();
    assert_eq!(lanes.len(), 30, "and each session of the one in its turn");
}

#[tokio::test]
async fn places_are_told_exactly() {
    let turns = Arc::new(Turns::new(Places { all: 1, group: 1, lane: 1 }));
    let held = turns.take(&lane("a"), &Ticket::default()).await.unwrap();
    let served = Arc::new(Mutex::new(Vec::new()));
    let mut jobs = Vec::new();
    // A flood of one, then one of each of two others.
    for name in ["flood"; 50].into_iter().chain(["b", "c", "b"]) {
        let (turns, served) = (turns.clone(), served.clone());
        jobs.push(tokio::spawn(async move {
            let _turn = turns.take(&lane(name), &Ticket::default()).await.unwrap();
            served.lock().unwrap().push(name);
        }));
        settle().await;
    }
    assert_eq!(turns.load(), (53, 1));
    // Served in this order: flood, b, c, flood, b, and the rest of the flood.
    let ahead = |name| turns.ahead(&lane(name), &Ticket::default());
    assert_eq!([ahead("c"), ahead("b"), ahead("flood"), ahead("a")], [3, 5, 53, 0]);
    let first = Ticket(AtomicU64::new(2));
    assert_eq!(turns.ahead(&lane("flood"), &first), 1, "the first in the queue waits for the job at work");
    assert_eq!(turns.ahead(&lane("flood"), &Ticket(AtomicU64::new(Ticket::SERVED))), 0);
    drop(held);
    for job in jobs {
        job.await.unwrap();
    }
    let served = served.lock().unwrap();
    assert_eq!(served[..6], ["flood", "b", "c", "flood", "b", "flood"]);
    assert_eq!((served.len(), turns.load()), (53, (0, 0)));
}

#[tokio::test]
async fn one_user_does_not_get_all_places() {
    let turns = Arc::new(Turns::new(Places { all: 4, group: 2, lane: 1 }));
    let first = turns.take(&queue("flood", "1"), &Ticket::default()).await.unwrap();
    let wait = Duration::from_millis(20);
    let (same, third) = (queue("flood", "1"), queue("flood", "3"));
    assert!(tokio::time::timeout(wait, turns.take(&same, &Ticket::default())).await.is_err(), "one of a session");
    let _second = turns.take(&queue("flood", "2"), &Ticket::default()).await.unwrap();
    assert!(tokio::time::timeout(wait, turns.take(&third, &Ticket::default())).await.is_err(), "two of a user");
    let others = [lane("b"), lane("c")];
    assert!(turns.take(&others[0], &Ticket::default()).await.is_some());
    assert!(turns.take(&others[1], &Ticket::default()).await.is_some());
    assert_eq!(turns.load(), (0, 2), "a cancelled job is not in the queue");
    drop(first);
    assert!(turns.take(&third, &Ticket::default()).await.is_some());
}

#[tokio::test]
async fn ten_thousand_cancelled_jobs_leave_nothing() {
    let turns = Arc::new(Turns::new(Places { all: 2, group: 2, lane: 2 }));
    let held = (
        turns.take(&lane("a"), &Ticket::default()).await.unwrap(),
        turns.take(&lane("b"), &Ticket::default()).await.unwrap(),
    );
    let mut jobs = Vec::new();
    for n in 0..10_000 {
        let turns = turns.clone();
        jobs.push(tokio::spawn(async move {
            let queue = queue(&format!("user {}", n % 7), &format!("lane {}", n % 97));
            drop(turns.take(&queue, &Ticket::default()).await);
        }));
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
    let state = lock(&turns.0);
    assert!(state.groups.is_empty() && state.order.is_empty() && state.running == 0);
}
