//! What is played: an image, the lesion in it, and the reader's ground truth.

use super::phantom;
use anyhow::{Context, bail};
use isochrone_intake::{ReadOptions, read};
use isochrone_volume::{Grid, Mask, Modality, VoxelBox};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The demo's three real lesions: file name, what it is, scanner.
const REAL: [(&str, &str, Modality); 3] = [
    ("lung2", "lung tumour, CT", Modality::Ct),
    ("brain1", "brain tumour, MR", Modality::Mr),
    ("lung1", "lung nodule, CT", Modality::Ct),
];

/// One lesion to segment.
pub struct Case {
    /// Short, fit for a file name.
    pub name: String,
    /// What it is.
    pub title: String,
    /// Scanner.
    pub modality: Modality,
    /// The file that is uploaded.
    pub image: PathBuf,
    /// The file with the ground truth.
    pub truth_file: PathBuf,
    /// The lesion.
    pub truth: Mask,
}

/// The real lesions in `folder`; `None` if the folder does not hold them all.
///
/// # Errors
/// A file is there and cannot be read.
pub fn real(folder: &Path) -> anyhow::Result<Option<Vec<Case>>> {
    let file = |name: &str, part: &str| folder.join(format!("{name}_{part}.nrrd"));
    if !REAL.iter().all(|(name, ..)| file(name, "image").is_file() && file(name, "label").is_file()) {
        return Ok(None);
    }
    let case = |&(name, title, modality): &(&str, &str, Modality)| {
        let truth_file = file(name, "label");
        Ok(Case {
            name: name.to_owned(),
            title: title.to_owned(),
            modality,
            image: file(name, "image"),
            truth: lesion(&truth_file)?,
            truth_file,
        })
    };
    REAL.iter().map(case).collect::<anyhow::Result<_>>().map(Some)
}

/// Draws the phantom into `folder` and returns its lesions.
///
/// # Errors
/// The folder cannot be written.
pub fn synthetic(folder: &Path) -> anyhow::Result<Vec<Case>> {
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let phantom = phantom::draw(20)?;
    let image = folder.join("phantom.nii.gz");
    isochrone_export::write_volume(&image, &phantom.image)?;
    let case = |(title, truth): (&str, Mask)| {
        let name = title.replace(' ', "-");
        let truth_file = folder.join(format!("{name}.nii.gz"));
        isochrone_export::write_labels(&truth_file, truth.grid(), &[(1, &truth)])?;
        Ok(Case {
            name,
            title: format!("synthetic {title}, CT"),
            modality: Modality::Ct,
            image: image.clone(),
            truth: lesion(&truth_file)?,
            truth_file,
        })
    };
    phantom.lesions.into_iter().map(case).collect()
}

/// The ground truth in a mask file.
fn lesion(path: &Path) -> anyhow::Result<Mask> {
    let mask = read_mask(path)?;
    if mask.count() == 0 {
        bail!("{} holds no voxel above 0", path.display());
    }
    Ok(mask)
}

/// Reads a mask file: voxels above 0.
///
/// # Errors
/// It cannot be read.
pub fn read_mask(path: &Path) -> anyhow::Result<Mask> {
    let options = ReadOptions { modality: Some(Modality::Other), ..ReadOptions::default() };
    let volume = read(path, &options).with_context(|| path.display().to_string())?;
    let values = volume.values(&VoxelBox::whole(volume.grid().size()));
    Ok(Mask::new(volume.grid().clone(), values.mapv(|v| v > 0.0))?)
}

/// Puts a mask on a grid that must be its own but for rounding.
///
/// # Errors
/// The grids differ by more than a thousandth of a millimetre anywhere.
pub fn on_grid(mask: Mask, grid: &Arc<Grid>) -> anyhow::Result<Mask> {
    let [i, j, k] = grid.size().map(|n| n.saturating_sub(1));
    let far = |c: [usize; 3]| (mask.grid().centre_mm(c) - grid.centre_mm(c)).length() > 1e-3;
    let corners = [[0, 0, 0], [i, 0, 0], [0, j, 0], [0, 0, k], [i, j, k]];
    if mask.grid().size() != grid.size() || corners.into_iter().any(far) {
        bail!("Mask and image do not lie on one grid");
    }
    Ok(Mask::new(grid.clone(), mask.voxels().clone())?)
}
