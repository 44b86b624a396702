//! Boxes: the label lies inside (positive), or nothing of it does (negative).

use crate::raster::Frame;
use crate::rasterised::Runs;
use crate::text::Fields;
use crate::{Meaning, Plane, Polarity, PromptError, Rasterised, check};
use isochrone_volume::{DVec3, Grid};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Along what a box's sides run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum BoxAxes {
    /// The patient's axes.
    #[default]
    Lps,
    /// The rows, columns and slices of the volume.
    Grid,
}

/// A box in space.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Box3D {
    /// Two opposite corners, LPS mm, in any order.
    pub corners_lps_mm: [DVec3; 2],
    /// Along what its sides run.
    pub axes: BoxAxes,
    /// Round the label, or round what does not belong to it.
    pub polarity: Polarity,
}

/// A rectangle on a plane, its sides along the plane's `u` and `v`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Box2D {
    /// Two opposite corners on the plane, LPS mm, in any order.
    pub corners_lps_mm: [DVec3; 2],
    /// The plane it was drawn on.
    pub plane: Plane,
    /// Round the label, or round what does not belong to it.
    pub polarity: Polarity,
}

impl Box3D {
    const EXAMPLE: &'static str = "10,-30,80; 40,-5,110; axes=lps; +";

    /// The box round it, LPS mm. A box along the axes of a volume needs that volume's grid.
    ///
    /// # Errors
    /// A corner that is not finite or too far away.
    pub fn bounds_mm(&self, grid: &Grid) -> Result<(DVec3, DVec3), PromptError> {
        check::points(&self.corners_lps_mm)?;
        if self.axes == BoxAxes::Lps {
            return Ok(check::bounds(&self.corners_lps_mm));
        }
        let (low, high) = self.extent(grid);
        let corners: Vec<DVec3> = (0..8u8)
            .map(|n| corner(n, low, high))
            .map(|corner| grid.world_from_voxel().transform_point3(corner))
            .collect();
        Ok(check::bounds(&corners))
    }

    /// The voxels of a grid whose centres lie in the box, faces included. Where a side is shorter than a
    /// voxel's extent along it, the box counts as that thick round its middle, so that it always holds a
    /// voxel where there is one. What lies outside of the grid is left out.
    ///
    /// # Errors
    /// As [`Box3D::bounds_mm`]; nothing inside the grid.
    pub fn rasterise(&self, grid: &Grid) -> Result<Rasterised, PromptError> {
        check::points(&self.corners_lps_mm)?;
        let (low, high) = self.extent(grid);
        filled("box", &frame(self.axes, grid), (low, high), self.polarity, grid)
    }

    /// Lowest and highest coordinate along the axes.
    fn extent(&self, grid: &Grid) -> (DVec3, DVec3) {
        let along = |p: &DVec3| coordinates(self.axes, grid, *p);
        check::bounds(&self.corners_lps_mm.each_ref().map(along))
    }
}

impl Box2D {
    const EXAMPLE: &'static str = "10,-30,88; 40,-5,88; u=1,0,0; v=0,1,0; +";

    /// The box round the rectangle, LPS mm.
    ///
    /// # Errors
    /// A corner that is not finite, too far away or off the plane.
    pub fn bounds_mm(&self) -> Result<(DVec3, DVec3), PromptError> {
        let (low, high) = self.extent()?;
        let at = |x: f64, y: f64| self.plane.origin() + x * self.plane.u() + y * self.plane.v();
        Ok(check::bounds(&[at(low.x, low.y), at(low.x, high.y), at(high.x, low.y), at(high.x, high.y)]))
    }

    /// The voxels of a grid whose cells the plane passes through and whose centres, moved onto the plane
    /// at right angles, lie in the rectangle, borders included. Where a side is shorter than a voxel's
    /// extent along it, the rectangle counts as that wide round its middle. What lies outside of the grid
    /// is left out.
    ///
    /// # Errors
    /// As [`Box2D::bounds_mm`]; nothing inside the grid.
    pub fn rasterise(&self, grid: &Grid) -> Result<Rasterised, PromptError> {
        filled("box", &Frame::plane(grid, &self.plane), self.extent()?, self.polarity, grid)
    }

    fn extent(&self) -> Result<(DVec3, DVec3), PromptError> {
        let corners = self.plane.take(&self.corners_lps_mm)?;
        Ok(on_plane(&self.plane, &corners))
    }
}

/// Lowest and highest coordinate of points on a plane; the third is 0.
pub(crate) fn on_plane(plane: &Plane, points: &[DVec3]) -> (DVec3, DVec3) {
    let flat: Vec<DVec3> = points.iter().map(|p| plane.coordinates(*p).with_z(0.0)).collect();
    check::bounds(&flat)
}

/// A point (LPS mm) along a box's axes.
pub(crate) fn coordinates(axes: BoxAxes, grid: &Grid, point: DVec3) -> DVec3 {
    match axes {
        BoxAxes::Lps => point,
        BoxAxes::Grid => grid.voxel_from_world().transform_point3(point),
    }
}

pub(crate) fn frame(axes: BoxAxes, grid: &Grid) -> Frame {
    match axes {
        BoxAxes::Lps => Frame::lps(grid),
        BoxAxes::Grid => Frame::voxels(grid),
    }
}

/// The voxels between two corners in a frame: those that enclose the label, or none of which is of it.
pub(crate) fn filled(
    kind: &'static str,
    frame: &Frame,
    (low, high): (DVec3, DVec3),
    polarity: Polarity,
    grid: &Grid,
) -> Result<Rasterised, PromptError> {
    let mut runs = Runs::default();
    frame.slabs(low, high).fill(&frame.region(low, high), &mut runs);
    if runs.is_empty() {
        return Err(PromptError::nothing_inside(kind, grid));
    }
    let meaning = if polarity == Polarity::Positive { Meaning::Encloses } else { Meaning::Marks };
    Ok(Rasterised::new(polarity, meaning, runs))
}

/// One of the eight corners of a box.
fn corner(n: u8, low: DVec3, high: DVec3) -> DVec3 {
    let pick = |bit: u8, low: f64, high: f64| if n >> bit & 1 == 1 { high } else { low };
    DVec3::new(pick(0, low.x, high.x), pick(1, low.y, high.y), pick(2, low.z, high.z))
}

pub(crate) fn axes_option(fields: &mut Fields) -> Result<BoxAxes, PromptError> {
    match fields.option("axes").as_deref() {
        None | Some("lps") => Ok(BoxAxes::Lps),
        Some("grid") => Ok(BoxAxes::Grid),
        Some(other) => Err(fields.wrong(&format!("axes={other}"))),
    }
}

fn two(points: Vec<DVec3>) -> Result<[DVec3; 2], PromptError> {
    let got = points.len();
    points.try_into().map_err(|_| PromptError::Count { what: "corners of the box", got, low: 2, high: 2 })
}

impl FromStr for Box3D {
    type Err = PromptError;

    /// Reads two opposite corners and options: `x,y,z; x,y,z; axes=grid; -`, LPS mm. `axes` is `lps`, and
    /// the polarity `+`, unless given.
    fn from_str(text: &str) -> Result<Self, PromptError> {
        let mut fields = Fields::read("box", Self::EXAMPLE, text, 8)?;
        let (axes, polarity) = (axes_option(&mut fields)?, fields.polarity);
        let corners_lps_mm = two(fields.points()?)?;
        check::points(&corners_lps_mm)?;
        Ok(Self { corners_lps_mm, axes, polarity })
    }
}

impl FromStr for Box2D {
    type Err = PromptError;

    /// Reads two opposite corners and the plane's directions, along which the sides run:
    /// `x,y,z; x,y,z; u=x,y,z; v=x,y,z; -`, LPS mm. The polarity is `+` unless given.
    fn from_str(text: &str) -> Result<Self, PromptError> {
        let mut fields = Fields::read("box on a plane", Self::EXAMPLE, text, 8)?;
        let plane = fields.plane()?.ok_or_else(|| fields.wrong(text))?;
        let polarity = fields.polarity;
        let corners_lps_mm = two(fields.points()?)?;
        let found = Self { corners_lps_mm, plane, polarity };
        found.extent()?;
        Ok(found)
    }
}
