//! Images on the command line: files, and DICOM series with what there is to choose.

use super::Usage;
use super::shared;
use anyhow::{Context, bail};
use clap::Args;
use isochrone_intake::dicom::{SeriesInfo, SeriesSummary, companions};
use isochrone_intake::suv::SuvOptions;
use isochrone_intake::{Decoder, Image, IntakeError, ReadOptions};
use isochrone_volume::{Modality, Volume};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Files are decoded in a child process of this very program.
///
/// # Errors
/// The program does not know where it lies.
pub fn decoder() -> Result<Decoder, Usage> {
    let program = std::env::current_exe();
    program.map(Decoder::child).map_err(|e| Usage(format!("the program cannot find itself ({})", e.kind())))
}

/// Which image.
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// NIfTI (.nii, .nii.gz), NRRD (.nrrd, .nhdr), or a DICOM series: its folder, a ZIP archive, a multi-frame file.
    pub image: PathBuf,
    /// CT, MR or PT, if you know better than the file.
    #[arg(long, value_parser = shared::modality)]
    pub modality: Option<Modality>,
    /// Which series of a folder that holds several: its UID, or its number in the list that is shown.
    #[arg(long, value_name = "UID|N")]
    pub series: Option<String>,
    /// Leave missing slices blank instead of refusing the series.
    #[arg(long)]
    pub allow_gaps: bool,
}

impl ImageArgs {
    /// One file, with nothing known about it.
    pub fn file(path: &Path) -> Self {
        Self { image: path.to_owned(), modality: None, series: None, allow_gaps: false }
    }

    /// Reads the image.
    ///
    /// # Errors
    /// As [`Decoder::read`], with the path in front; several series: the list of them.
    pub fn load(&self) -> anyhow::Result<Volume> {
        Ok(self.load_with(SuvOptions::default())?.volume)
    }

    /// Reads the image, with a say in what becomes of PET values.
    ///
    /// # Errors
    /// As [`ImageArgs::load`].
    pub fn load_with(&self, suv: SuvOptions) -> anyhow::Result<Image> {
        let options = ReadOptions {
            modality: self.modality,
            series: self.series.clone(),
            blank_gaps: self.allow_gaps,
            suv,
            ..ReadOptions::default()
        };
        let spinner = shared::spinner(format!("Reading {}", self.image.display()));
        let read = decoder()?.read(std::slice::from_ref(&self.image), &options);
        spinner.finish_and_clear();
        match read {
            Err(IntakeError::Choose(list)) => bail!(Usage(self.choices(&list))),
            other => other.with_context(|| self.image.display().to_string()),
        }
    }

    fn choices(&self, list: &[SeriesSummary]) -> String {
        let mut text = format!("{} holds {} series. Name one with --series:", self.image.display(), list.len());
        for (n, series) in list.iter().enumerate() {
            let described = if series.description.is_empty() { "no description" } else { &series.description };
            // Writing into a string cannot fail.
            let _ = write!(
                text,
                "\n  --series {}   {} ({described})\n             {}",
                n + 1,
                series.line(),
                series.choice
            );
        }
        text
    }
}

/// Reads what goes with an image: a file or series, or from a study's folder the one series that lies in its frame of
/// reference.
///
/// # Errors
/// It cannot be read, it lies in another frame of reference and `any_frame` is not set, or the study holds no or several
/// series that go with the image.
pub fn companion(path: &Path, of: &Volume, series: Option<&SeriesInfo>, any_frame: bool) -> anyhow::Result<Volume> {
    let mut args = ImageArgs::file(path);
    if path.is_dir()
        && let Some(series) = series
    {
        let list = decoder()?.list(&[path.to_owned()], &ReadOptions::default())?;
        let found = companions(&list, series);
        args.series = match found.as_slice() {
            [one] => Some(one.choice.clone()),
            [] if list.len() == 1 => None,
            [] => {
                bail!(Usage(format!("{} holds no series of this study in the same frame of reference", path.display())))
            }
            _ => bail!(Usage(format!(
                "{} holds several series that go with the image: name the folder of one",
                path.display()
            ))),
        };
    }
    let volume = args.load()?;
    if !any_frame && volume.frame_of_reference() != of.frame_of_reference() {
        bail!(Usage(format!(
            "{} lies in another frame of reference than the image, or does not say in which: register it first, or add --any-frame \
             if you know that both lie in the same place",
            path.display()
        )));
    }
    Ok(volume)
}
