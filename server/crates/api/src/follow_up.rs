//! What comes after a mask: uncertainty and proposals, until a newer change takes over.

use crate::sessions::Slot;
use crate::{ApiError, House, v1};
use isochrone_segment::{Cancel, SegmentError};
use isochrone_session::{SessionError, Standing, Uncertainty};
use isochrone_volume::Axis;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc::Sender;
use tonic::Status;
use v1::segmentation_event::Event;

pub(crate) type Events = Sender<Result<v1::SegmentationEvent, Status>>;

/// What the client wants to know of a label.
pub(crate) struct Asked {
    pub label: u32,
    /// How many samples; `None`: what is known already will do, else the server's default.
    pub samples: Option<usize>,
    /// Proposals.
    pub count: usize,
    /// Only these orientations; empty: all.
    pub axes: Vec<Axis>,
    /// The session's epoch that it is about; `None`: the one that it has when work begins.
    pub epoch: Option<u64>,
}

/// How drawing samples ended.
enum Drawn {
    Done(Arc<Uncertainty>),
    Superseded(u64),
}

/// Sends uncertainty and proposals after a mask, or who took over.
pub(crate) async fn follow_up(house: Arc<House>, slot: Arc<Slot>, asked: Asked, events: Events) {
    let work = async {
        let begun = Instant::now();
        match house.draw(&slot, &asked).await? {
            Drawn::Superseded(by_revision) => send(&events, Event::Superseded(v1::Superseded { by_revision })).await,
            Drawn::Done(found) => {
                send(&events, Event::Uncertainty(crate::convert::uncertainty(&found, begun.elapsed()))).await;
                let proposals = house.rank(&slot, &asked, &found).await?;
                send(&events, Event::Proposals(proposals)).await;
            }
        }
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

async fn send(events: &Events, event: Event) {
    // Nobody listens: `follow_up` notices.
    let _ = events.send(Ok(v1::SegmentationEvent { event: Some(event) })).await;
}

/// Stops work when the request that it is for ends.
pub(crate) struct CancelOnDrop(pub Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl House {
    /// Proposals for the present state; draws samples if there are none yet.
    pub(crate) async fn propose(&self, slot: &Slot, asked: &Asked) -> Result<v1::Proposals, ApiError> {
        let found = self.uncertainty(slot, asked).await?;
        self.rank(slot, asked, &found).await
    }

    /// The uncertainty of the present state; a newer change of the masks ends the wait for it.
    pub(crate) async fn uncertainty(&self, slot: &Slot, asked: &Asked) -> Result<Arc<Uncertainty>, ApiError> {
        match self.draw(slot, asked).await? {
            Drawn::Done(found) => Ok(found),
            Drawn::Superseded(_) => Err(SegmentError::Cancelled.into()),
        }
    }

    async fn rank(&self, slot: &Slot, asked: &Asked, found: &Arc<Uncertainty>) -> Result<v1::Proposals, ApiError> {
        let begun = Instant::now();
        let (label, count, axes, found) = (asked.label, asked.count, asked.axes.clone(), found.clone());
        let (revision, ranked) =
            self.with(slot, move |session| Ok((session.revision(), session.rank(&found, count, &axes)?))).await?;
        let found = crate::convert::proposals(revision, label, &ranked, begun.elapsed());
        Ok(v1::Proposals { provenance: Some(slot.provenance()), ..found })
    }

    async fn draw(&self, slot: &Slot, asked: &Asked) -> Result<Drawn, ApiError> {
        let mut epoch = asked.epoch;
        loop {
            let (job, now) = {
                let mut session = slot.session.lock().await;
                if epoch.is_some_and(|epoch| epoch != session.epoch()) {
                    return Ok(Drawn::Superseded(session.revision()));
                }
                if let Some(known) = session.uncertainty(asked.label, asked.samples) {
                    return Ok(Drawn::Done(known));
                }
                let samples = asked.samples.unwrap_or(self.limits.default_samples as usize);
                (Arc::new(session.uncertainty_job(asked.label, samples)?), session.epoch())
            };
            epoch = Some(now);
            let _stop = CancelOnDrop(job.cancel());
            let running = job.clone();
            let drawn = self.run(move || Ok(running.run().map(Arc::new))).await?;
            let mut session = slot.session.lock().await;
            match (session.settle(&job, drawn.as_ref().ok().cloned()), drawn) {
                (Standing::Superseded { by_revision }, _) => return Ok(Drawn::Superseded(by_revision)),
                (Standing::Current, Ok(found)) => return Ok(Drawn::Done(found)),
                // Whoever cancelled it came to nothing in the end: once more.
                (Standing::Current, Err(SessionError::Segment(SegmentError::Cancelled))) => {}
                (Standing::Current, Err(error)) => return Err(error.into()),
            }
        }
    }
}
