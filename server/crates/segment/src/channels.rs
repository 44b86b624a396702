//! A session's images, and which of them a network takes where.

use crate::{Channel, SegmentError};
use isochrone_network::{Bundle, ChannelSpec};
use isochrone_volume::{Volume, resample};

/// Checks that images lie in one patient's space: those of which a file says so have one frame of reference, and
/// each meets the first.
///
/// # Errors
/// Another frame of reference, or an image that lies elsewhere.
pub fn check_together(channels: &[Channel]) -> Result<(), SegmentError> {
    let given = |c: &Channel| c.volume.origin().frame_of_reference.clone();
    let mut frames = channels.iter().filter_map(given);
    if let Some(first) = frames.next()
        && frames.any(|other| other != first)
    {
        return Err(SegmentError::Unsupported(
            "The images have different frames of reference, so they cannot share a session; register them first, or \
             open a session for each"
                .to_owned(),
        ));
    }
    let Some((first, companions)) = channels.split_first() else { return Ok(()) };
    match companions.iter().position(|c| !meet(&first.volume, &c.volume)) {
        Some(n) => Err(SegmentError::Unsupported(format!(
            "Image {} lies nowhere near image 1; check that both are of one patient and in patient coordinates",
            n + 2
        ))),
        None => Ok(()),
    }
}

fn meet(a: &Volume, b: &Volume) -> bool {
    !resample::footprint(a.grid(), b.grid()).is_empty()
}

/// Which of a session's images (by number) each of the bundle's channels takes; `None`: the channel is left empty.
/// A channel takes the first image of its modality that is not taken yet.
///
/// # Errors
/// An image too many, or none where there must be one.
pub(crate) fn assigned(channels: &[Channel], bundle: &Bundle) -> Result<Vec<Option<usize>>, SegmentError> {
    let mut free: Vec<usize> = (0..channels.len()).collect();
    let mut assigned = Vec::with_capacity(bundle.channels.len());
    for (n, spec) in bundle.channels.iter().enumerate() {
        let fits = |image: &usize| channels.get(*image).is_some_and(|c| spec.modalities.contains(&c.volume.modality()));
        let found = free.iter().position(fits).map(|at| free.remove(at));
        if found.is_none() && spec.missing.is_none() {
            return Err(SegmentError::Unsupported(format!(
                "The model {} needs an image of {} as its channel {}; open the session with one, or choose another \
                 model or engine",
                bundle.title(),
                modalities(spec),
                n + 1
            )));
        }
        assigned.push(found);
    }
    let left = free.first().and_then(|image| channels.get(*image).map(|c| (image, c)));
    if let Some((image, channel)) = left {
        return Err(SegmentError::Unsupported(format!(
            "Image {} is {}, and the model {} has no channel for it (it takes {}); open the session without it",
            image + 1,
            channel.volume.modality().code(),
            bundle.title(),
            bundle.channels.iter().map(modalities).collect::<Vec<_>>().join("; "),
        )));
    }
    if assigned.iter().all(Option::is_none) {
        return Err(SegmentError::Unsupported("A session needs at least one image".to_owned()));
    }
    Ok(assigned)
}

fn modalities(spec: &ChannelSpec) -> String {
    spec.modalities.iter().map(|m| m.code()).collect::<Vec<_>>().join(" or ")
}
