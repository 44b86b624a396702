//! How much files from outside may ask for.

use super::Usage;
use clap::Args;
use isochrone_intake::{Child, Decoder, IntakeError, Limits, ReadOptions};
use isochrone_volume::Volume;
use std::path::Path;
use std::time::Duration;

/// Files are decoded in a child process of this very program, with these limits.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits of decoding")]
pub struct DecodingArgs {
    /// Most memory of a volume's voxels, MiB
    #[arg(long, value_name = "MIB", env = "ISOCHRONE_MAX_VOLUME_MIB", default_value_t = 4096, value_parser = number(1, 1 << 20))]
    pub max_volume_mib: u64,
    /// How many times larger than its file a volume may be, above 512 MiB
    #[arg(long, value_name = "N", env = "ISOCHRONE_MAX_EXPANSION", default_value_t = 200, value_parser = number(1, 100_000))]
    pub max_expansion: u64,
    /// Address space of the process that decodes, above what voxels and files take, MiB
    #[arg(long, value_name = "MIB", env = "ISOCHRONE_DECODE_MEMORY_MIB", default_value_t = 1024, value_parser = number(256, 1 << 20))]
    pub decode_memory_mib: u64,
    /// Its processor time for one image, s
    #[arg(long, value_name = "S", env = "ISOCHRONE_DECODE_CPU_S", default_value_t = 300, value_parser = number(1, 86_400))]
    pub decode_cpu_s: u64,
    /// Its time from start to end, s
    #[arg(long, value_name = "S", env = "ISOCHRONE_DECODE_TIME_S", default_value_t = 120, value_parser = number(1, 86_400))]
    pub decode_time_s: u64,
}

fn number(least: u64, most: u64) -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(least..=most)
}

impl DecodingArgs {
    /// Where files are decoded.
    ///
    /// # Errors
    /// The program does not know where it lies.
    pub fn decoder(&self) -> Result<Decoder, Usage> {
        let program =
            std::env::current_exe().map_err(|e| Usage(format!("the program cannot find itself ({})", e.kind())))?;
        Ok(Decoder::Child(Child {
            program,
            spare_bytes: self.decode_memory_mib << 20,
            cpu: Duration::from_secs(self.decode_cpu_s),
            wall: Duration::from_secs(self.decode_time_s),
        }))
    }

    /// How much a file may ask for.
    pub fn limits(&self) -> Limits {
        Limits { max_voxel_bytes: self.max_volume_mib << 20, max_expansion: self.max_expansion, ..Limits::default() }
    }
}

/// Reads one file in a child process, with the usual limits.
///
/// # Errors
/// As [`Decoder::read`].
pub fn read_isolated(path: &Path, options: &ReadOptions) -> Result<Volume, IntakeError> {
    let program = std::env::current_exe().map_err(|e| IntakeError::NoDecoder(e.kind()))?;
    Ok(Decoder::child(program).read(&[path.to_owned()], options)?.volume)
}
