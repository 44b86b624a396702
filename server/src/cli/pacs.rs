//! `isochrone find` and `isochrone push`, and the options that name a PACS.

use super::{Usage, shared};
use anyhow::Context;
use clap::Args;
use isochrone_intake::dicomweb::{Auth, Pacs, PacsConfig, SeriesQuery};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

/// Which PACS there are, and how they know us.
#[derive(Debug, Args, Default, Clone)]
pub struct PacsArgs {
    /// A PACS that may be used, by DICOMweb: https anywhere, http on this machine alone. Can be repeated
    #[arg(long = "pacs", value_name = "NAME=URL", env = "ISOCHRONE_PACS", value_delimiter = ',')]
    servers: Vec<PacsConfig>,
    /// File with its credentials, one line: USER:PASSWORD, or Bearer TOKEN. Only you should be able to read it
    #[arg(long = "pacs-auth", value_name = "NAME=FILE", env = "ISOCHRONE_PACS_AUTH", value_delimiter = ',')]
    credentials: Vec<String>,
    /// File with the hospital's certificate authorities in PEM, trusted for this PACS instead of the public ones
    #[arg(long = "pacs-ca", value_name = "NAME=FILE", env = "ISOCHRONE_PACS_CA", value_delimiter = ',')]
    authorities: Vec<String>,
}

impl PacsArgs {
    /// Clients of all that are named. Nothing is sent yet.
    ///
    /// # Errors
    /// A name that is given twice, a file that cannot be used.
    pub fn load(&self) -> Result<Vec<Arc<Pacs>>, Usage> {
        let mut configs = self.servers.clone();
        for (n, config) in configs.iter().enumerate() {
            if configs.iter().take(n).any(|c| c.name == config.name) {
                return Err(Usage(format!("--pacs: the name {:?} is given twice", config.name)));
            }
        }
        for (option, entries) in [("--pacs-auth", &self.credentials), ("--pacs-ca", &self.authorities)] {
            for entry in entries {
                let (name, path) = entry.split_once('=').ok_or_else(|| Usage(format!("{option}: write NAME=FILE")))?;
                let config = configs.iter_mut().find(|c| c.name == name);
                let config = config.ok_or_else(|| Usage(format!("{option}: there is no --pacs {name}=…")))?;
                let bytes =
                    std::fs::read(path).map_err(|e| Usage(format!("{option} {name}: {path} cannot be read: {e}")))?;
                if option == "--pacs-ca" {
                    config.authorities_pem = Some(bytes);
                } else {
                    let text = String::from_utf8_lossy(&bytes);
                    config.auth = text.parse::<Auth>().map_err(|e| Usage(e.to_string()))?;
                }
            }
        }
        configs.into_iter().map(|c| Pacs::new(c).map(Arc::new).map_err(|e| Usage(e.to_string()))).collect()
    }

    /// The one that a command works with.
    fn only(&self) -> Result<Arc<Pacs>, Usage> {
        match self.load()?.as_slice() {
            [one] => Ok(one.clone()),
            _ => Err(Usage("name one PACS: --pacs NAME=https://HOST/PATH".to_owned())),
        }
    }
}

/// Finds series in a PACS.
#[derive(Debug, Args)]
pub struct FindArgs {
    #[command(flatten)]
    pacs: PacsArgs,
    /// Patient ID.
    #[arg(long, default_value = "")]
    patient_id: String,
    /// Patient's name; * and ? stand for what is not known.
    #[arg(long, default_value = "")]
    patient_name: String,
    /// Day, or days from-to: 20250131, 20250101-20250131.
    #[arg(long, default_value = "")]
    study_date: String,
    /// Accession number.
    #[arg(long, default_value = "")]
    accession: String,
    /// Modality, such as CT or SEG.
    #[arg(long, default_value = "")]
    modality: String,
    /// Study Instance UID.
    #[arg(long, default_value = "")]
    study: String,
    /// At most so many.
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Machine-readable.
    #[arg(long)]
    json: bool,
}

/// Prints what was found.
///
/// # Errors
/// The PACS cannot be asked.
pub fn find(args: &FindArgs) -> anyhow::Result<()> {
    let pacs = args.pacs.only()?;
    let query = SeriesQuery {
        patient_id: args.patient_id.clone(),
        patient_name: args.patient_name.clone(),
        study_date: args.study_date.clone(),
        accession_number: args.accession.clone(),
        modality: args.modality.clone(),
        study_uid: args.study.clone(),
        series_uid: String::new(),
        limit: args.limit,
    };
    let spinner = shared::spinner(format!("Asking {}", pacs.name()));
    let found = pacs.find_series(&query);
    spinner.finish_and_clear();
    let found = found?;
    let mut report = if args.json {
        let all: Vec<_> = found
            .iter()
            .map(|s| {
                json!({
                    "study_uid": s.study_uid, "series_uid": s.series_uid, "modality": s.modality,
                    "series_description": s.series_description, "series_number": s.series_number,
                    "instances": s.instances, "study_date": s.study_date, "study_description": s.study_description,
                    "accession_number": s.accession_number, "patient_id": s.patient_id, "patient_name": s.patient_name,
                })
            })
            .collect();
        serde_json::to_string_pretty(&all)?
    } else if found.is_empty() {
        "no series matches".to_owned()
    } else {
        let row = |s: &isochrone_intake::dicomweb::FoundSeries| {
            format!(
                "{:<9} {:<4} {:>5}  {}, {}: {} / {}\n          study {}\n          series {}",
                s.study_date,
                s.modality,
                s.instances,
                s.patient_name,
                s.patient_id,
                s.study_description,
                s.series_description,
                s.study_uid,
                s.series_uid
            )
        };
        found.iter().map(row).collect::<Vec<_>>().join("\n")
    };
    report.push('\n');
    Ok(shared::print(&report)?)
}

/// Stores DICOM files in a PACS.
#[derive(Debug, Args)]
pub struct PushArgs {
    #[command(flatten)]
    pacs: PacsArgs,
    /// DICOM files, such as those of `isochrone export`.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Stores one file after the other.
///
/// # Errors
/// A file cannot be read or is not DICOM, or the PACS does not take it.
pub fn push(args: &PushArgs) -> anyhow::Result<()> {
    let pacs = args.pacs.only()?;
    let bar = shared::bar(args.files.len() as u64, "Storing".to_owned());
    for path in &args.files {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        anyhow::ensure!(bytes.get(128..132) == Some(b"DICM"), "{}: this is not a DICOM file", path.display());
        pacs.store(&[&bytes]).with_context(|| path.display().to_string())?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    println!("{} stored in {}", args.files.len(), pacs.name());
    Ok(())
}
