//! The background sweep of a session, told window by window.

use crate::convert::u32_of;
use crate::follow_up::CancelOnDrop;
use crate::gate::call::Call;
use crate::sessions::Slot;
use crate::turns::Ticket;
use crate::{ApiError, House, v1};
use isochrone_session::Sweep;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;
use tonic::Status;

/// Where the sweep's events go.
pub(crate) type Events = mpsc::Sender<Result<v1::SweepEvent, Status>>;

/// Sweeps a session's volume (what is known already is told at once), and sends how far it is, then what it found.
pub(crate) async fn sweep(house: Arc<House>, slot: Arc<Slot>, samples: usize, count: usize, events: Events) {
    let begun = Instant::now();
    let work = async {
        let known = slot.session.lock().await.swept().filter(|s| s.samples == samples);
        if known.is_none() {
            let found = house.look_over(&slot, samples, &events).await?;
            slot.session.lock().await.settle_sweep(Arc::new(found));
        }
        let result = house.swept(&slot, count, begun).await?;
        send(&events, v1::sweep_event::Event::Result(result)).await;
        Ok::<(), ApiError>(())
    };
    // A client that has gone away takes the work with it.
    let outcome = tokio::select! {
        outcome = work => outcome,
        () = events.closed() => return,
    };
    if let Err(error) = outcome {
        let _ = events.send(Err(error.into())).await;
    }
}

async fn send(events: &Events, event: v1::sweep_event::Event) {
    // Nobody listens: `sweep` notices.
    let _ = events.send(Ok(v1::SweepEvent { event: Some(event) })).await;
}

impl House {
    /// The sweep itself, one window at a time on this server, users in turn: it takes no job from those who wait for a
    /// mask.
    async fn look_over(&self, slot: &Slot, samples: usize, events: &Events) -> Result<Sweep, ApiError> {
        let job = slot.session.lock().await.sweep_job(samples)?;
        let _stop = CancelOnDrop(job.cancel());
        let call = Call::current();
        let (queue, turns) = (call.queue(), self.sweeps.clone());
        let first = turns.take(&queue, &Ticket::default()).await.ok_or(ApiError::Broken("it is shutting down"))?;
        let (events, begun, runtime) = (events.clone(), Instant::now(), tokio::runtime::Handle::current());
        let (stop, closed) = (job.cancel(), slot.closed.clone());
        let working = tokio::task::spawn_blocking(move || {
            let mut turn = Some(first);
            job.run(&mut |done, total| {
                if closed.is_cancelled() || call.ended.is_cancelled() {
                    stop.cancel();
                }
                // The next window is another waiter's.
                drop(turn.take());
                turn = runtime.block_on(turns.take(&queue, &Ticket::default()));

                let progress = v1::SweepProgress {
                    done: u32_of(done),
                    total: u32_of(total),
                    elapsed_ms: begun.elapsed().as_secs_f64() * 1000.0,
                };
                let event = Some(v1::sweep_event::Event::Progress(progress));
                // A slow reader misses a step, and waits for nobody.
                let _ = events.try_send(Ok(v1::SweepEvent { event }));
            })
        });
        Ok(working.await.map_err(|_| {
            tracing::error!("a sweep panicked");
            ApiError::Broken("an unexpected condition in a sweep")
        })??)
    }

    async fn swept(&self, slot: &Slot, count: usize, begun: Instant) -> Result<v1::SweepResult, ApiError> {
        let found = slot.session.lock().await.swept().ok_or(ApiError::Broken("the sweep is gone"))?;
        let proposals = self.propose_everywhere(slot, None, count, Vec::new()).await?;
        let [windows, empty] = found.windows.map(u32_of);
        Ok(v1::SweepResult {
            grid: Some(crate::convert::grid(&found.grid)),
            samples: u32_of(found.samples),
            working_spacing_mm: found.working_spacing_mm,
            windows,
            windows_empty: empty,
            has_prediction: found.prediction.is_some(),
            elapsed_ms: begun.elapsed().as_secs_f64() * 1000.0,
            proposals: Some(proposals),
        })
    }

    /// Slices of the whole volume, by the sweep and what prompts have taught since.
    pub(crate) async fn propose_everywhere(
        &self,
        slot: &Slot,
        label: Option<u32>,
        count: usize,
        axes: Vec<isochrone_volume::Axis>,
    ) -> Result<v1::Proposals, ApiError> {
        let begun = Instant::now();
        let ranked = move |session: &mut isochrone_session::Session| {
            Ok((session.revision(), session.rank_everywhere(label, count, &axes)?))
        };
        let (revision, ranked) = self.with(slot, ranked).await?;
        let found = crate::convert::proposals(revision, label.unwrap_or_default(), &ranked, begun.elapsed());
        Ok(v1::Proposals { provenance: Some(slot.provenance()), ..found })
    }
}
