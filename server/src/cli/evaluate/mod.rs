//! `isochrone evaluate`: a simulated reader over many cases, through the server's own session code.

mod groups;
mod play;
mod reliability;
mod replay;
mod report;
mod slices;
mod whole;

use super::cases::{self, About, Case, Target, Wanted};
use super::engine::EngineArgs;
use super::{shared, split};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use isochrone_robot::Reader;
use isochrone_segment::{Channel, Estimator, Segmenter};
use isochrone_session::{Session, SessionLimits};
use isochrone_volume::Mask;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Plays a simulated reader over labelled cases and writes what came of every click.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Folder of cases: CASE/image.nii.gz (or image_0000.nii.gz, image_0001.nii.gz …) and CASE/mask.nii.gz,
    /// CASE_image.nrrd and CASE_label.nrrd, nnU-Net's imagesTr and labelsTr, or AutoPET's PATIENT/STUDY/SUV.nii.gz and
    /// SEG.nii.gz.
    #[arg(long)]
    cases: PathBuf,
    /// Only cases whose name begins so; can be repeated.
    #[arg(long, value_name = "PREFIX")]
    only: Vec<String>,
    /// A file of lists of cases by use, such as validate = ["a", "b"]; with --part, only those are played.
    #[arg(long, value_name = "SPLIT.TOML", requires = "part")]
    split: Option<PathBuf>,
    /// Which list of --split.
    #[arg(long, requires = "split")]
    part: Option<String>,
    /// The value of the lesion in the masks; any but 0 if left out.
    #[arg(long)]
    label: Option<u32>,
    /// Each value of a mask is a target of its own, named CASE/VALUE.
    #[arg(long, conflicts_with = "label")]
    each_label: bool,
    /// With --each-label: leave out labels of less than so many mL.
    #[arg(long, value_name = "ML", default_value_t = 0.1)]
    least_ml: f64,
    /// With --each-label: of these groups (`group` in meta.json) all labels together are one more target, CASE/whole.
    #[arg(long, value_delimiter = ',', value_name = "GROUPS", requires = "each_label")]
    whole_of: Vec<String>,
    /// Who clicks: centre, uncertain, edt, uniform, boundary, perturbed or long-axis.
    #[arg(long, default_value = "centre")]
    reader: Reader,
    /// Instead of a reader: the clicks of an earlier evaluation (its clicks.csv).
    #[arg(long, value_name = "CLICKS.CSV")]
    replay: Option<PathBuf>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Clicks a case.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    clicks: u16,
    /// Stochastic samples for uncertainty.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    samples: u16,
    /// Clicks after which the uncertainty is compared with the actual error, such as 1,3,5; costs time.
    #[arg(long, value_delimiter = ',', value_name = "CLICKS")]
    uncertainty: Vec<u16>,
    /// Where uncertainty comes from; the engine's usual way if left out. Several are compared.
    #[arg(long, value_delimiter = ',', value_enum)]
    estimators: Vec<EstimatorName>,
    /// Also compare proposed slices with random ones and with an oracle, over this many slices.
    #[arg(long, value_name = "SLICES")]
    proposals: Option<u16>,
    /// Random readers of that comparison.
    #[arg(long, default_value_t = 3)]
    random_readers: u64,
    /// Also look every volume over without a click, and compare what the network then predicts with the truth.
    #[arg(long)]
    sweep: bool,
    /// Cases at a time; one a core if left out.
    #[arg(long)]
    jobs: Option<usize>,
    #[command(flatten)]
    engine: EngineArgs,
    /// Where clicks.csv, summary.json and the rest go.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EstimatorName {
    /// Monte-Carlo dropout.
    Dropout,
    /// Mirrored regions.
    Augmentation,
    /// The bundle's error graph.
    ErrorHead,
}

impl EstimatorName {
    fn estimator(self) -> Estimator {
        match self {
            Self::Dropout => Estimator::Dropout,
            Self::Augmentation => Estimator::Augmentation,
            Self::ErrorHead => Estimator::ErrorHead,
        }
    }
}

/// A case that is being played.
struct Table<'a> {
    engine: Arc<dyn Segmenter>,
    args: &'a EvaluateArgs,
    channels: Vec<Channel>,
    truth: Mask,
    /// Clicks to be made, whatever comes of them.
    given: Option<Vec<isochrone_robot::Click>>,
}

/// What came of one target.
struct Played {
    name: String,
    about: About,
    /// Modalities of the channels, such as `PT+CT`.
    modality: String,
    clicks: Vec<play::Row>,
    looks: Vec<reliability::Look>,
    slices: Vec<slices::Walk>,
    whole: Option<whole::Whole>,
}

impl<'a> Table<'a> {
    fn new(
        target: Target,
        channels: &[Channel],
        engine: &Arc<dyn Segmenter>,
        args: &'a EvaluateArgs,
        replay: Option<&replay::Clicks>,
    ) -> anyhow::Result<Self> {
        let given = replay.map(|clicks| clicks.get(&target.name).cloned().unwrap_or_default());
        let engine = args.engine.for_session(engine)?;
        Ok(Self { engine, args, channels: channels.to_vec(), truth: target.truth, given })
    }

    /// A fresh session with one label.
    fn session(&self) -> anyhow::Result<(Session, u32)> {
        let mut session = Session::open(self.engine.clone(), &self.channels, self.args.seed, SessionLimits::default())?;
        let label = session.add_label("lesion")?.label.context("The session gave the label no number")?;
        Ok((session, label))
    }

    fn modality(&self) -> String {
        self.channels.iter().map(|c| c.volume.modality().code()).collect::<Vec<_>>().join("+")
    }

    /// Voxel sides along `k`, `j`, `i`, mm.
    fn spacing_kji_mm(&self) -> [f32; 3] {
        let [i, j, k] = self.truth.grid().spacing_mm().map(|s| s as f32);
        [k, j, i]
    }
}

/// Plays all cases, writes the files and prints the tables.
///
/// # Errors
/// No case, an engine that cannot be loaded or does not offer what is asked for; after everything is written, cases that
/// could not be read or segmented.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<()> {
    let mut found = cases::find(&args.cases, &args.only)?;
    if let (Some(path), Some(part)) = (&args.split, &args.part) {
        let names = split::read(path, part)?;
        found.retain(|case| names.contains(&case.name));
    }
    if found.is_empty() {
        bail!(
            "{} holds no case: a case is a folder with image.nii.gz and mask.nii.gz, imagesTr and labelsTr, or a patient's \
             studies with SUV.nii.gz and SEG.nii.gz",
            args.cases.display()
        );
    }
    let replay = args.replay.as_deref().map(replay::read).transpose()?;
    let engine = args.engine.load()?;
    if args.sweep && !engine.sweep_policy().is_some_and(|policy| policy.predicts) {
        bail!(
            "the engine makes no prediction without a click (a bundle says zero_click = true under [sweep] if it does); \
             leave --sweep out"
        );
    }
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    let bar = shared::bar(found.len() as u64, "Cases".to_owned());
    let jobs = args
        .jobs
        .map_or_else(std::thread::available_parallelism, |n| Ok(NonZeroUsize::new(n).unwrap_or(NonZeroUsize::MIN)))?;
    // Threads of their own: on rayon's, one that waits within a case would take up another case, and time that too.
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let play = || {
        while let Some((n, case)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|n| Some((n, found.get(n)?))) {
            let outcome = one(case, &engine, args, replay.as_ref());
            outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((n, case.name.as_str(), outcome));
            bar.inc(1);
        }
    };
    std::thread::scope(|scope| (0..jobs.get()).for_each(|_| drop(scope.spawn(play))));
    bar.finish_and_clear();
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(n, ..)| *n);
    let (mut played, mut empty, mut failed) = (Vec::new(), 0, Vec::new());
    for (_, name, outcome) in outcomes {
        match outcome {
            Ok(targets) => played.extend(targets),
            Err(error) if error.is::<cases::NothingToSegment>() => empty += 1,
            Err(error) => failed.push(format!("{name}: {error:#}")),
        }
    }
    if !played.is_empty() {
        for (file, text) in report::files(&played, &engine.describe(), args)? {
            std::fs::write(args.out.join(file), text)?;
        }
        shared::print(&report::tables(&played))?;
    }
    if empty > 0 {
        shared::print(&format!("\n{empty} of {} cases have no lesion and were left out\n", found.len()))?;
    }
    if !failed.is_empty() {
        bail!("{} of {} cases could not be played:\n{}", failed.len(), found.len(), failed.join("\n"));
    }
    if played.is_empty() {
        bail!("no case has a lesion, so nothing was played");
    }
    Ok(())
}

fn one(
    case: &Case,
    engine: &Arc<dyn Segmenter>,
    args: &EvaluateArgs,
    replay: Option<&replay::Clicks>,
) -> anyhow::Result<Vec<Played>> {
    let wanted = match (args.each_label, args.label) {
        (true, _) => Wanted::EachLabel { least_ml: args.least_ml, whole: args.whole_of.contains(&case.about.group) },
        (false, Some(label)) => Wanted::Label(label),
        (false, None) => Wanted::Anything,
    };
    let (volumes, targets) = case.read(wanted)?;
    let channels: Vec<Channel> = volumes.into_iter().map(|v| Channel { volume: Arc::new(v) }).collect();
    let played = targets.into_iter().map(|target| {
        let name = target.name.clone();
        let table = Table::new(target, &channels, engine, args, replay)?;
        let (clicks, looks) = play::play(&table)?;
        let slices = match args.proposals {
            Some(turns) => slices::compare(&table, usize::from(turns))?,
            None => Vec::new(),
        };
        let whole = args.sweep.then(|| whole::look(&table)).transpose()?;
        Ok(Played { name, about: case.about.clone(), modality: table.modality(), clicks, looks, slices, whole })
    });
    played.collect()
}
