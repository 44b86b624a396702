//! Labelled cases on disk, in the layouts that people have.

use super::decoding::read_isolated;
use anyhow::{Context, bail};
use isochrone_intake::ReadOptions;
use isochrone_volume::{Grid, Mask, Modality, Volume, VoxelBox};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A case whose mask is empty: of some data sets, a patient without a lesion.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the mask is empty, so there is nothing to segment")]
pub struct NothingToSegment;

/// One or several images with the truth about them.
pub struct Case {
    /// Folder or file name.
    pub name: String,
    images: Vec<PathBuf>,
    mask: PathBuf,
    /// What a description says of each image.
    modalities: Vec<Option<Modality>>,
    /// What a description says of the case as a whole.
    pub about: About,
}

/// Where a case comes from, by its description (`group` and `patient` of `meta.json`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Cases of one kind and source; empty where none is given.
    pub group: String,
    /// The patient; where none is given, the case's name.
    pub patient: String,
    /// The case that a target belongs to.
    pub volume: String,
    /// The mask was made by a program (`mask` or `drawn_by` says "automatic"), so it is no truth.
    pub automatic: bool,
}

impl About {
    fn read(name: &str, description: &Path) -> Self {
        let text = std::fs::read_to_string(description).ok();
        let json: Option<serde_json::Value> = text.and_then(|t| serde_json::from_str(&t).ok());
        let said = |key: &str| json.as_ref().and_then(|j| j.get(key)?.as_str()).map(|s| s.replace([',', '\n'], " "));
        let patient = said("patient").unwrap_or_else(|| name.to_owned());
        let made = ["mask", "drawn_by"].into_iter().filter_map(said);
        let automatic = made.into_iter().any(|text| text.to_ascii_lowercase().contains("automatic"));
        Self { group: said("group").unwrap_or_default(), patient, volume: name.to_owned(), automatic }
    }
}

/// What in a mask is to be segmented.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wanted {
    /// Voxels of any value but 0, as one target.
    Anything,
    /// Voxels of one value.
    Label(u32),
    /// Each value of at least so many mL, as a target of its own; and, if `whole`, all of several together too.
    EachLabel { least_ml: f64, whole: bool },
}

/// A part of a case to be segmented: its name, and the truth on the first image's grid.
pub struct Target {
    /// The case's name; followed by `/` and the label where each is a target of its own.
    pub name: String,
    pub truth: Mask,
}

/// The cases of a folder, by name. A case is
/// - `CASE/image.nii.gz`, or `CASE/image_0000.nii.gz`, `image_0001.nii.gz` … for several channels, with
///   `CASE/mask.nii.gz` (and `CASE/meta.json` whose `modality` may name one, or a list);
/// - `CASE_image.nrrd` with `CASE_label.nrrd`;
/// - of nnU-Net and the Medical Segmentation Decathlon: `imagesTr/CASE_0000.nii.gz` … or `imagesTr/CASE.nii.gz`, with
///   `labelsTr/CASE.nii.gz` (and `dataset.json`, whose `channel_names` or `modality` may name the scanners);
/// - of AutoPET: `PATIENT/STUDY/SUV.nii.gz`, and the CT on its grid if there is `CTres.nii.gz`, with
///   `PATIENT/STUDY/SEG.nii.gz`; its name is `PATIENT_STUDY`.
///
/// `only`: prefixes, all if empty.
///
/// # Errors
/// The folder cannot be read.
pub fn find(folder: &Path, only: &[String]) -> anyhow::Result<Vec<Case>> {
    let mut found = if folder.join("labelsTr").is_dir() { decathlon(folder)? } else { plain(folder)? };
    found.retain(|case| only.is_empty() || only.iter().any(|prefix| case.name.starts_with(prefix)));
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn plain(folder: &Path) -> anyhow::Result<Vec<Case>> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        let Some(name) = file_name(&path) else { continue };
        if path.is_dir() {
            let (images, mask) = (channels(&path, "image")?, path.join("mask.nii.gz"));
            if !images.is_empty() && mask.is_file() {
                let modalities = described(&path.join("meta.json"), &["modality"]);
                let about = About::read(name, &path.join("meta.json"));
                found.push(Case { name: name.to_owned(), images, mask, modalities, about });
            }
            found.extend(autopet(&path, name)?);
        } else if let Some(name) = name.strip_suffix("_image.nrrd") {
            let mask = path.with_file_name(format!("{name}_label.nrrd"));
            if mask.is_file() {
                let about = About { patient: name.to_owned(), volume: name.to_owned(), ..About::default() };
                let (name, images) = (name.to_owned(), vec![path.clone()]);
                found.push(Case { name, images, mask, modalities: Vec::new(), about });
            }
        }
    }
    Ok(found)
}

/// The studies of one of AutoPET's patients.
fn autopet(patient: &Path, name: &str) -> anyhow::Result<Vec<Case>> {
    let mut found = Vec::new();
    for study in entries(patient)? {
        let (suv, mask) = (study.join("SUV.nii.gz"), study.join("SEG.nii.gz"));
        let Some(study_name) = file_name(&study).filter(|_| suv.is_file() && mask.is_file()) else { continue };
        let images = [suv, study.join("CTres.nii.gz")].into_iter().filter(|path| path.is_file()).collect();
        let modalities = vec![Some(Modality::Pt), Some(Modality::Ct)];
        let volume = format!("{name}_{study_name}");
        let about = About { patient: name.to_owned(), volume: volume.clone(), ..About::default() };
        found.push(Case { name: volume, images, mask, modalities, about });
    }
    Ok(found)
}

fn decathlon(folder: &Path) -> anyhow::Result<Vec<Case>> {
    let modalities = described(&folder.join("dataset.json"), &["channel_names", "modality"]);
    let mut found = Vec::new();
    for mask in entries(&folder.join("labelsTr"))? {
        // Some archives hold macOS's shadow files.
        let name = file_name(&mask).and_then(|n| n.strip_suffix(".nii.gz")).filter(|n| !n.starts_with('.'));
        let Some(name) = name.map(str::to_owned) else { continue };
        let images = channels(&folder.join("imagesTr"), &name)?;
        if !images.is_empty() {
            let about = About { patient: name.clone(), volume: name.clone(), ..About::default() };
            found.push(Case { name, images, mask, modalities: modalities.clone(), about });
        }
    }
    Ok(found)
}

/// `STEM.nii.gz`, else `STEM_0000.nii.gz`, `STEM_0001.nii.gz` …
fn channels(folder: &Path, stem: &str) -> anyhow::Result<Vec<PathBuf>> {
    let single = folder.join(format!("{stem}.nii.gz"));
    if single.is_file() {
        return Ok(vec![single]);
    }
    let numbered = (0..16).map(|n| folder.join(format!("{stem}_{n:04}.nii.gz")));
    Ok(numbered.take_while(|path| path.is_file()).collect())
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let listing = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    listing.map(|entry| Ok(entry?.path())).collect()
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name().and_then(|n| n.to_str())
}

/// What a JSON description says of the channels: a word, a list, or an object `{"0": word, …}` under one of `keys`.
fn described(path: &Path, keys: &[&str]) -> Vec<Option<Modality>> {
    let text = std::fs::read_to_string(path).ok();
    let json: Option<serde_json::Value> = text.and_then(|t| serde_json::from_str(&t).ok());
    let said = json.as_ref().and_then(|json| keys.iter().find_map(|key| json.get(key)));
    let word = |value: &serde_json::Value| value.as_str().and_then(Modality::from_code);
    match said {
        Some(serde_json::Value::Array(list)) => list.iter().map(word).collect(),
        Some(serde_json::Value::Object(by_number)) => {
            (0..by_number.len()).map(|n| by_number.get(&n.to_string()).and_then(word)).collect()
        }
        Some(value) => vec![word(value)],
        None => Vec::new(),
    }
}

impl Case {
    /// The images, the first of which carries the masks, and what is wanted of the mask, on its grid.
    ///
    /// # Errors
    /// A file cannot be read, the mask does not lie on the first image's grid, or holds nothing of what is wanted
    /// ([`NothingToSegment`]).
    pub fn read(&self, wanted: Wanted) -> anyhow::Result<(Vec<Volume>, Vec<Target>)> {
        let mut volumes = Vec::new();
        for (n, path) in self.images.iter().enumerate() {
            let modality = self.modalities.get(n).copied().flatten();
            volumes.push(read_isolated(path, &ReadOptions { modality, ..ReadOptions::default() })?);
        }
        let first = volumes.first().context("The case has no image")?;
        let truth = read_isolated(&self.mask, &ReadOptions::default())?;
        if truth.grid().size() != first.grid().size() {
            bail!("image and mask differ in size");
        }
        let apart_mm = farthest_mm(first.grid(), truth.grid());
        if apart_mm > 0.5 * first.grid().spacing_mm().into_iter().fold(f64::INFINITY, f64::min) {
            bail!(
                "the mask's voxels lie up to {apart_mm:.1} mm beside the image's: resample the mask onto the image's grid"
            );
        }
        let values = truth.values(&VoxelBox::whole(truth.grid().size()));
        let target = |name: String, inside: &dyn Fn(f32) -> bool| {
            anyhow::Ok(Target { name, truth: Mask::new(first.grid().clone(), values.mapv(inside))? })
        };
        let mut targets = match wanted {
            Wanted::Anything => vec![target(self.name.clone(), &|v| v != 0.0)?],
            Wanted::Label(label) => vec![target(self.name.clone(), &|v| v == label as f32)?],
            Wanted::EachLabel { least_ml, whole } => {
                let voxel_ml = first.grid().spacing_mm().into_iter().product::<f64>() / 1000.0;
                let labels: BTreeSet<u32> = values.iter().filter(|v| **v > 0.0).map(|v| *v as u32).collect();
                let several = labels.len() > 1;
                let name = |label: u32| if several { format!("{}/{label}", self.name) } else { self.name.clone() };
                let each = labels.into_iter().map(|label| target(name(label), &|v| v == label as f32));
                let mut each = each.collect::<Result<Vec<_>, _>>()?;
                if whole && several {
                    each.push(target(format!("{}/whole", self.name), &|v| v != 0.0)?);
                }
                each.retain(|t| t.truth.count() as f64 * voxel_ml >= least_ml);
                each
            }
        };
        targets.retain(|t| t.truth.count() > 0);
        if targets.is_empty() {
            return Err(NothingToSegment.into());
        }
        Ok((volumes, targets))
    }
}

/// How far corners of two grids of one size are apart.
fn farthest_mm(a: &Grid, b: &Grid) -> f64 {
    let last = a.size().map(|n| n.saturating_sub(1));
    let corner =
        |n: usize| [0, 1, 2].map(|axis| if n >> axis & 1 == 1 { last.get(axis).copied().unwrap_or(0) } else { 0 });
    (0..8).map(|n| a.centre_mm(corner(n)).distance(b.centre_mm(corner(n)))).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(folder: &Path, files: &[&str]) {
        for file in files {
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
    }

    fn about(found: &[Case]) -> Vec<(&str, usize)> {
        found.iter().map(|c| (c.name.as_str(), c.images.len())).collect()
    }

    #[test]
    fn layouts() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            "a/image.nii.gz",
            "a/mask.nii.gz",
            "b/image_0000.nii.gz",
            "b/image_0001.nii.gz",
            "b/mask.nii.gz",
            "c/image.nii.gz",
            "d_image.nrrd",
            "d_label.nrrd",
        ];
        touch(folder.path(), &files);
        let description =
            r#"{"modality": ["PT", "CT"], "group": "lung, both", "patient": "p7", "drawn_by": "Automatic, by X"}"#;
        std::fs::write(folder.path().join("b/meta.json"), description).unwrap();
        let found = find(folder.path(), &[]).unwrap();
        assert_eq!(about(&found), [("a", 1), ("b", 2), ("d", 1)]);
        assert_eq!(found[1].modalities, [Some(Modality::Pt), Some(Modality::Ct)]);
        assert_eq!(find(folder.path(), &["b".to_owned()]).unwrap().len(), 1);
        let source = |n: usize| (found[n].about.group.as_str(), found[n].about.patient.as_str());
        assert_eq!([source(0), source(1)], [("", "a"), ("lung  both", "p7")]);
        assert!(found[1].about.automatic && !found[0].about.automatic);

        let folder = tempfile::tempdir().unwrap();
        let files = [
            "labelsTr/x.nii.gz",
            "labelsTr/._x.nii.gz",
            "labelsTr/y.nii.gz",
            "labelsTr/z.nii.gz",
            "imagesTr/x_0000.nii.gz",
            "imagesTr/x_0001.nii.gz",
            "imagesTr/y.nii.gz",
        ];
        touch(folder.path(), &files);
        std::fs::write(folder.path().join("dataset.json"), r#"{"channel_names": {"0": "CT", "1": "PET"}}"#).unwrap();
        let found = find(folder.path(), &[]).unwrap();
        assert_eq!(about(&found), [("x", 2), ("y", 1)]);
        assert_eq!(found[0].modalities, [Some(Modality::Ct), Some(Modality::Pt)]);

        let folder = tempfile::tempdir().unwrap();
        let files = [
            "PETCT_1/2001-PET/SUV.nii.gz",
            "PETCT_1/2001-PET/CTres.nii.gz",
            "PETCT_1/2001-PET/SEG.nii.gz",
            "PETCT_2/2002-PET/SUV.nii.gz",
            "PETCT_2/2002-PET/SEG.nii.gz",
            "PETCT_3/2003-PET/SUV.nii.gz",
        ];
        touch(folder.path(), &files);
        let found = find(folder.path(), &[]).unwrap();
        assert_eq!(about(&found), [("PETCT_1_2001-PET", 2), ("PETCT_2_2002-PET", 1)]);
        assert_eq!(found[0].modalities, [Some(Modality::Pt), Some(Modality::Ct)]);
    }
}
