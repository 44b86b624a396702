//! `isochrone suv explain`: every value that SUV is worked out from, where it comes from, and what becomes of it.

use super::series::ImageArgs;
use super::shared;
use anyhow::bail;
use clap::{Args, Subcommand};
use isochrone_intake::suv::{SuvByHand, SuvKind, SuvOptions, SuvReport, SuvUse};

/// What SUV is worked out from.
#[derive(Debug, Args)]
pub struct SuvArgs {
    #[command(subcommand)]
    command: SuvCommand,
}

#[derive(Debug, Subcommand)]
enum SuvCommand {
    /// Print every value, where it comes from, and the factor or what is missing
    Explain(ExplainArgs),
}

#[derive(Debug, Args)]
struct ExplainArgs {
    #[command(flatten)]
    image: ImageArgs,
    /// Which SUV: bw (body weight), lbm-janma, lbm-james or bsa.
    #[arg(long, value_parser = kind, default_value = "bw")]
    suv_kind: SuvKind,
    /// Machine-readable.
    #[arg(long)]
    json: bool,
}

/// Values that you know better than the files; recorded as set by hand, in exports too.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "PET, set by hand")]
pub struct ByHandArgs {
    /// Body weight, kg.
    #[arg(long, value_name = "KG")]
    weight: Option<f64>,
    /// Body height, m.
    #[arg(long, value_name = "M")]
    height: Option<f64>,
    /// M or F.
    #[arg(long)]
    sex: Option<String>,
    /// Injected dose, MBq.
    #[arg(long, value_name = "MBQ")]
    dose: Option<f64>,
    /// Half-life of the nuclide, s.
    #[arg(long, value_name = "S")]
    half_life: Option<f64>,
    /// When it was injected.
    #[arg(long, value_name = "YYYYMMDDHHMMSS")]
    injected_at: Option<String>,
    /// The time to which the voxels are decay-corrected.
    #[arg(long, value_name = "YYYYMMDDHHMMSS")]
    scan_at: Option<String>,
}

impl From<ByHandArgs> for SuvByHand {
    fn from(args: ByHandArgs) -> Self {
        Self {
            weight_kg: args.weight,
            height_m: args.height,
            sex: args.sex,
            dose_bq: args.dose.map(|mbq| mbq * 1e6),
            half_life_s: args.half_life,
            injected_at: args.injected_at,
            scan_at: args.scan_at,
        }
    }
}

/// Reads a kind of SUV for clap.
///
/// # Errors
/// Any other word.
pub fn kind(text: &str) -> Result<SuvKind, String> {
    match text {
        "bw" => Ok(SuvKind::BodyWeight),
        "lbm-janma" => Ok(SuvKind::LeanJanmahasatian),
        "lbm-james" => Ok(SuvKind::LeanJames),
        "bsa" => Ok(SuvKind::BodySurface),
        _ => Err(format!("{text:?} is no kind of SUV: write bw, lbm-janma, lbm-james or bsa")),
    }
}

/// Prints the explanation; fails if SUV cannot be worked out.
///
/// # Errors
/// The series cannot be read, is no PET, or SUV is refused.
pub fn run(args: &SuvArgs) -> anyhow::Result<()> {
    let SuvCommand::Explain(args) = &args.command;
    let suv = SuvOptions { wanted: SuvUse::Auto, kind: args.suv_kind, ..SuvOptions::default() };
    let image = args.image.load_with(suv)?;
    let Some(report) = image.series.and_then(|s| s.suv) else {
        bail!("This is no DICOM PET series: SUV has no meaning for it")
    };
    shared::print(&if args.json { serde_json::to_string_pretty(&report)? + "\n" } else { as_text(&report) })?;
    match report.refusal {
        Some(why) => bail!("SUV cannot be worked out: {why}"),
        None => Ok(()),
    }
}

fn as_text(report: &SuvReport) -> String {
    let mut lines: Vec<String> =
        report.values.iter().map(|v| format!("{:<18} {:<32} {}", v.name, v.value, v.from)).collect();
    lines.extend(report.warnings.iter().map(|w| format!("{:<18} {w}", "warning")));
    if let Some(scale) = report.scale {
        lines.push(format!("{:<18} SUV = value · {scale:.6e}", "result"));
    }
    lines.push(String::new());
    lines.join("\n")
}
