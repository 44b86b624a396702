//! Connections whose clients have not logged in: few, and never in the places of users.

use isochrone_api::LogIn;
use std::collections::VecDeque;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Those connections, the oldest first. One too many ends the oldest: so a crowd of them keeps nobody out who logs in
/// as soon as he is connected.
pub struct Strangers {
    /// At once.
    all: usize,
    /// From one address.
    each: usize,
    known: Mutex<VecDeque<Stranger>>,
}

struct Stranger {
    ip: Option<IpAddr>,
    log_in: LogIn,
    end: Arc<Notify>,
}

impl Strangers {
    pub fn new(all: usize, each: usize) -> Self {
        Self { all, each, known: Mutex::default() }
    }

    /// Takes a new connection in. What is returned ends when the connection has to: another one takes its place, or no
    /// request of it was answered within `limit`. The second value is how many had to go for it.
    pub fn enter(
        &self,
        ip: Option<IpAddr>,
        log_in: &LogIn,
        limit: Duration,
    ) -> (impl Future<Output = ()> + use<>, usize) {
        let end = Arc::new(Notify::new());
        let gone = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            // The connection itself holds the other one.
            known.retain(|s| !s.log_in.is_done() && Arc::strong_count(&s.end) > 1);
            let same = known.iter().filter(|s| s.ip == ip).count();
            let oldest = if same >= self.each {
                known.iter().position(|s| s.ip == ip)
            } else {
                (known.len() >= self.all).then_some(0)
            };
            let gone = oldest.and_then(|at| known.remove(at));
            known.push_back(Stranger { ip, log_in: log_in.clone(), end: end.clone() });
            gone
        };
        gone.iter().for_each(|stranger| stranger.end.notify_one());
        let log_in = log_in.clone();
        let ended = async move {
            tokio::select! {
                () = end.notified() => return,
                () = tokio::time::sleep(limit) => {}
            }
            if !log_in.is_unheard() {
                end.notified().await;
            }
        };
        (ended, usize::from(gone.is_some()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_of_an_address_goes_first() {
        let strangers = Strangers::new(3, 2);
        let address = |n: u8| Some(IpAddr::from([10, 0, 0, n]));
        let enter = |n: u8| strangers.enter(address(n), &LogIn::default(), Duration::from_secs(60));
        let (first, a) = enter(1);
        let (second, b) = enter(2);
        let (third, c) = enter(1);
        assert_eq!([a, b, c], [0; 3]);
        // A third of the same address ends the first; then a fourth in all ends the oldest that is left.
        let (_fourth, d) = enter(1);
        first.await;
        let (_fifth, e) = enter(3);
        second.await;
        assert_eq!([d, e], [1, 1]);
        assert!(tokio::time::timeout(Duration::from_millis(20), third).await.is_err(), "the others stay");
    }

    #[tokio::test]
    async fn who_asks_for_nothing_has_little_time() {
        let strangers = Strangers::new(3, 2);
        let (ended, _) = strangers.enter(None, &LogIn::default(), Duration::from_millis(10));
        tokio::time::timeout(Duration::from_secs(1), ended).await.expect("its time is up");
    }
}
