//! Images on the command line: files, and DICOM series with what there is to choose.

use super::Usage;
use super::decoding::DecodingArgs;
use super::shared;
use super::suv::ByHandArgs;
use anyhow::{Context, bail};
use clap::Args;
use isochrone_intake::dicom::{SeriesInfo, SeriesSummary, companions};
use isochrone_intake::suv::SuvOptions;
use isochrone_intake::{Image, IntakeError, ReadOptions};
use isochrone_volume::{DAffine3, Modality, Volume};
use std::fmt::Write;
use std::path::{Path, PathBuf};

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
    #[command(flatten)]
    pub by_hand: ByHandArgs,
    #[command(flatten)]
    pub decoding: DecodingArgs,
}

impl ImageArgs {
    /// Another file, with nothing known about it, under the same limits.
    pub fn file(&self, path: &Path) -> Self {
        let (by_hand, decoding) = (ByHandArgs::default(), self.decoding.clone());
        Self { image: path.to_owned(), modality: None, series: None, allow_gaps: false, by_hand, decoding }
    }

    fn options(&self, suv: SuvOptions) -> ReadOptions {
        ReadOptions {
            modality: self.modality,
            series: self.series.clone(),
            blank_gaps: self.allow_gaps,
            suv: SuvOptions { by_hand: self.by_hand.clone().into(), ..suv },
            limits: self.decoding.limits(),
        }
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
        let options = self.options(suv);
        let spinner = shared::spinner(format!("Reading {}", self.image.display()));
        let read = self.decoding.decoder()?.read(std::slice::from_ref(&self.image), &options);
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

/// A second image, and what may be done where it lies in another frame of reference.
#[derive(Debug, Args)]
pub struct CompanionArgs {
    /// A second image that the engine sees too, such as the CT of a PET: a file or series, or the folder of the
    /// study, in which the one series of the same frame of reference is taken. Can be repeated.
    #[arg(long = "with", value_name = "IMAGE")]
    companions: Vec<PathBuf>,
    /// Take a second image as lying in the same place, although it is in another frame of reference or names none.
    #[arg(long)]
    any_frame: bool,
    /// DICOM Spatial Registration that moves a second image from its frame of reference into the image's.
    #[arg(long, value_name = "FILE", conflicts_with = "any_frame")]
    registration: Option<PathBuf>,
}

impl CompanionArgs {
    /// Reads what goes with an image: files or series, or from a study's folder the one series that lies in its frame
    /// of reference.
    ///
    /// # Errors
    /// One cannot be read, lies in another frame of reference where nothing allows that, or the study holds no or several
    /// series that go with the image.
    pub fn load(&self, first: &ImageArgs, of: &Volume, series: Option<&SeriesInfo>) -> anyhow::Result<Vec<Volume>> {
        self.companions.iter().map(|path| self.one(path, first, of, series)).collect()
    }

    fn one(&self, path: &Path, first: &ImageArgs, of: &Volume, series: Option<&SeriesInfo>) -> anyhow::Result<Volume> {
        let mut args = first.file(path);
        if path.is_dir()
            && let Some(series) = series
        {
            args.series = self.chosen(&args, series)?;
        }
        let volume = args.load()?;
        let (from, to) = (volume.frame_of_reference(), of.frame_of_reference());
        if from == to {
            return Ok(volume);
        }
        if let Some(registration) = &self.registration {
            let options = args.options(SuvOptions::default());
            let motion = args.decoding.decoder()?.registration(registration, [from, to], &options);
            let motion = motion.with_context(|| registration.display().to_string())?;
            return Ok(volume.moved(motion, to, "It was moved by a registration")?);
        }
        if self.any_frame {
            return Ok(volume.moved(DAffine3::IDENTITY, to, "Its frame of reference was set aside by --any-frame")?);
        }
        bail!(Usage(format!(
            "{} lies in another frame of reference than the image, or does not say in which: name a DICOM registration of the \
             two with --registration, or add --any-frame if you know that both lie in the same place",
            path.display()
        )))
    }

    /// Which series of a study's folder.
    fn chosen(&self, folder: &ImageArgs, series: &SeriesInfo) -> anyhow::Result<Option<String>> {
        let list = folder
            .decoding
            .decoder()?
            .list(std::slice::from_ref(&folder.image), &folder.options(SuvOptions::default()))?;
        let mut found = companions(&list, series);
        if found.is_empty() && (self.any_frame || self.registration.is_some()) {
            let other = |s: &&SeriesSummary| s.study_uid == series.study_uid && s.modality != series.modality;
            found = list.iter().filter(other).collect();
        }
        let name = folder.image.display();
        match found.as_slice() {
            [one] => Ok(Some(one.choice.clone())),
            [] if list.len() == 1 => Ok(None),
            [] => bail!(Usage(format!("{name} holds no series of this study in the same frame of reference"))),
            _ => bail!(Usage(format!("{name} holds several series that go with the image: name the folder of one"))),
        }
    }
}
