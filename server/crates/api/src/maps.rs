//! Maps and files in pieces.

use crate::follow_up::Asked;
use crate::sessions::Slot;
use crate::{ApiError, House, v1};
use isochrone_prompt::Polarity;
use isochrone_session::MapKind;
use isochrone_volume::Grid;
use ndarray::Array3;
use prost::bytes::Bytes;
use tonic::Status;

/// A stream of ready pieces.
pub(crate) type Chunks<T> = tokio_stream::Iter<std::vec::IntoIter<Result<T, Status>>>;

/// Bytes in pieces of one size.
pub(crate) fn chunks_of<T>(bytes: impl Into<Bytes>, size: usize, make: impl Fn(Bytes) -> T) -> Chunks<T> {
    tokio_stream::iter(pieces(bytes.into(), size, make))
}

/// A map in pieces, its header first.
pub(crate) fn map_chunks(grid: &Grid, map: &Array3<f32>, size: usize) -> Chunks<v1::MapChunk> {
    let bytes: Bytes = map.iter().flat_map(|v| v.to_le_bytes()).collect();
    let header = v1::MapHeader { grid: Some(crate::convert::grid(grid)), size_bytes: bytes.len() as u64 };
    let part = |part| v1::MapChunk { part: Some(part) };
    let mut chunks = vec![Ok(part(v1::map_chunk::Part::Header(header)))];
    chunks.extend(pieces(bytes, size, |data| part(v1::map_chunk::Part::Data(data))));
    tokio_stream::iter(chunks)
}

fn pieces<T>(mut rest: Bytes, size: usize, make: impl Fn(Bytes) -> T) -> Vec<Result<T, Status>> {
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        pieces.push(Ok(make(rest.split_to(size.clamp(1, rest.len())))));
    }
    pieces
}

impl House {
    /// The map that a client asks for, `[k, j, i]`, and where it lies.
    pub(crate) async fn map(&self, slot: &Slot, label: u32, kind: i32) -> Result<(Grid, Array3<f32>), ApiError> {
        let kind = match v1::MapKind::try_from(kind) {
            Ok(v1::MapKind::Probability) => MapKind::Probability,
            Ok(v1::MapKind::GuidancePositive) => MapKind::Guidance(Polarity::Positive),
            Ok(v1::MapKind::GuidanceNegative) => MapKind::Guidance(Polarity::Negative),
            Ok(v1::MapKind::Uncertainty) => {
                let asked = Asked { label, samples: None, count: 0, axes: Vec::new(), epoch: None };
                let found = self.uncertainty(slot, &asked).await?;
                return Ok(found.information());
            }
            Ok(kind @ (v1::MapKind::SweepUncertainty | v1::MapKind::SweepPrediction)) => {
                let swept = slot.session.lock().await.swept();
                let swept = swept.ok_or_else(|| ApiError::State("Sweep the volume first (SweepVolume)".to_owned()))?;
                if kind == v1::MapKind::SweepUncertainty {
                    return Ok((swept.grid.clone(), swept.information.clone()));
                }
                return swept.prediction.clone().ok_or_else(|| {
                    ApiError::State("This model was not trained to answer without a prompt; set one first".to_owned())
                });
            }
            Ok(v1::MapKind::Unspecified) | Err(_) => {
                return Err(ApiError::field(
                    "kind",
                    format!("{kind} is not a map; send one of MapKind other than MAP_KIND_UNSPECIFIED"),
                ));
            }
        };
        let job = slot.session.lock().await.map_job(label, kind)?;
        self.run(move || Ok(job.run()?)).await
    }
}
