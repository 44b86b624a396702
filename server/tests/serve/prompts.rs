//! Every kind of prompt through every engine, on a real lesion.

use crate::support::{Reader, Server, delta, repository, wire_box};
use isochrone_api::{v1, wire_prompt};
use isochrone_prompt::{
    Box2D, Box3D, BoxAxes, Click, ExtremeBox, ExtremePoints, Gaze, GazeSample, InitialMask, LabelName, Lasso, Plane,
    Polarity, Polygon, Prompt, Scribble,
};
use isochrone_volume::{DVec3, Grid, Mask, VoxelBox};
use std::sync::Arc;
use tonic::Code;

/// A real lesion with the truth about it; `None` (and a line that says so) where `make lesions` has not run.
pub struct Lesion {
    pub name: &'static str,
    pub truth: Mask,
}

impl Lesion {
    pub fn brain1() -> Option<Self> {
        let folder = repository().join("build/lesions");
        let label = folder.join("brain1_label.nrrd");
        if !label.is_file() {
            println!("passed over: no lesions (make lesions)");
            return None;
        }
        let truth = isochrone_intake::read(&label, &isochrone_intake::ReadOptions::default()).unwrap();
        let voxels = truth.values(&VoxelBox::whole(truth.grid().size())).mapv(|v| v != 0.0);
        Some(Self { name: "brain1_image.nrrd", truth: Mask::new(truth.grid().clone(), voxels).unwrap() })
    }

    pub async fn load(&self, server: &mut Server) -> v1::Volume {
        let from = repository().join("build/lesions").join(self.name);
        std::fs::copy(from, server.root.path().join(self.name)).unwrap();
        let request =
            v1::LoadFileRequest { path: self.name.to_owned(), modality: v1::Modality::Mr.into(), ..Default::default() };
        server.volumes.load_file(request).await.unwrap().into_inner()
    }

    pub fn grid(&self) -> &Arc<Grid> {
        self.truth.grid()
    }

    /// The slice in which the lesion is widest.
    fn slice(&self) -> usize {
        let area = |k: &usize| self.truth.voxels().index_axis(ndarray::Axis(0), *k).iter().filter(|v| **v).count();
        (0..self.grid().size()[2]).max_by_key(area).unwrap()
    }

    /// Its middle on that slice, LPS mm.
    pub fn middle(&self) -> DVec3 {
        let k = self.slice();
        let set: Vec<DVec3> = self.on_slice(k).map(|v| self.grid().centre_mm(v)).collect();
        let mean = set.iter().sum::<DVec3>() / set.len() as f64;
        *set.iter().min_by(|a, b| a.distance(mean).total_cmp(&b.distance(mean))).unwrap()
    }

    fn on_slice(&self, k: usize) -> impl Iterator<Item = [usize; 3]> {
        self.truth.voxels().indexed_iter().filter(move |(at, set)| at.0 == k && **set).map(|((k, j, i), _)| [i, j, k])
    }

    fn plane(&self) -> Plane {
        let d = self.grid().direction();
        Plane::new(self.middle(), d.x_axis, d.y_axis).unwrap()
    }

    /// Its outline on the slice, seen from the middle, `margin_mm` wider.
    fn outline(&self, margin_mm: f64) -> Vec<DVec3> {
        let (plane, k) = (self.plane(), self.slice());
        let places: Vec<DVec3> = self.on_slice(k).map(|v| plane.coordinates(self.grid().centre_mm(v))).collect();
        let vertex = |n: usize| {
            let (sin, cos) = (n as f64 / 16.0 * std::f64::consts::TAU).sin_cos();
            let ahead = places.iter().filter(|p| (p.x * sin - p.y * cos).abs() < 1.0);
            let far = ahead.map(|p| p.x * cos + p.y * sin).fold(1.0, f64::max) + margin_mm;
            plane.origin() + far * (cos * plane.u() + sin * plane.v())
        };
        (0..16).map(vertex).collect()
    }

    /// One of each, as a reader of this lesion would make them.
    pub fn prompts(&self) -> Vec<Prompt> {
        let (grid, plane, middle, polarity) = (self.grid(), self.plane(), self.middle(), Polarity::Positive);
        let region = self.truth.bounding_box();
        let (low, high) = (grid.centre_mm(region.min), grid.centre_mm(region.max.map(|n| n - 1)));
        let flat = self.outline(1.0).iter().map(|p| plane.coordinates(*p)).collect::<Vec<_>>();
        let bound = |f: fn(f64, f64) -> f64, x: fn(&DVec3) -> f64| flat.iter().map(x).reduce(f).unwrap();
        let at = |x: f64, y: f64| plane.origin() + x * plane.u() + y * plane.v();
        let corners_lps_mm = [
            at(bound(f64::min, |p| p.x), bound(f64::min, |p| p.y)),
            at(bound(f64::max, |p| p.x), bound(f64::max, |p| p.y)),
        ];
        let centre = (low + high) / 2.0;
        let extreme = |a: usize, end: DVec3| {
            let mut p = centre;
            p[a] = end[a];
            p
        };
        let points_lps_mm = (0..3).flat_map(|a| [extreme(a, low), extreme(a, high)]).collect();
        let rest = |n: usize| GazeSample {
            time_ms: n as f64 * 16.7,
            position_lps_mm: (n % 7 != 3).then(|| middle + 0.5 * (n as f64).sin() * plane.u()),
        };
        vec![
            Prompt::Click(Click { position_lps_mm: middle, polarity }),
            Prompt::Scribble(Scribble {
                points_lps_mm: vec![at(-3.0, 0.0), at(3.0, 1.0)],
                radius_mm: 1.0,
                plane: Some(plane),
                polarity,
            }),
            Prompt::Box2D(Box2D { corners_lps_mm, plane, polarity }),
            Prompt::Box3D(Box3D { corners_lps_mm: [low, high], axes: BoxAxes::Grid, polarity }),
            Prompt::ExtremePoints(ExtremePoints {
                points_lps_mm,
                within: ExtremeBox::Space(BoxAxes::Lps),
                margin_mm: 1.0,
            }),
            Prompt::Lasso(Lasso { points_lps_mm: self.outline(2.0), plane, polarity }),
            Prompt::Polygon(Polygon { vertices_lps_mm: self.outline(0.0), plane, polarity, pinned: Vec::new() }),
            Prompt::InitialMask(InitialMask::of(&self.truth)),
            Prompt::Gaze(Gaze {
                samples: (0..40).map(rest).collect(),
                plane: Some(plane),
                dispersion_mm: Gaze::DISPERSION_MM,
                min_duration_ms: Gaze::MIN_DURATION_MS,
                polarity,
            }),
        ]
    }
}

fn voxel_box(wire: &v1::VoxelBox) -> VoxelBox {
    let change = v1::LabelDelta { r#box: Some(*wire), ..Default::default() };
    delta(&change).region
}

pub fn dice(a: &Mask, b: &Mask) -> f64 {
    let both = a.voxels().iter().zip(b.voxels()).filter(|(a, b)| **a && **b).count();
    2.0 * both as f64 / (a.count() + b.count()).max(1) as f64
}

pub fn send(reader: &Reader, prompts: Vec<v1::Prompt>) -> v1::AddPromptsRequest {
    v1::AddPromptsRequest {
        session_id: reader.session.clone(),
        label_id: reader.label,
        prompts,
        mask_only: true,
        ..Default::default()
    }
}

/// A new label of a session, seen by a client of its own.
pub async fn label(server: &mut Server, session: &str, grid: &Arc<Grid>, name: &str) -> Reader {
    let label = server.add_label(session, name).await;
    let mask = Mask::empty(grid.clone());
    Reader { session: session.to_owned(), label, mask, segmentation: server.segmentation.clone() }
}

#[tokio::test]
async fn every_kind_with_every_engine() {
    let Some(lesion) = Lesion::brain1() else { return };
    let mut server = match crate::network::with_network().await {
        Some(server) => server,
        None => Server::start().await,
    };
    let volume = lesion.load(&mut server).await;
    let about = server.segmentation.describe_server(v1::DescribeServerRequest {}).await.unwrap().into_inner();
    for engine in about.engines.iter().map(|e| e.name.as_str()) {
        let session = server.open(&volume, engine).await.unwrap();
        for prompt in lesion.prompts() {
            let kind = prompt.kind();
            let mut reader = label(&mut server, &session, lesion.grid(), kind).await;
            let wire = wire_prompt(&prompt);
            let request = send(&reader, vec![wire.clone()]);
            let update = reader.send(request).await.unwrap_or_else(|e| panic!("{engine}, {kind}: {e}"));
            let reached = dice(&reader.mask, &lesion.truth);
            println!("{engine:>15} {kind:>15}: Dice {reached:.3}, {:.0} ms", update.elapsed_ms);
            let placed = &update.prompts[0];
            let spot = placed.voxel.map(|v| [v.i as usize, v.j as usize, v.k as usize]).unwrap();
            match &prompt {
                Prompt::InitialMask(_) => assert_eq!(reader.mask, lesion.truth, "it is taken as it is"),
                Prompt::Box3D(_) | Prompt::ExtremePoints(_) => {
                    let (found, held) = (reader.mask.bounding_box(), placed.r#box.as_ref().unwrap());
                    assert!(!found.is_empty(), "{engine}, {kind}");
                    assert_eq!(*held, wire_box(&found.union(&voxel_box(held))), "{engine}, {kind}: nothing outside");
                }
                Prompt::Box2D(_) | Prompt::Lasso(_) => assert!(reader.mask.count() > 0, "{engine}, {kind}"),
                // Firm: what is marked is of the label.
                _ => assert!(reader.mask.contains(spot), "{engine}, {kind}"),
            }
            // A share of the maximum means something in PET; this is MR.
            if matches!(prompt, Prompt::Click(_)) && engine != "iso-contour" {
                assert!(reached > 0.1, "{engine}: Dice {reached:.3}");
            }
            // What was sent comes back as it was placed, now and later.
            assert_eq!(placed.prompt.as_ref(), Some(&wire), "{engine}, {kind}");
            assert!(placed.voxels > 0 && placed.r#box.is_some());
            assert_eq!(placed.fixations.is_empty(), kind != "gaze");
            let request = v1::GetSessionRequest { session_id: session.clone() };
            let kept = server.segmentation.get_session(request).await.unwrap().into_inner();
            assert_eq!(kept.steps.last().unwrap().prompts[0], *placed, "{engine}, {kind}");
            assert_eq!(reader.whole().await, reader.mask);
            // Away with it, so that the next one may have the place.
            let session_id = session.clone();
            let request = v1::DeleteLabelRequest { session_id, label_id: reader.label, expected_revision: None };
            let left = server.segmentation.delete_label(request).await.unwrap().into_inner().labels;
            assert!(left.is_empty());
        }
    }
}

#[tokio::test]
async fn a_dragged_vertex_moves_the_border_and_can_be_taken_back() {
    let Some(lesion) = Lesion::brain1() else { return };
    let mut server = Server::start().await;
    let volume = lesion.load(&mut server).await;
    let session = server.open(&volume, "geodesic").await.unwrap();
    let mut reader = label(&mut server, &session, lesion.grid(), "lesion").await;
    let outline = lesion.outline(0.0);
    let (plane, polarity) = (lesion.plane(), Polarity::Positive);
    let polygon = Prompt::Polygon(Polygon { vertices_lps_mm: outline.clone(), plane, polarity, pinned: Vec::new() });
    let request = send(&reader, vec![wire_prompt(&polygon)]);
    let drawn = reader.send(request).await.unwrap();
    let (before, id) = (reader.mask.clone(), drawn.prompts[0].prompt_id);
    let away = outline[0] + 8.0 * (outline[0] - lesion.middle()).normalize();
    let point = |p: DVec3| Some(v1::Point { x: p.x, y: p.y, z: p.z });
    let drag = |polygon_prompt_id, from, to| v1::Prompt {
        kind: Some(v1::prompt::Kind::VertexDrag(v1::VertexDrag {
            polygon_prompt_id,
            from: point(from),
            to: point(to),
            neighbours: Some(1),
            weight: None,
        })),
    };
    let request = send(&reader, vec![drag(id, outline[0], away)]);
    let dragged = reader.send(request).await.unwrap();
    let inside = lesion.grid().voxel_at(outline[0].lerp(away, 0.6)).unwrap();
    assert!(reader.mask.contains(inside), "the border has followed");
    let shape = dragged.prompts[0].polygon.as_ref().unwrap();
    assert!((shape.vertices[0].x - away.x).abs() < 1e-6);
    // Later drags go on from there; one that starts nowhere is refused.
    let request = send(&reader, vec![drag(id, away, outline[0])]);
    reader.send(request).await.unwrap();
    let request = send(&reader, vec![drag(id, lesion.middle() + 100.0, away)]);
    assert_eq!(reader.send(request).await.unwrap_err().code(), Code::InvalidArgument);
    let request = send(&reader, vec![drag(id, plane.project(lesion.middle()), away)]);
    assert_eq!(reader.send(request).await.unwrap_err().code(), Code::FailedPrecondition);
    let request = send(&reader, vec![drag(77, away, away)]);
    assert_eq!(reader.send(request).await.unwrap_err().code(), Code::NotFound);
    reader.undo().await.unwrap();
    assert!(reader.mask.contains(inside));
    let remove = v1::RemovePromptRequest {
        session_id: session,
        prompt_id: dragged.prompts[0].prompt_id,
        expected_revision: None,
    };
    let update = reader.segmentation.remove_prompt(remove).await.unwrap().into_inner();
    reader.follow(&update);
    assert_eq!(reader.mask, before);
    assert!(reader.replays().await);
}

#[tokio::test]
async fn what_is_wrong_with_a_prompt_is_named() {
    let mut server = Server::start().await;
    let reader = server.ready().await;
    let name = wire_prompt(&Prompt::LabelName("liver".parse::<LabelName>().unwrap()));
    let mask = wire_prompt(&Prompt::InitialMask(InitialMask::of(&Mask::empty(reader.mask.grid().clone()))));
    let place = v1::Point { x: 0.0, y: 20.0, z: 30.0 };
    let point = Some(place);
    let positive = v1::Polarity::Positive.into();
    let scribble = v1::Scribble { points: vec![place], radius_mm: 2.0, polarity: positive, plane: None };
    let lasso = v1::Lasso { points: vec![place; 3], plane: None, polarity: positive };
    let kind = |kind| v1::Prompt { kind: Some(kind) };
    use v1::prompt::Kind;
    let many = v1::Gaze {
        samples: vec![v1::GazeSample { time_ms: 0.0, position: point }; 40_000],
        polarity: positive,
        ..Default::default()
    };
    let flat = v1::Plane { origin: point, u: point, v: point };
    let cases = [
        (vec![name], Code::FailedPrecondition, "knows no names"),
        (vec![mask.clone()], Code::InvalidArgument, "empty"),
        (vec![mask, kind(Kind::Scribble(scribble.clone()))], Code::InvalidArgument, "step of its own"),
        (
            vec![kind(Kind::Scribble(v1::Scribble { polarity: 0, ..scribble.clone() }))],
            Code::InvalidArgument,
            "prompts[0].scribble.polarity",
        ),
        (
            vec![kind(Kind::Scribble(v1::Scribble { radius_mm: f64::NAN, ..scribble.clone() }))],
            Code::InvalidArgument,
            "radius",
        ),
        (
            vec![kind(Kind::Scribble(v1::Scribble { points: vec![], ..scribble.clone() }))],
            Code::InvalidArgument,
            "points in the scribble",
        ),
        (
            vec![kind(Kind::Scribble(v1::Scribble { points: vec![place; 3000], ..scribble.clone() }))],
            Code::InvalidArgument,
            "scribble.points",
        ),
        (
            vec![kind(Kind::Scribble(v1::Scribble { plane: Some(flat), ..scribble }))],
            Code::InvalidArgument,
            "prompts[0].scribble.plane",
        ),
        (vec![kind(Kind::Lasso(lasso))], Code::InvalidArgument, "prompts[0].lasso.plane"),
        (
            vec![kind(Kind::Box2d(v1::Box2D { corner: point, opposite: point, plane: None, polarity: positive }))],
            Code::InvalidArgument,
            "box_2d.plane",
        ),
        (
            vec![kind(Kind::Box3d(v1::Box3D { corner: point, opposite: None, axes: 0, polarity: positive }))],
            Code::InvalidArgument,
            "box_3d.opposite",
        ),
        (
            vec![kind(Kind::Box3d(v1::Box3D { corner: point, opposite: point, axes: 9, polarity: positive }))],
            Code::InvalidArgument,
            "box_3d.axes",
        ),
        (vec![kind(Kind::Gaze(many))], Code::InvalidArgument, "gaze.samples"),
    ];
    for (prompts, code, text) in cases {
        let mut reader = Reader {
            segmentation: reader.segmentation.clone(),
            mask: reader.mask.clone(),
            session: reader.session.clone(),
            ..reader
        };
        let request = send(&reader, prompts);
        let error = reader.send(request).await.unwrap_err();
        assert!(error.code() == code && error.message().contains(text), "{text}: {error}");
    }
    server.still_serves().await;
}
