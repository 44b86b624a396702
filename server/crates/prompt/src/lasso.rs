use crate::raster::{Figure, Frame, Rule, cells};
use crate::rasterised::Runs;
use crate::text::Fields;
use crate::{Meaning, Plane, Polarity, PromptError, Rasterised, check};
use isochrone_volume::{DVec3, Grid};
use serde::{Deserialize, Serialize};

/// A closed curve drawn by hand on a plane, with all that it goes round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lasso {
    /// The curve's points in order, LPS mm; the last one is joined to the first.
    pub points_lps_mm: Vec<DVec3>,
    /// The plane it was drawn on.
    pub plane: Plane,
    /// Lesion or not.
    pub polarity: Polarity,
}

impl Lasso {
    /// Most points of one curve.
    pub const MAX_POINTS: usize = 2000;
    const EXAMPLE: &'static str = "10,0,88; 30,0,88; 30,20,88; 10,20,88; normal=0,0,1; +";

    /// The box round the curve, LPS mm.
    ///
    /// # Errors
    /// Number of points or a point out of range; a point off the plane.
    pub fn bounds_mm(&self) -> Result<(DVec3, DVec3), PromptError> {
        Ok(check::bounds(&self.checked()?))
    }

    /// The voxels of a grid whose cells the plane passes through and whose centres, moved onto the plane
    /// at right angles, lie inside the curve (nonzero rule: a hand that overlaps itself leaves no hole).
    /// If there are none, because the curve is narrower than the voxels, the voxels whose cells the curve
    /// passes through.
    ///
    /// No voxel is wrong by more than half a voxel's diagonal: marked centres are that near to the figure,
    /// and what lies deeper than that inside it is marked. What lies outside of the grid is left out.
    ///
    /// # Errors
    /// As [`Lasso::bounds_mm`]; nothing inside the grid.
    pub fn rasterise(&self, grid: &Grid) -> Result<Rasterised, PromptError> {
        let runs = filled(grid, &self.plane, &self.checked()?, Rule::NonZero).ok_or(PromptError::TooMuch("lasso"))?;
        if runs.is_empty() {
            return Err(PromptError::nothing_inside("lasso", grid));
        }
        Ok(Rasterised::new(self.polarity, Meaning::Suggests, runs))
    }

    fn checked(&self) -> Result<Vec<DVec3>, PromptError> {
        check::count("points in the lasso", self.points_lps_mm.len(), 3, Self::MAX_POINTS)?;
        self.plane.take(&self.points_lps_mm)
    }
}

/// The voxels inside a closed curve on a plane; if it is too narrow for any, those it passes through. `None`: too much
/// work.
pub(crate) fn filled(grid: &Grid, plane: &Plane, points: &[DVec3], rule: Rule) -> Option<Runs> {
    let vertices: Vec<DVec3> = points.iter().map(|p| plane.coordinates(*p)).collect();
    let mut runs = Runs::default();
    if !Figure::new(&vertices, rule).fill(&Frame::plane(grid, plane), &mut runs) {
        return None;
    }
    if runs.is_empty() {
        cells(grid, points, true, &mut runs);
    }
    Some(runs)
}

impl std::str::FromStr for Lasso {
    type Err = PromptError;

    /// Reads three or more points and options: `x,y,z; x,y,z; x,y,z; …; normal=x,y,z; -`, LPS mm. Without
    /// `normal=` (or `u=` and `v=`) the plane is the curve's own; the polarity is `+` unless given.
    fn from_str(text: &str) -> Result<Self, PromptError> {
        let mut fields = Fields::read("lasso", Self::EXAMPLE, text, Self::MAX_POINTS)?;
        let (plane, polarity) = (fields.plane()?, fields.polarity);
        let points_lps_mm = fields.points()?;
        let plane = plane.map_or_else(|| Plane::of_curve(&points_lps_mm), Ok)?;
        let lasso = Self { points_lps_mm, plane, polarity };
        lasso.checked()?;
        Ok(lasso)
    }
}
