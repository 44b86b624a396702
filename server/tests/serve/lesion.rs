//! Real lesions, and what a reader would point with.

use crate::support::{Server, delta, repository};
use isochrone_api::v1;
use isochrone_prompt::{
    Box2D, Box3D, BoxAxes, Click, ExtremeBox, ExtremePoints, Gaze, GazeSample, InitialMask, Lasso, Plane, Polarity,
    Polygon, Prompt, Scribble,
};
use isochrone_volume::{DVec3, Grid, Mask, VoxelBox};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A real lesion with the truth about it.
pub struct Lesion {
    image: PathBuf,
    modality: v1::Modality,
    pub truth: Mask,
}

impl Lesion {
    pub fn brain1() -> Option<Self> {
        Self::public("brain1")
    }

    /// A public MR lesion; `None` (and a line that says so) where `make lesions` has not run.
    pub fn public(name: &str) -> Option<Self> {
        let at = |what: &str| repository().join(format!("build/lesions/{name}_{what}.nrrd"));
        Self::read(at("image"), &at("label"), v1::Modality::Mr)
    }

    /// A PET image of a held-back patient, where the labelled cases are there.
    pub fn pet() -> Option<Self> {
        let folder = repository().join("../shared/data/labelled/nsclc_petct_001491_pt");
        Self::read(folder.join("image.nii.gz"), &folder.join("mask.nii.gz"), v1::Modality::Pt)
    }

    fn read(image: PathBuf, mask: &Path, modality: v1::Modality) -> Option<Self> {
        if !image.is_file() || !mask.is_file() {
            println!("passed over: no {} (make lesions, or the shared data)", mask.display());
            return None;
        }
        let truth = isochrone_intake::read(mask, &isochrone_intake::ReadOptions::default()).unwrap();
        let voxels = truth.values(&VoxelBox::whole(truth.grid().size())).mapv(|v| v != 0.0);
        Some(Self { image, modality, truth: Mask::new(truth.grid().clone(), voxels).unwrap() })
    }

    pub async fn load(&self, server: &mut Server) -> v1::Volume {
        let name = self.image.file_name().unwrap();
        std::fs::copy(&self.image, server.root.path().join(name)).unwrap();
        let path = name.to_str().unwrap().to_owned();
        let request = v1::LoadFileRequest { path, modality: self.modality.into(), ..Default::default() };
        server.volumes.load_file(request).await.unwrap().into_inner()
    }

    pub fn grid(&self) -> &Arc<Grid> {
        self.truth.grid()
    }

    /// The slice in which the lesion is widest.
    pub fn slice(&self) -> usize {
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

    pub fn plane(&self) -> Plane {
        let d = self.grid().direction();
        Plane::new(self.middle(), d.x_axis, d.y_axis).unwrap()
    }

    /// Its outline on the slice, seen from the middle, `margin_mm` wider.
    pub fn outline(&self, margin_mm: f64) -> Vec<DVec3> {
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

    /// What a prompt says holds for the mask, whatever the engine; but for one that lets a drawn border slide to an edge.
    pub fn obeyed(&self, prompt: &Prompt, placed: &v1::PlacedPrompt, mask: &Mask, slides: bool) -> Result<(), String> {
        let holds = |held: bool, what: &str| if held { Ok(()) } else { Err(what.to_owned()) };
        let marked = prompt.rasterise(self.grid()).unwrap();
        let held = marked.voxels().filter(|v| mask.contains(*v)).count();
        match prompt {
            Prompt::InitialMask(_) => holds(*mask == self.truth, "it is taken as it is"),
            Prompt::Box3D(_) | Prompt::ExtremePoints(_) => {
                let (found, all) = (mask.bounding_box(), voxel_box(placed.r#box.as_ref().unwrap()));
                holds(found.union(&all) == all, "nothing outside")?;
                holds(!found.is_empty(), "something inside")
            }
            Prompt::Box2D(_) => {
                let k = self.slice();
                let beside = mask
                    .voxels()
                    .index_axis(ndarray::Axis(0), k)
                    .indexed_iter()
                    .any(|((j, i), set)| *set && !marked.contains([i, j, k]));
                holds(!beside, "nothing beside it on its slice")?;
                holds(held > 0, "something inside")
            }
            Prompt::Lasso(_) => holds(held > 0, "something inside"),
            Prompt::Polygon(_) if slides => holds(2 * held > marked.count(), "most of what is marked"),
            // Firm: what is marked is of the label.
            _ => holds(held == marked.count(), "all that is marked"),
        }
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
