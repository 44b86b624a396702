//! Labelled cases on disk.

use anyhow::{Context, bail};
use isochrone_intake::{ReadOptions, read};
use isochrone_volume::{Mask, Modality, Volume, VoxelBox};
use std::path::{Path, PathBuf};

/// An image with the truth about it.
pub struct Case {
    /// Folder or file name.
    pub name: String,
    image: PathBuf,
    mask: PathBuf,
    modality: Option<Modality>,
}

/// The cases of a folder, by name: `CASE/image.nii.gz` with `CASE/mask.nii.gz` (and `CASE/meta.json` that
/// may name the modality), or `CASE_image.nrrd` with `CASE_label.nrrd`. `only`: prefixes, all if empty.
///
/// # Errors
/// The folder cannot be read.
pub fn find(folder: &Path, only: &[String]) -> anyhow::Result<Vec<Case>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|n| n.to_str()) else { continue };
        let case = if path.is_dir() {
            let (image, mask) = (path.join("image.nii.gz"), path.join("mask.nii.gz"));
            Case { name: name.to_owned(), image, mask, modality: modality(&path.join("meta.json")) }
        } else if let Some(name) = name.strip_suffix("_image.nrrd") {
            let mask = path.with_file_name(format!("{name}_label.nrrd"));
            Case { name: name.to_owned(), image: path.clone(), mask, modality: None }
        } else {
            continue;
        };
        let wanted = only.is_empty() || only.iter().any(|prefix| case.name.starts_with(prefix));
        if wanted && case.image.is_file() && case.mask.is_file() {
            found.push(case);
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn modality(meta: &Path) -> Option<Modality> {
    let text = std::fs::read_to_string(meta).ok()?;
    let meta: serde_json::Value = serde_json::from_str(&text).ok()?;
    Modality::from_code(meta.get("modality")?.as_str()?)
}

impl Case {
    /// The image, and the truth (any value but 0) on its grid.
    ///
    /// # Errors
    /// A file cannot be read, or the two differ in size.
    pub fn read(&self) -> anyhow::Result<(Volume, Mask)> {
        let volume = read(&self.image, &ReadOptions { modality: self.modality, ..ReadOptions::default() })?;
        let truth = read(&self.mask, &ReadOptions::default())?;
        if truth.grid().size() != volume.grid().size() {
            bail!("image and mask differ in size");
        }
        let voxels = truth.values(&VoxelBox::whole(truth.grid().size())).mapv(|v| v != 0.0);
        let mask = Mask::new(volume.grid().clone(), voxels)?;
        Ok((volume, mask))
    }
}
