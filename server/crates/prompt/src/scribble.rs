use crate::raster::{Brush, Frame, capsules, cells};
use crate::rasterised::Runs;
use crate::text::Fields;
use crate::{Meaning, Plane, Polarity, PromptError, Rasterised, check};
use isochrone_volume::{DVec3, Grid};
use serde::{Deserialize, Serialize};

/// A stroke with a round brush.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scribble {
    /// The stroke's points in order, LPS mm; one point makes a dot.
    pub points_lps_mm: Vec<DVec3>,
    /// The brush's radius, mm; 0 for a line as thin as the voxels allow.
    pub radius_mm: f64,
    /// The plane it was drawn on: the brush is a disc on it. Without one it is a ball.
    pub plane: Option<Plane>,
    /// Lesion or not.
    pub polarity: Polarity,
}

impl Scribble {
    /// Most points of one stroke.
    pub const MAX_POINTS: usize = 2000;
    /// Widest brush, mm.
    pub const MAX_RADIUS_MM: f64 = 50.0;
    const EXAMPLE: &'static str = "10,-30,88; 14,-28,88; 19,-29,88; radius=2; normal=0,0,1; +";

    /// The box round the stroke, LPS mm, brush included.
    ///
    /// # Errors
    /// Number of points, a point or the radius out of range; a point off the plane.
    pub fn bounds_mm(&self) -> Result<(DVec3, DVec3), PromptError> {
        let (low, high) = check::bounds(&self.checked()?);
        Ok((low - self.radius_mm, high + self.radius_mm))
    }

    /// The voxels of a grid that the stroke marks:
    ///
    /// - those whose cells the stroke's line passes through, so that a thin one is connected; and
    /// - with a plane, those whose cells the plane passes through and whose centres, moved onto it at
    ///   right angles, lie within the radius of the line; without, those whose centres lie within it.
    ///
    /// No marked centre is farther than half a voxel's diagonal from what was painted, and everything
    /// painted farther than that from its border is marked. What lies outside of the grid is left out.
    ///
    /// # Errors
    /// As [`Scribble::bounds_mm`]; nothing inside the grid; too much work.
    pub fn rasterise(&self, grid: &Grid) -> Result<Rasterised, PromptError> {
        let points = self.checked()?;
        let mut runs = Runs::default();
        cells(grid, &points, false, &mut runs);
        if self.radius_mm > 0.0 {
            let brush = Brush { radius_mm: self.radius_mm, flat: self.plane.is_some() };
            let (frame, points) = match &self.plane {
                Some(plane) => (Frame::plane(grid, plane), points.iter().map(|p| plane.coordinates(*p)).collect()),
                None => (Frame::lps(grid), points),
            };
            capsules(&frame, &points, brush, &mut runs)?;
        }
        if runs.is_empty() {
            return Err(PromptError::nothing_inside("scribble", grid));
        }
        Ok(Rasterised::new(self.polarity, Meaning::Marks, runs))
    }

    /// The points, on the plane.
    fn checked(&self) -> Result<Vec<DVec3>, PromptError> {
        check::count("points in the scribble", self.points_lps_mm.len(), 1, Self::MAX_POINTS)?;
        check::range("The brush's radius (mm)", self.radius_mm, 0.0, Self::MAX_RADIUS_MM)?;
        match &self.plane {
            Some(plane) => plane.take(&self.points_lps_mm),
            None => check::points(&self.points_lps_mm).map(|()| self.points_lps_mm.clone()),
        }
    }
}

impl std::str::FromStr for Scribble {
    type Err = PromptError;

    /// Reads points and options with `;` between them: `x,y,z; x,y,z; …; radius=mm; normal=x,y,z; -`, all in
    /// LPS mm. `radius` is 0 and the polarity `+` unless given. The plane goes through the first point:
    /// `normal=` gives it, or `u=` and `v=`; without either the brush is a ball.
    fn from_str(text: &str) -> Result<Self, PromptError> {
        let mut fields = Fields::read("scribble", Self::EXAMPLE, text, Self::MAX_POINTS)?;
        let radius_mm = fields.number("radius")?.unwrap_or(0.0);
        let plane = fields.plane()?;
        let polarity = fields.polarity;
        let scribble = Self { points_lps_mm: fields.points()?, radius_mm, plane, polarity };
        scribble.checked()?;
        Ok(scribble)
    }
}
