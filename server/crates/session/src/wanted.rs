//! Prompts as a request brings them.

use crate::state::{LabelState, Told};
use crate::{NumberedPrompt, Overlap, Session, SessionError, VertexDrag};
use isochrone_prompt::{LabelName, Meaning, PlacedPrompt, Polarity, Prompt};
use isochrone_volume::{Volume, VolumeError};

/// A new prompt, or a change of one that is there.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// A prompt of its own.
    Prompt(Prompt),
    /// A pull at a vertex of a polygon.
    Drag(VertexDrag),
}

impl From<Prompt> for Wanted {
    fn from(prompt: Prompt) -> Self {
        Self::Prompt(prompt)
    }
}

/// How prompts are to be taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Placing<'a> {
    /// Frame of reference they were made in; empty means the volume's own.
    pub frame_of_reference: &'a str,
    /// What happens where the mask meets other labels; `None` leaves it to the session.
    pub overlap: Option<Overlap>,
}

impl<'a> From<&'a str> for Placing<'a> {
    fn from(frame_of_reference: &'a str) -> Self {
        Self { frame_of_reference, overlap: None }
    }
}

/// A polygon after a drag.
pub(crate) fn dragged(
    shape: &NumberedPrompt,
    drag: &VertexDrag,
    volume: &Volume,
) -> Result<PlacedPrompt, SessionError> {
    let Prompt::Polygon(polygon) = &shape.placed.prompt else { return Err(SessionError::NoPolygon(drag.polygon)) };
    let mut polygon = polygon.clone();
    polygon.drag(&drag.drag, drag.follow)?;
    Ok(Prompt::Polygon(polygon).place(volume, "")?)
}

impl Session {
    /// Checks and places the prompts of one request, and numbers them.
    pub(crate) fn placed(
        &self,
        label: u32,
        wanted: Vec<Wanted>,
        placing: Placing<'_>,
    ) -> Result<Vec<NumberedPrompt>, SessionError> {
        let mut told = self.label(label)?.told.clone();
        let count = wanted.len();
        let mut numbered = Vec::with_capacity(count);
        for (n, wanted) in wanted.into_iter().enumerate() {
            if count > 1 && matches!(wanted, Wanted::Prompt(Prompt::InitialMask(_))) {
                return Err(SessionError::NotAlone);
            }
            let id = self.prompts_made + n as u64 + 1;
            let prompt = self.one_placed(label, id, wanted, &told, placing);
            let prompt = prompt.map_err(|e| if count > 1 { e.of_prompt(n + 1, count) } else { e })?;
            told.point(prompt.clone());
            numbered.push(prompt);
        }
        Ok(numbered)
    }

    /// One of them, after what was `told` before it.
    fn one_placed(
        &self,
        label: u32,
        id: u64,
        wanted: Wanted,
        told: &Told,
        placing: Placing<'_>,
    ) -> Result<NumberedPrompt, SessionError> {
        let (placed, drag) = match wanted {
            Wanted::Prompt(prompt) => {
                if let Prompt::LabelName(name) = &prompt {
                    self.check_name(name)?;
                }
                (prompt.place(&self.volume, placing.frame_of_reference)?, None)
            }
            Wanted::Drag(drag) => {
                let shape = told.prompts.iter().find(|p| p.id == drag.polygon || p.is_of_polygon(drag.polygon));
                let shape = shape.ok_or(SessionError::NoPolygon(drag.polygon))?;
                // Named by the number of any of its drags, it is the same polygon.
                let polygon = shape.drag.map_or(shape.id, |d| d.polygon);
                let drag = VertexDrag { polygon, ..drag };
                (dragged(shape, &drag, &self.volume)?, Some(drag))
            }
        };
        self.check_free(label, &placed, placing.overlap.unwrap_or(self.overlap))?;
        let proposed = self.derived.proposed(label).iter().copied();
        let on = proposed.filter(|_| placed.has_place()).find(|s| s.axis.of(placed.voxel) == s.index);
        Ok(NumberedPrompt { id, placed, on, drag })
    }

    /// A positive prompt all of whose voxels are certain, and another label's to keep, could have no effect.
    fn check_free(&self, label: u32, prompt: &PlacedPrompt, overlap: Overlap) -> Result<(), SessionError> {
        let firm = matches!(prompt.meaning(), Meaning::Marks | Meaning::Delineates);
        let initial = matches!(prompt.prompt, Prompt::InitialMask(_));
        if prompt.polarity() == Polarity::Negative || !firm || initial {
            return Ok(());
        }
        let holds = |o: &LabelState| !o.snapshot.content.region.intersection(&prompt.bounds()).is_empty();
        let spared = self.state.others(label).filter(|(_, o)| overlap.spares(&o.told.about) && holds(o));
        let spared =
            spared.map(|(_, o)| Ok((o, o.mask(&self.worker.grid)?))).collect::<Result<Vec<_>, VolumeError>>()?;
        let holder = |voxel| spared.iter().find(|(_, mask)| mask.contains(voxel));
        if spared.is_empty() || !prompt.certain().all(|voxel| holder(voxel).is_some()) {
            return Ok(());
        }
        let Some((other, _)) = holder(prompt.voxel) else { return Ok(()) };
        let p = prompt.position_lps_mm();
        Err(SessionError::Taken(p.x, p.y, p.z, other.told.about.name.clone()))
    }

    /// A name has to be that of a class that the engine tells apart.
    fn check_name(&self, name: &LabelName) -> Result<(), SessionError> {
        let classes = self.worker.engine.classes();
        if name.class_among(&classes).is_some() {
            return Ok(());
        }
        let engine = match self.engine.model.as_str() {
            "" => self.engine.name.clone(),
            model => format!("{} ({model})", self.engine.name),
        };
        let name = name.as_str().to_owned();
        Err(if classes.is_empty() {
            SessionError::Name { engine, name }
        } else {
            SessionError::NoClass { engine, name, classes: classes.join(", ") }
        })
    }
}
