//! Labelled cases on disk, in the layouts that people have.

use super::decoding::read_isolated;
use anyhow::{Context, bail};
use isochrone_intake::ReadOptions;
use isochrone_volume::{Grid, Mask, Modality, Volume, VoxelBox};
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
                found.push(Case { name: name.to_owned(), images, mask, modalities });
            }
            found.extend(autopet(&path, name)?);
        } else if let Some(name) = name.strip_suffix("_image.nrrd") {
            let mask = path.with_file_name(format!("{name}_label.nrrd"));
            if mask.is_file() {
                found.push(Case { name: name.to_owned(), images: vec![path.clone()], mask, modalities: Vec::new() });
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
        found.push(Case { name: format!("{name}_{study_name}"), images, mask, modalities });
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
            found.push(Case { name, images, mask, modalities: modalities.clone() });
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
    /// The images, the first of which carries the masks, and the truth on its grid: voxels of `label`, or of any value
    /// but 0.
    ///
    /// # Errors
    /// A file cannot be read, the mask does not lie on the first image's grid, or is empty ([`NothingToSegment`]).
    pub fn read(&self, label: Option<u32>) -> anyhow::Result<(Vec<Volume>, Mask)> {
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
        let inside = |v: f32| label.map_or(v != 0.0, |label| v == label as f32);
        let voxels = truth.values(&VoxelBox::whole(truth.grid().size())).mapv(inside);
        let mask = Mask::new(first.grid().clone(), voxels)?;
        if mask.count() == 0 {
            return Err(NothingToSegment.into());
        }
        Ok((volumes, mask))
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
        std::fs::write(folder.path().join("b/meta.json"), r#"{"modality": ["PT", "CT"]}"#).unwrap();
        let found = find(folder.path(), &[]).unwrap();
        assert_eq!(about(&found), [("a", 1), ("b", 2), ("d", 1)]);
        assert_eq!(found[1].modalities, [Some(Modality::Pt), Some(Modality::Ct)]);
        assert_eq!(find(folder.path(), &["b".to_owned()]).unwrap().len(), 1);

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
