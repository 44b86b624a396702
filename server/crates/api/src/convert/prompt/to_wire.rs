use crate::convert::geometry::{point, voxel, wire_box};
use crate::v1;
use isochrone_prompt::{BoxAxes, ExtremeBox, Gaze, Plane, Polarity, Polygon, Prompt};
use isochrone_session::{NumberedPrompt, VertexDrag};
use isochrone_volume::DVec3;
use v1::prompt::Kind;

/// A prompt as the server keeps it.
pub(crate) fn placed(prompt: &NumberedPrompt) -> v1::PlacedPrompt {
    let fixations = match &prompt.placed.prompt {
        // Checked when it was placed.
        Prompt::Gaze(gaze) => gaze.fixations().unwrap_or_default(),
        _ => Vec::new(),
    };
    let marked = prompt.placed.voxels();
    v1::PlacedPrompt {
        prompt_id: prompt.id,
        prompt: Some(match &prompt.drag {
            Some(drag) => v1::Prompt { kind: Some(Kind::VertexDrag(wire_drag(drag))) },
            None => wire_prompt(&prompt.placed.prompt),
        }),
        voxel: prompt.placed.has_place().then(|| voxel(prompt.placed.voxel)),
        voxels: marked.count() as u64,
        r#box: prompt.placed.has_place().then(|| wire_box(&marked.bounds())),
        polygon: match (&prompt.placed.prompt, prompt.drag) {
            (Prompt::Polygon(polygon), Some(_)) => Some(wire_polygon(polygon)),
            _ => None,
        },
        fixations: fixations
            .iter()
            .map(|f| v1::Fixation { start_ms: f.start_ms, end_ms: f.end_ms, position: Some(point(f.position_lps_mm)) })
            .collect(),
    }
}

/// A prompt for the wire: what a client sends.
#[must_use]
pub fn wire_prompt(prompt: &Prompt) -> v1::Prompt {
    let kind = match prompt {
        Prompt::Click(click) => {
            Kind::Click(v1::Click { position: Some(point(click.position_lps_mm)), polarity: polarity(click.polarity) })
        }
        Prompt::Scribble(scribble) => Kind::Scribble(v1::Scribble {
            points: points(&scribble.points_lps_mm),
            radius_mm: scribble.radius_mm,
            plane: scribble.plane.as_ref().map(plane),
            polarity: polarity(scribble.polarity),
        }),
        Prompt::Box2D(rectangle) => {
            let [corner, opposite] = rectangle.corners_lps_mm.map(|p| Some(point(p)));
            let (plane, polarity) = (Some(plane(&rectangle.plane)), polarity(rectangle.polarity));
            Kind::Box2d(v1::Box2D { corner, opposite, plane, polarity })
        }
        Prompt::Box3D(cuboid) => {
            let [corner, opposite] = cuboid.corners_lps_mm.map(|p| Some(point(p)));
            Kind::Box3d(v1::Box3D { corner, opposite, axes: axes(cuboid.axes), polarity: polarity(cuboid.polarity) })
        }
        Prompt::ExtremePoints(extreme) => {
            let (plane, axes) = match &extreme.within {
                ExtremeBox::Plane(on) => (Some(plane(on)), v1::BoxAxes::Unspecified.into()),
                ExtremeBox::Space(along) => (None, axes(*along)),
            };
            let points = points(&extreme.points_lps_mm);
            Kind::ExtremePoints(v1::ExtremePoints { points, plane, axes, margin_mm: extreme.margin_mm })
        }
        Prompt::Lasso(lasso) => Kind::Lasso(v1::Lasso {
            points: points(&lasso.points_lps_mm),
            plane: Some(plane(&lasso.plane)),
            polarity: polarity(lasso.polarity),
        }),
        Prompt::Polygon(polygon) => Kind::Polygon(wire_polygon(polygon)),
        Prompt::InitialMask(mask) => Kind::InitialMask(v1::InitialMask {
            r#box: Some(wire_box(&mask.delta.region)),
            zlib_bits: mask.delta.zlib_bits.clone(),
        }),
        Prompt::Gaze(gaze) => Kind::Gaze(wire_gaze(gaze)),
        Prompt::LabelName(name) => Kind::LabelName(v1::LabelName { name: name.as_str().to_owned() }),
    };
    v1::Prompt { kind: Some(kind) }
}

fn wire_drag(drag: &VertexDrag) -> v1::VertexDrag {
    v1::VertexDrag {
        polygon_prompt_id: drag.polygon,
        from: Some(point(drag.drag.from_lps_mm)),
        to: Some(point(drag.drag.to_lps_mm)),
        neighbours: u32::try_from(drag.follow.neighbours).ok(),
        weight: Some(drag.follow.weight),
    }
}

fn wire_polygon(polygon: &Polygon) -> v1::Polygon {
    v1::Polygon {
        vertices: points(&polygon.vertices_lps_mm),
        plane: Some(plane(&polygon.plane)),
        polarity: polarity(polygon.polarity),
        pinned: polygon.pinned.iter().map(|&n| n as u32).collect(),
    }
}

fn wire_gaze(gaze: &Gaze) -> v1::Gaze {
    let samples = gaze.samples.iter();
    v1::Gaze {
        samples: samples
            .map(|s| v1::GazeSample { time_ms: s.time_ms, position: s.position_lps_mm.map(point) })
            .collect(),
        plane: gaze.plane.as_ref().map(plane),
        dispersion_mm: gaze.dispersion_mm,
        min_duration_ms: gaze.min_duration_ms,
        polarity: polarity(gaze.polarity),
    }
}

fn points(points: &[DVec3]) -> Vec<v1::Point> {
    points.iter().copied().map(point).collect()
}

fn plane(plane: &Plane) -> v1::Plane {
    v1::Plane { origin: Some(point(plane.origin())), u: Some(point(plane.u())), v: Some(point(plane.v())) }
}

fn axes(axes: BoxAxes) -> i32 {
    match axes {
        BoxAxes::Lps => v1::BoxAxes::Lps,
        BoxAxes::Grid => v1::BoxAxes::Grid,
    }
    .into()
}

fn polarity(polarity: Polarity) -> i32 {
    match polarity {
        Polarity::Positive => v1::Polarity::Positive,
        Polarity::Negative => v1::Polarity::Negative,
    }
    .into()
}
