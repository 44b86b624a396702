use crate::boxes::{self, BoxAxes};
use crate::raster::Frame;
use crate::text::Fields;
use crate::{Plane, Polarity, PromptError, Rasterised, check};
use isochrone_volume::{DVec3, Grid};
use serde::{Deserialize, Serialize};

/// The label's farthest points: four on a plane, or six in space. They stand for the box round them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExtremePoints {
    /// The points, LPS mm, in any order.
    pub points_lps_mm: Vec<DVec3>,
    /// Which box.
    pub within: ExtremeBox,
    /// How much wider the box is on every side, mm.
    pub margin_mm: f64,
}

/// The box that extreme points stand for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum ExtremeBox {
    /// Four points: a rectangle on this plane, its sides along `u` and `v`.
    Plane(Plane),
    /// Six points: a box along these axes.
    Space(BoxAxes),
}

impl ExtremePoints {
    /// Widest margin, mm.
    pub const MAX_MARGIN_MM: f64 = 500.0;
    const EXAMPLE: &'static str = "10,0,5; 30,2,5; 20,-9,5; 21,8,5; 20,1,-4; 19,0,14; margin=2; axes=lps";

    /// The box round the points, LPS mm, margin included.
    ///
    /// # Errors
    /// Not four (six) points; a point or the margin out of range; a point off the plane.
    pub fn bounds_mm(&self) -> Result<(DVec3, DVec3), PromptError> {
        let (low, high) = check::bounds(&self.checked()?);
        Ok((low - self.margin_mm, high + self.margin_mm))
    }

    /// The voxels of a grid in the box: those of a [`crate::Box2D`] or [`crate::Box3D`] round the points,
    /// wider by the margin. Their meaning is that the label lies among them.
    ///
    /// # Errors
    /// As [`ExtremePoints::bounds_mm`]; nothing inside the grid.
    pub fn rasterise(&self, grid: &Grid) -> Result<Rasterised, PromptError> {
        let points = self.checked()?;
        let (frame, (low, high), margin) = match &self.within {
            ExtremeBox::Plane(plane) => {
                let margin = DVec3::new(self.margin_mm, self.margin_mm, 0.0);
                (Frame::plane(grid, plane), boxes::on_plane(plane, &points), margin)
            }
            ExtremeBox::Space(axes) => {
                let along: Vec<DVec3> = points.iter().map(|p| boxes::coordinates(*axes, grid, *p)).collect();
                let side = if *axes == BoxAxes::Grid { DVec3::from_array(grid.spacing_mm()) } else { DVec3::ONE };
                (boxes::frame(*axes, grid), check::bounds(&along), self.margin_mm / side)
            }
        };
        boxes::filled("box round the extreme points", &frame, (low - margin, high + margin), Polarity::Positive, grid)
    }

    fn checked(&self) -> Result<Vec<DVec3>, PromptError> {
        check::range("The margin (mm)", self.margin_mm, 0.0, Self::MAX_MARGIN_MM)?;
        match &self.within {
            ExtremeBox::Plane(plane) => {
                check::count("extreme points on a plane", self.points_lps_mm.len(), 4, 4)?;
                plane.take(&self.points_lps_mm)
            }
            ExtremeBox::Space(_) => {
                check::count("extreme points in space", self.points_lps_mm.len(), 6, 6)?;
                check::points(&self.points_lps_mm)?;
                Ok(self.points_lps_mm.clone())
            }
        }
    }
}

impl std::str::FromStr for ExtremePoints {
    type Err = PromptError;

    /// Reads points and options, LPS mm: six points with `axes=lps` (if not given) or `axes=grid`, or four
    /// with the plane's directions `u=x,y,z; v=x,y,z`; and `margin=mm` (0 if not given).
    fn from_str(text: &str) -> Result<Self, PromptError> {
        let mut fields = Fields::read("set of extreme points", Self::EXAMPLE, text, 8)?;
        let margin_mm = fields.number("margin")?.unwrap_or(0.0);
        let within = match fields.plane()? {
            Some(plane) => ExtremeBox::Plane(plane),
            None => ExtremeBox::Space(boxes::axes_option(&mut fields)?),
        };
        if fields.polarity == Polarity::Negative {
            return Err(fields.wrong("-"));
        }
        let found = Self { points_lps_mm: fields.points()?, within, margin_mm };
        found.checked()?;
        Ok(found)
    }
}
