use crate::convert::at_most;
use crate::convert::geometry::{finite, plane, real, voxel_box};
use crate::{ApiError, Limits, v1};
use isochrone_prompt::{
    Box2D, Box3D, BoxAxes, Click, Drag, ExtremeBox, ExtremePoints, Follow, Gaze, GazeSample, InitialMask, LabelName,
    Lasso, Plane, Polarity, Polygon, Prompt, PromptError, Scribble,
};
use isochrone_session::{VertexDrag, Wanted};
use isochrone_volume::{DVec3, MaskDelta};
use v1::prompt::Kind;

/// The prompts of one request; what is wrong is named by its field.
pub(crate) fn prompts(wire: Vec<v1::Prompt>, limits: &Limits) -> Result<Vec<Wanted>, ApiError> {
    at_most("prompts", &wire, limits.prompts)?;
    if wire.is_empty() {
        return Err(ApiError::field("prompts", "empty; send at least one prompt"));
    }
    let points: usize = wire.iter().map(points_of).sum();
    if points > limits.points {
        let problem = format!("{points} points in all; at most {} may be sent at once", limits.points);
        return Err(ApiError::field("prompts", problem));
    }
    wire.into_iter().enumerate().map(|(n, prompt)| one(&format!("prompts[{n}]"), prompt)).collect()
}

fn points_of(prompt: &v1::Prompt) -> usize {
    match &prompt.kind {
        Some(Kind::Scribble(s)) => s.points.len(),
        Some(Kind::Lasso(l)) => l.points.len(),
        Some(Kind::Polygon(p)) => p.vertices.len(),
        Some(Kind::ExtremePoints(e)) => e.points.len(),
        Some(Kind::Gaze(g)) => g.samples.len(),
        _ => 1,
    }
}

fn one(field: &str, prompt: v1::Prompt) -> Result<Wanted, ApiError> {
    let Some(kind) = prompt.kind else {
        return Err(ApiError::field(
            format!("{field}.kind"),
            "missing, or of a kind that this server does not know; send a click, for one",
        ));
    };
    let read = |kind: &str| Read { field: format!("{field}.{kind}") };
    let prompt = match kind {
        Kind::Click(click) => {
            let read = read("click");
            let position_lps_mm = read.point("position", click.position.as_ref())?;
            Prompt::Click(Click { position_lps_mm, polarity: read.polarity(click.polarity)? })
        }
        Kind::Scribble(scribble) => {
            let read = read("scribble");
            Prompt::Scribble(Scribble {
                points_lps_mm: read.points("points", &scribble.points, Scribble::MAX_POINTS)?,
                radius_mm: read.real("radius_mm", scribble.radius_mm)?,
                plane: read.plane(scribble.plane.as_ref())?,
                polarity: read.polarity(scribble.polarity)?,
            })
        }
        Kind::Box2d(rectangle) => {
            let read = read("box_2d");
            let corners_lps_mm = read.corners(rectangle.corner.as_ref(), rectangle.opposite.as_ref())?;
            let plane = read.plane(rectangle.plane.as_ref())?;
            let plane = plane.ok_or_else(|| read.wrong("plane", "missing; give an origin and two directions"))?;
            Prompt::Box2D(Box2D { corners_lps_mm, plane, polarity: read.polarity(rectangle.polarity)? })
        }
        Kind::Box3d(cuboid) => {
            let read = read("box_3d");
            let corners_lps_mm = read.corners(cuboid.corner.as_ref(), cuboid.opposite.as_ref())?;
            let (axes, polarity) = (read.axes(cuboid.axes)?, read.polarity(cuboid.polarity)?);
            Prompt::Box3D(Box3D { corners_lps_mm, axes, polarity })
        }
        Kind::ExtremePoints(extreme) => {
            let read = read("extreme_points");
            let axes = read.axes(extreme.axes)?;
            let within = read.plane(extreme.plane.as_ref())?.map_or(ExtremeBox::Space(axes), ExtremeBox::Plane);
            let points_lps_mm = read.points("points", &extreme.points, 6)?;
            let margin_mm = read.real("margin_mm", extreme.margin_mm)?;
            Prompt::ExtremePoints(ExtremePoints { points_lps_mm, within, margin_mm })
        }
        Kind::Lasso(lasso) => {
            let read = read("lasso");
            let points_lps_mm = read.points("points", &lasso.points, Lasso::MAX_POINTS)?;
            let plane = read.plane_or_own(lasso.plane.as_ref(), &points_lps_mm)?;
            Prompt::Lasso(Lasso { points_lps_mm, plane, polarity: read.polarity(lasso.polarity)? })
        }
        Kind::Polygon(polygon) => {
            let read = read("polygon");
            let vertices_lps_mm = read.points("vertices", &polygon.vertices, Polygon::MAX_VERTICES)?;
            let plane = read.plane_or_own(polygon.plane.as_ref(), &vertices_lps_mm)?;
            at_most(&format!("{field}.polygon.pinned"), &polygon.pinned, vertices_lps_mm.len())?;
            let mut pinned: Vec<usize> = polygon.pinned.iter().map(|&n| n as usize).collect();
            pinned.sort_unstable();
            pinned.dedup();
            if pinned.last().is_some_and(|&n| n >= vertices_lps_mm.len()) {
                let problem = "names a vertex that the polygon does not have; they are counted from 0";
                return Err(ApiError::field(format!("{field}.polygon.pinned"), problem));
            }
            Prompt::Polygon(Polygon { vertices_lps_mm, plane, polarity: read.polarity(polygon.polarity)?, pinned })
        }
        Kind::InitialMask(mask) => {
            let region = voxel_box(&format!("{field}.initial_mask.box"), mask.r#box.as_ref())?;
            Prompt::InitialMask(InitialMask { delta: MaskDelta { region, zlib_bits: mask.zlib_bits } })
        }
        Kind::Gaze(gaze) => Prompt::Gaze(read("gaze").gaze(&gaze)?),
        Kind::LabelName(name) => {
            let name = name.name.parse::<LabelName>();
            Prompt::LabelName(name.map_err(|e| read("label_name").prompt("name", &e))?)
        }
        Kind::VertexDrag(drag) => return read("vertex_drag").drag(&drag).map(Wanted::Drag),
    };
    Ok(Wanted::Prompt(prompt))
}

/// Reads the fields of one prompt, and names them.
struct Read {
    field: String,
}

impl Read {
    fn wrong(&self, name: &str, problem: &str) -> ApiError {
        ApiError::field(format!("{}.{name}", self.field), problem)
    }

    fn prompt(&self, name: &str, error: &PromptError) -> ApiError {
        self.wrong(name, &error.to_string())
    }

    fn real(&self, name: &str, value: f64) -> Result<f64, ApiError> {
        real(&format!("{}.{name}", self.field), value)
    }

    fn point(&self, name: &str, point: Option<&v1::Point>) -> Result<DVec3, ApiError> {
        finite(&format!("{}.{name}", self.field), point)
    }

    fn points(&self, name: &str, points: &[v1::Point], limit: usize) -> Result<Vec<DVec3>, ApiError> {
        at_most(&format!("{}.{name}", self.field), points, limit)?;
        points.iter().enumerate().map(|(n, p)| self.point(&format!("{name}[{n}]"), Some(p))).collect()
    }

    fn corners(&self, corner: Option<&v1::Point>, opposite: Option<&v1::Point>) -> Result<[DVec3; 2], ApiError> {
        Ok([self.point("corner", corner)?, self.point("opposite", opposite)?])
    }

    fn plane(&self, wire: Option<&v1::Plane>) -> Result<Option<Plane>, ApiError> {
        wire.map(|wire| plane(&format!("{}.plane", self.field), wire)).transpose()
    }

    fn plane_or_own(&self, wire: Option<&v1::Plane>, curve: &[DVec3]) -> Result<Plane, ApiError> {
        match self.plane(wire)? {
            Some(plane) => Ok(plane),
            None => Plane::of_curve(curve).map_err(|e| self.prompt("plane", &e)),
        }
    }

    fn axes(&self, number: i32) -> Result<BoxAxes, ApiError> {
        match v1::BoxAxes::try_from(number) {
            Ok(v1::BoxAxes::Unspecified | v1::BoxAxes::Lps) => Ok(BoxAxes::Lps),
            Ok(v1::BoxAxes::Grid) => Ok(BoxAxes::Grid),
            Err(_) => Err(self.wrong("axes", &format!("{number} is not known; send BOX_AXES_LPS or BOX_AXES_GRID"))),
        }
    }

    fn polarity(&self, number: i32) -> Result<Polarity, ApiError> {
        match v1::Polarity::try_from(number) {
            Ok(v1::Polarity::Positive) => Ok(Polarity::Positive),
            Ok(v1::Polarity::Negative) => Ok(Polarity::Negative),
            _ => {
                let problem = format!("{number} is not a polarity; send POLARITY_POSITIVE or POLARITY_NEGATIVE");
                Err(self.wrong("polarity", &problem))
            }
        }
    }

    fn drag(&self, wire: &v1::VertexDrag) -> Result<VertexDrag, ApiError> {
        let (from_lps_mm, to_lps_mm) = (self.point("from", wire.from.as_ref())?, self.point("to", wire.to.as_ref())?);
        let usual = Follow::default();
        let follow = Follow {
            neighbours: wire.neighbours.map_or(usual.neighbours, |n| n as usize),
            weight: self.real("weight", wire.weight.unwrap_or(usual.weight))?,
        };
        Ok(VertexDrag { polygon: wire.polygon_prompt_id, drag: Drag { from_lps_mm, to_lps_mm }, follow })
    }

    fn gaze(&self, gaze: &v1::Gaze) -> Result<Gaze, ApiError> {
        at_most(&format!("{}.samples", self.field), &gaze.samples, Gaze::MAX_SAMPLES)?;
        let sample = |(n, s): (usize, &v1::GazeSample)| {
            let point = |p| self.point(&format!("samples[{n}].position"), Some(p));
            let time_ms = self.real(&format!("samples[{n}].time_ms"), s.time_ms)?;
            Ok(GazeSample { time_ms, position_lps_mm: s.position.as_ref().map(point).transpose()? })
        };
        let or = |name, value: f64, default| if value == 0.0 { Ok(default) } else { self.real(name, value) };
        Ok(Gaze {
            samples: gaze.samples.iter().enumerate().map(sample).collect::<Result<_, ApiError>>()?,
            plane: self.plane(gaze.plane.as_ref())?,
            dispersion_mm: or("dispersion_mm", gaze.dispersion_mm, Gaze::DISPERSION_MM)?,
            min_duration_ms: or("min_duration_ms", gaze.min_duration_ms, Gaze::MIN_DURATION_MS)?,
            polarity: self.polarity(gaze.polarity)?,
        })
    }
}
