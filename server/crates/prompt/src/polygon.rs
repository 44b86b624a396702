use crate::raster::Rule;
use crate::text::Fields;
use crate::{Meaning, Plane, Polarity, PromptError, Rasterised, check, lasso};
use isochrone_volume::{DVec3, Grid};
use serde::{Deserialize, Serialize};

/// The label's border on a plane, as a polygon whose vertices the reader drags.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Polygon {
    /// The vertices in order, LPS mm; the last one is joined to the first.
    pub vertices_lps_mm: Vec<DVec3>,
    /// The plane it was drawn on.
    pub plane: Plane,
    /// The border of the label, or of a hole in it.
    pub polarity: Polarity,
    /// Indices of the vertices that the reader has dragged, ascending: there the border stays, where an
    /// engine lets the rest slide to an edge.
    pub pinned: Vec<usize>,
}

/// One pull at a vertex.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Drag {
    /// Where the vertex was, LPS mm.
    pub from_lps_mm: DVec3,
    /// Where it was let go, LPS mm.
    pub to_lps_mm: DVec3,
}

/// How a vertex's neighbours follow it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Follow {
    /// Neighbours on each side that move.
    pub neighbours: usize,
    /// The neighbour at distance `n` along the polygon moves by `weight^n` of the drag.
    pub weight: f64,
}

impl Default for Follow {
    fn default() -> Self {
        Self { neighbours: 2, weight: 0.5 }
    }
}

impl Polygon {
    /// Most vertices of one polygon.
    pub const MAX_VERTICES: usize = 2000;
    /// How near to a vertex a drag has to start, mm.
    pub const GRIP_MM: f64 = 5.0;
    const EXAMPLE: &'static str = "10,0,88; 30,0,88; 30,20,88; 10,20,88; drag=30,20,88,36,24,88; normal=0,0,1; +";

    /// Moves the vertex nearest to where the drag starts, and its neighbours with it, and pins it. Nothing
    /// changes on an error.
    ///
    /// # Errors
    /// A weight outside 0 to 1; a place that is not finite or off the plane; no vertex within
    /// [`Polygon::GRIP_MM`] of the start.
    pub fn drag(&mut self, drag: &Drag, follow: Follow) -> Result<(), PromptError> {
        check::range("The weight with which neighbours follow", follow.weight, 0.0, 1.0)?;
        let vertices = self.checked()?;
        let &[from, to] = self.plane.take(&[drag.from_lps_mm, drag.to_lps_mm])?.as_slice() else { return Ok(()) };
        let distances = vertices.iter().map(|v| v.distance(from)).enumerate();
        let nearest = distances.min_by(|a, b| a.1.total_cmp(&b.1));
        let (pulled, nearest_mm) = nearest.unwrap_or((0, f64::INFINITY));
        if nearest_mm > Self::GRIP_MM {
            return Err(PromptError::NoVertex { nearest_mm, within_mm: Self::GRIP_MM });
        }
        // The vertex ends where it was let go, even if it was not gripped in its middle.
        let way = vertices.get(pulled).map_or(DVec3::ZERO, |v| to - *v);
        let n = vertices.len();
        let moved = vertices.into_iter().enumerate().map(|(at, vertex)| {
            let straight = at.abs_diff(pulled);
            let steps = straight.min(n - straight);
            let share = if steps > follow.neighbours { 0.0 } else { follow.weight.powi(steps as i32) };
            vertex + share * way
        });
        self.vertices_lps_mm = moved.collect();
        if let Err(at) = self.pinned.binary_search(&pulled) {
            self.pinned.insert(at, pulled);
        }
        Ok(())
    }

    /// The box round the polygon, LPS mm.
    ///
    /// # Errors
    /// Number of vertices or a vertex out of range; a vertex off the plane.
    pub fn bounds_mm(&self) -> Result<(DVec3, DVec3), PromptError> {
        Ok(check::bounds(&self.checked()?))
    }

    /// The voxels of a grid inside the polygon, by the rule of [`crate::Lasso::rasterise`], except that
    /// where the polygon crosses itself the even-odd rule holds. On its plane the label is exactly these.
    ///
    /// # Errors
    /// As [`Polygon::bounds_mm`]; nothing inside the grid.
    pub fn rasterise(&self, grid: &Grid) -> Result<Rasterised, PromptError> {
        let runs = lasso::filled(grid, &self.plane, &self.checked()?, Rule::EvenOdd);
        let runs = runs.ok_or(PromptError::TooMuch("polygon"))?;
        if runs.is_empty() {
            return Err(PromptError::nothing_inside("polygon", grid));
        }
        Ok(Rasterised::new(self.polarity, Meaning::Delineates, runs))
    }

    fn checked(&self) -> Result<Vec<DVec3>, PromptError> {
        check::count("vertices of the polygon", self.vertices_lps_mm.len(), 3, Self::MAX_VERTICES)?;
        self.plane.take(&self.vertices_lps_mm)
    }
}

impl std::str::FromStr for Polygon {
    type Err = PromptError;

    /// Reads three or more vertices and options, LPS mm: `x,y,z; x,y,z; x,y,z; …; normal=x,y,z; -`, and any
    /// number of drags `drag=x,y,z,x,y,z` (from, to), which are carried out in order. Without `normal=` (or
    /// `u=` and `v=`) the plane is the polygon's own; the polarity is `+` unless given.
    fn from_str(text: &str) -> Result<Self, PromptError> {
        let mut fields = Fields::read("polygon", Self::EXAMPLE, text, Self::MAX_VERTICES)?;
        let (plane, polarity, drags) = (fields.plane()?, fields.polarity, fields.all("drag", 6)?);
        let vertices_lps_mm = fields.points()?;
        let plane = plane.map_or_else(|| Plane::of_curve(&vertices_lps_mm), Ok)?;
        let mut polygon = Self { vertices_lps_mm, plane, polarity, pinned: Vec::new() };
        polygon.checked()?;
        for drag in drags {
            let &[a, b, c, x, y, z] = drag.as_slice() else { continue };
            let drag = Drag { from_lps_mm: DVec3::new(a, b, c), to_lps_mm: DVec3::new(x, y, z) };
            polygon.drag(&drag, Follow::default())?;
        }
        Ok(polygon)
    }
}
