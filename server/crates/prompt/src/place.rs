use crate::rasterised::Runs;
use crate::{
    Box2D, Box3D, Click, ExtremeBox, ExtremePoints, Gaze, InitialMask, LabelName, Lasso, Meaning, Polarity, Polygon,
    PromptError, Rasterised, Scribble,
};
use isochrone_volume::{DVec3, Grid, Volume, VoxelBox, resample};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};

/// Anything a reader can point with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Prompt {
    /// A click.
    Click(Click),
    /// A brush stroke.
    Scribble(Scribble),
    /// A rectangle on a plane.
    Box2D(Box2D),
    /// A box in space.
    Box3D(Box3D),
    /// The label's farthest points.
    ExtremePoints(ExtremePoints),
    /// A closed curve round it.
    Lasso(Lasso),
    /// Its border on a plane.
    Polygon(Polygon),
    /// A mask made elsewhere.
    InitialMask(InitialMask),
    /// Where the eyes rested.
    Gaze(Gaze),
    /// What it is called.
    LabelName(LabelName),
}

impl Prompt {
    /// What it is called in messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Click(_) => "click",
            Self::Scribble(_) => "scribble",
            Self::Box2D(_) | Self::Box3D(_) => "box",
            Self::ExtremePoints(_) => "extreme points",
            Self::Lasso(_) => "lasso",
            Self::Polygon(_) => "polygon",
            Self::InitialMask(_) => "initial mask",
            Self::Gaze(_) => "gaze",
            Self::LabelName(_) => "label name",
        }
    }

    /// The voxels of a grid that it marks. An initial mask is on its volume's grid and no other; of a gaze,
    /// fixations outside of the grid are left out, of a shape what lies outside.
    ///
    /// # Errors
    /// Not finite, out of range or outside of the grid.
    pub fn rasterise(&self, grid: &Grid) -> Result<Rasterised, PromptError> {
        match self {
            Self::Click(click) => click.rasterise(grid),
            Self::Scribble(scribble) => scribble.rasterise(grid),
            Self::Box2D(rectangle) => rectangle.rasterise(grid),
            Self::Box3D(cuboid) => cuboid.rasterise(grid),
            Self::ExtremePoints(points) => points.rasterise(grid),
            Self::Lasso(lasso) => lasso.rasterise(grid),
            Self::Polygon(polygon) => polygon.rasterise(grid),
            Self::InitialMask(mask) => mask.rasterise(grid),
            Self::Gaze(gaze) => gaze.rasterise(grid),
            Self::LabelName(_) => Ok(Rasterised::new(Polarity::Positive, Meaning::Names, Runs::default())),
        }
    }

    /// Checks a prompt against the volume it points into. An empty `frame_of_reference` means the volume's own.
    ///
    /// # Errors
    /// Another frame of reference, or as [`Prompt::rasterise`].
    pub fn place(self, volume: &Volume, frame_of_reference: &str) -> Result<PlacedPrompt, PromptError> {
        if !frame_of_reference.is_empty() && frame_of_reference != volume.frame_of_reference() {
            return Err(PromptError::FrameOfReference {
                expected: volume.frame_of_reference().to_owned(),
                given: frame_of_reference.chars().take(64).collect(),
            });
        }
        let grid = volume.grid().clone();
        let rasterised = Arc::new(self.rasterise(&grid)?);
        let voxel = match rasterised.meaning() {
            Meaning::Names => Some(grid.size().map(|n| n / 2)),
            _ => rasterised.middle(&grid),
        };
        let voxel = voxel.ok_or_else(|| PromptError::nothing_inside(self.kind(), &grid))?;
        Ok(PlacedPrompt { prompt: self, voxel, rasterised, grid, last: LastLook::default() })
    }
}

impl Click {
    /// The voxel of a grid that it falls into.
    ///
    /// # Errors
    /// Not finite, or outside of the grid.
    pub fn rasterise(&self, grid: &Grid) -> Result<Rasterised, PromptError> {
        let p = self.position_lps_mm;
        if !p.is_finite() {
            return Err(PromptError::NotFinite(p.x, p.y, p.z));
        }
        let [i, j, k] = grid.voxel_at(p).ok_or_else(|| PromptError::outside(p, grid))?;
        let mut runs = Runs::default();
        runs.push(k, j, i..i + 1);
        Ok(Rasterised::new(self.polarity, Meaning::Marks, runs))
    }
}

/// A prompt that has been checked against the volume it points into.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedPrompt {
    /// What the reader did.
    pub prompt: Prompt,
    /// A voxel `(i, j, k)` of the volume that stands for the prompt: of those that it marks, the one nearest
    /// to their middle. Of a click, the voxel that it falls into. Of a label name, the volume's middle: it has no place.
    pub voxel: [usize; 3],
    rasterised: Arc<Rasterised>,
    grid: Arc<Grid>,
    last: LastLook,
}

/// What a prompt marks on the region that was looked at last. It says nothing of the prompt itself: a clone has
/// looked at nothing yet, and all compare equal.
#[derive(Debug, Default)]
struct LastLook(Mutex<Option<(Grid, Arc<Rasterised>)>>);

impl Clone for LastLook {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for LastLook {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl PlacedPrompt {
    /// Where, in LPS mm: of a click its own place, else the centre of [`PlacedPrompt::voxel`].
    #[must_use]
    pub fn position_lps_mm(&self) -> DVec3 {
        match &self.prompt {
            Prompt::Click(click) => click.position_lps_mm,
            _ => self.grid.centre_mm(self.voxel),
        }
    }

    /// Lesion or not.
    #[must_use]
    pub fn polarity(&self) -> Polarity {
        self.rasterised.polarity()
    }

    /// What the marked voxels say.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        self.rasterised.meaning()
    }

    /// False for a label name, which marks nothing.
    #[must_use]
    pub fn has_place(&self) -> bool {
        self.meaning() != Meaning::Names
    }

    /// What it marks on the volume's grid.
    #[must_use]
    pub fn voxels(&self) -> &Rasterised {
        &self.rasterised
    }

    /// The smallest box round the voxels that it marks.
    #[must_use]
    pub fn bounds(&self) -> VoxelBox {
        self.rasterised.bounds()
    }

    /// Centres of the corner voxels of [`PlacedPrompt::bounds`], LPS mm: how far it reaches. Of a click, its
    /// own place.
    #[must_use]
    pub fn reach_lps_mm(&self) -> Vec<DVec3> {
        if let Prompt::Click(click) = &self.prompt {
            return vec![click.position_lps_mm];
        }
        let VoxelBox { min: [a, b, c], max: [x, y, z] } = self.bounds();
        let pick =
            |n: u8, bit: u8, low: usize, high: usize| if n >> bit & 1 == 1 { high.saturating_sub(1) } else { low };
        let corners = (0..8u8).map(|n| self.grid.centre_mm([pick(n, 0, a, x), pick(n, 1, b, y), pick(n, 2, c, z)]));
        corners.collect()
    }

    /// Voxels `(i, j, k)` of the volume that are certainly of the label (positive) or not (negative); none of
    /// a lasso, a box round the label, or extreme points.
    pub fn certain(&self) -> impl Iterator<Item = [usize; 3]> + '_ {
        let certain = matches!(self.meaning(), Meaning::Marks | Meaning::Delineates);
        certain.then(|| self.rasterised.voxels()).into_iter().flatten()
    }

    /// True if a voxel `(i, j, k)` of the volume lies outside of what encloses the label: outside of a box in space, or
    /// beside a rectangle, on its own plane. False for every other kind.
    #[must_use]
    pub fn leaves_out(&self, voxel: [usize; 3]) -> bool {
        if self.meaning() != Meaning::Encloses || self.rasterised.contains(voxel) {
            return false;
        }
        let plane = match &self.prompt {
            Prompt::Box2D(rectangle) => rectangle.plane,
            Prompt::ExtremePoints(ExtremePoints { within: ExtremeBox::Plane(plane), .. }) => *plane,
            _ => return true,
        };
        // A cell's extent across the plane.
        let steps = self.grid.world_from_voxel().matrix3;
        let extent: f64 = [steps.x_axis, steps.y_axis, steps.z_axis].map(|s| s.dot(plane.normal()).abs()).iter().sum();
        plane.distance_mm(self.grid.centre_mm(voxel)).abs() <= extent / 2.0
    }

    /// Those of [`PlacedPrompt::certain`] whose centres lie in a region (of a click, its place).
    pub fn certain_in<'a>(&'a self, region: &'a Grid) -> impl Iterator<Item = [usize; 3]> + 'a {
        let place = move |voxel| match &self.prompt {
            Prompt::Click(click) => click.position_lps_mm,
            _ => self.grid.centre_mm(voxel),
        };
        // A click's voxel may lie a little beyond the region that its place lies in.
        let near = resample::footprint(&self.grid, region);
        let near = VoxelBox { min: near.min.map(|n| n.saturating_sub(1)), max: near.max.map(|n| n + 1) };
        let certain = matches!(self.meaning(), Meaning::Marks | Meaning::Delineates);
        let voxels = certain.then(|| self.rasterised.voxels_in(near)).into_iter().flatten();
        voxels.filter(move |voxel| region.voxel_at(place(*voxel)).is_some())
    }

    /// Number of [`PlacedPrompt::certain`] voxels.
    #[must_use]
    pub fn certain_count(&self) -> usize {
        let certain = matches!(self.meaning(), Meaning::Marks | Meaning::Delineates);
        if certain { self.rasterised.count() } else { 0 }
    }

    /// Marks a region once, so that [`PlacedPrompt::points_on`] that region costs no more than reading it.
    pub fn look_at(&self, region: &Grid) {
        let known = matches!(
            (&self.prompt, self.meaning()),
            (Prompt::Click(_) | Prompt::InitialMask(_), _) | (_, Meaning::Encloses | Meaning::Names)
        );
        if !known {
            let marked = self.prompt.rasterise(region).unwrap_or_else(|_| self.nothing());
            *self.last.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((region.clone(), Arc::new(marked)));
        }
    }

    fn nothing(&self) -> Rasterised {
        Rasterised::new(self.polarity(), self.meaning(), Runs::default())
    }

    /// Voxels `(i, j, k)` of another grid, such as a working region, that guidance of this prompt's polarity
    /// starts from: those that it marks there. Of a box round the label and of extreme points, only the
    /// middle. What lies outside is left out.
    #[must_use]
    pub fn points_on(&self, region: &Grid) -> Vec<[usize; 3]> {
        let middle = || region.voxel_at(self.position_lps_mm()).into_iter().collect();
        match (&self.prompt, self.meaning()) {
            (Prompt::Click(_), _) | (_, Meaning::Encloses) => middle(),
            (Prompt::InitialMask(_), _) => self.rasterised.onto(&self.grid, region),
            // A region that holds nothing of it is not an error here.
            (prompt, _) => {
                let last = self.last.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
                match last.filter(|(grid, _)| grid == region) {
                    Some((_, marked)) => marked.voxels().collect(),
                    None => prompt.rasterise(region).map(|found| found.voxels().collect()).unwrap_or_default(),
                }
            }
        }
    }
}
