use crate::NetworkError;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

/// Whom a job waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// A reader waits for the mask: next.
    Mask,
    /// Samples: when no mask is waiting.
    Sample,
    /// A sweep of the whole volume: when nothing else is waiting.
    Background,
}

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// One named thread that owns what must not be shared, and does one job after the other.
pub(crate) struct Worker<S> {
    queue: Arc<Queue<S>>,
    thread: Option<JoinHandle<()>>,
}

struct Queue<S> {
    waiting: Mutex<Waiting<S>>,
    changed: Condvar,
}

struct Waiting<S> {
    masks: VecDeque<Job<S>>,
    samples: VecDeque<Job<S>>,
    background: VecDeque<Job<S>>,
    stop: bool,
}

impl<S: 'static> Worker<S> {
    /// Starts the thread and makes its state there; returns when that is done.
    ///
    /// # Errors
    /// The thread cannot be started, or `make` fails.
    pub fn start(make: impl FnOnce() -> Result<S, NetworkError> + Send + 'static) -> Result<Self, NetworkError> {
        let waiting =
            Waiting { masks: VecDeque::new(), samples: VecDeque::new(), background: VecDeque::new(), stop: false };
        let queue = Arc::new(Queue { waiting: Mutex::new(waiting), changed: Condvar::new() });
        let (started, start) = mpsc::sync_channel(1);
        let shared = queue.clone();
        let run = move || {
            let made = catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|_| Err(panicked()));
            let (answer, state) = match made {
                Ok(state) => (Ok(()), Some(state)),
                Err(e) => (Err(e), None),
            };
            // If nobody waits, the queue says stop soon.
            let _ = started.send(answer);
            if let Some(mut state) = state {
                shared.work(&mut state);
            }
        };
        let thread = thread::Builder::new().name("isochrone-network".to_owned()).spawn(run);
        let thread = thread.map_err(|e| NetworkError::Run(format!("its thread could not be started: {e}")))?;
        let worker = Self { queue, thread: Some(thread) };
        start.recv().unwrap_or_else(|_| Err(panicked()))?;
        Ok(worker)
    }

    /// Does a job on the thread and waits for its answer. A job that panics gives an error; the thread goes on.
    pub fn run<T: Send + 'static>(
        &self,
        priority: Priority,
        job: impl FnOnce(&mut S) -> Result<T, NetworkError> + Send + 'static,
    ) -> Result<T, NetworkError> {
        let (answered, answer) = mpsc::sync_channel(1);
        let job: Job<S> = Box::new(move |state| {
            let result = catch_unwind(AssertUnwindSafe(|| job(state))).unwrap_or_else(|_| Err(panicked()));
            let _ = answered.send(result);
        });
        let mut waiting = self.queue.lock();
        match priority {
            Priority::Mask => waiting.masks.push_back(job),
            Priority::Sample => waiting.samples.push_back(job),
            Priority::Background => waiting.background.push_back(job),
        }
        drop(waiting);
        self.queue.changed.notify_one();
        answer.recv().unwrap_or_else(|_| Err(NetworkError::Run("the network was shut down".to_owned())))
    }
}

impl<S> Queue<S> {
    fn lock(&self) -> MutexGuard<'_, Waiting<S>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, state: &mut S) {
        let mut waiting = self.lock();
        while !waiting.stop {
            let next = waiting.masks.pop_front().or_else(|| waiting.samples.pop_front());
            let Some(job) = next.or_else(|| waiting.background.pop_front()) else {
                waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(waiting);
            job(state);
            waiting = self.lock();
        }
        // Whoever still waits for one of these learns of it, because its channel closes.
        waiting.masks.clear();
        waiting.samples.clear();
        waiting.background.clear();
    }
}

impl<S> Drop for Worker<S> {
    fn drop(&mut self) {
        self.queue.lock().stop = true;
        self.queue.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn panicked() -> NetworkError {
    NetworkError::Run("an internal fault stopped this pass; try again, and report it if it comes back".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_the_thread_lives() {
        let worker = Worker::start(|| Ok(1)).unwrap();
        let error = worker.run(Priority::Mask, |_| -> Result<(), _> { panic!("on purpose") }).unwrap_err();
        assert!(matches!(error, NetworkError::Run(_)));
        assert_eq!(worker.run(Priority::Mask, |n| Ok(*n + 1)).unwrap(), 2);
        assert!(Worker::<i32>::start(|| Err(NetworkError::Cancelled)).is_err());
    }

    #[test]
    fn masks_go_first() {
        let worker = Arc::new(Worker::start(|| Ok(Vec::new())).unwrap());
        let (open, gate) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel::<()>();
        let blocked = worker.clone();
        let first = thread::spawn(move || {
            blocked.run(Priority::Mask, move |_| {
                begin.send(()).unwrap();
                gate.recv().unwrap();
                Ok(())
            })
        });
        begun.recv().unwrap();
        let submit = |priority, name: &'static str| {
            let worker = worker.clone();
            thread::spawn(move || {
                worker.run(priority, move |done: &mut Vec<_>| {
                    done.push(name);
                    Ok(())
                })
            })
        };
        let mut threads = vec![first];
        for (n, (priority, name)) in
            [(Priority::Sample, "s"), (Priority::Sample, "t"), (Priority::Mask, "m")].into_iter().enumerate()
        {
            threads.push(submit(priority, name));
            while {
                let w = worker.queue.lock();
                w.masks.len() + w.samples.len()
            } < n + 1
            {
                thread::yield_now();
            }
        }
        open.send(()).unwrap();
        for t in threads {
            t.join().unwrap().unwrap();
        }
        assert_eq!(worker.run(Priority::Sample, |done| Ok(done.clone())).unwrap(), ["m", "s", "t"]);
    }
}
