//! The command line: one file a subcommand.

mod audit;
mod bench;
mod cases;
pub mod decoding;
mod demo;
mod engine;
mod evaluate;
mod export;
mod gpu_check;
mod guidance;
mod import;
mod info;
mod measure;
mod model;
pub mod pacs;
mod prompts;
mod segment;
mod series;
pub mod serve;
mod sessions;
mod shared;
mod split;
mod suv;
mod user;

use clap::{Parser, Subcommand};

/// Click-guided 3D segmentation that says which slice to look at next.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Segment a lesion from clicks, strokes, boxes, curves or a gaze
    Segment(segment::SegmentArgs),
    /// Say what an image is and where it lies
    Info(info::InfoArgs),
    /// Measure masks: volume, values, SUV peak, MTV, TLG
    Measure(measure::MeasureArgs),
    /// Turn a mask into DICOM SEG, RTSTRUCT or SR, or another format
    Export(export::ExportArgs),
    /// Find series in a PACS
    Find(pacs::FindArgs),
    /// Store DICOM files in a PACS
    Push(pacs::PushArgs),
    /// Turn a DICOM series into a NIfTI volume
    Import(import::ImportArgs),
    /// What SUV is worked out from
    Suv(suv::SuvArgs),
    /// Write the guidance map of some clicks
    Guidance(guidance::GuidanceArgs),
    /// Look after model bundles
    Model(model::ModelArgs),
    /// Let a simulated reader segment many labelled cases, and score it
    Evaluate(evaluate::EvaluateArgs),
    /// Let a simulated reader segment real lesions over gRPC
    Demo(demo::DemoArgs),
    /// Measure how long a reader waits
    #[command(hide = true)]
    Bench(bench::BenchArgs),
    /// Compare a GPU's masks and times, or OpenVINO's, with the CPU's
    GpuCheck(gpu_check::GpuCheckArgs),
    /// Serve volumes and sessions over gRPC
    Serve(serve::ServeArgs),
    /// Look after sessions that a server keeps
    Sessions(sessions::SessionsArgs),
    /// Look after the accounts of a server
    User(user::UserArgs),
    /// Look into the audit trail of a server
    Audit(audit::AuditArgs),
}

/// A wrong option or setting: ends the program with exit code 64.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

impl Cli {
    /// Runs the chosen subcommand.
    ///
    /// # Errors
    /// [`Usage`] for wrong settings, anything else for what went wrong on the way.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Segment(args) => segment::run(&args),
            Command::Info(args) => info::run(&args),
            Command::Measure(args) => measure::run(&args),
            Command::Export(args) => export::run(&args),
            Command::Find(args) => pacs::find(&args),
            Command::Push(args) => pacs::push(&args),
            Command::Import(args) => import::run(&args),
            Command::Suv(args) => suv::run(&args),
            Command::Guidance(args) => guidance::run(&args),
            Command::Model(args) => model::run(&args),
            Command::Evaluate(args) => evaluate::run(&args),
            Command::Demo(args) => demo::run(&args),
            Command::Bench(args) => bench::run(&args),
            Command::GpuCheck(args) => gpu_check::run(&args),
            Command::Serve(args) => serve::run(args),
            Command::Sessions(args) => sessions::run(args),
            Command::User(args) => user::run(args),
            Command::Audit(args) => audit::run(args),
        }
    }
}
