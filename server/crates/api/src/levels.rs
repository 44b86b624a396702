//! What the house holds, for the page of metrics.

use crate::House;
use crate::house::voxel_bytes;

impl House {
    /// Levels as (name, help, value).
    #[must_use]
    pub fn levels(&self) -> Vec<(&'static str, &'static str, u64)> {
        let volumes = self.volumes.everything();
        let (waiting, running) = self.jobs();
        vec![
            ("isochrone_sessions", "Sessions that are open.", self.sessions.everything().len() as u64),
            ("isochrone_uploads", "Uploads begun.", self.uploads.everything().len() as u64),
            ("isochrone_volumes", "Images held.", volumes.len() as u64),
            ("isochrone_volume_bytes", "Bytes of voxels held.", volumes.iter().map(|v| voxel_bytes(&v.volume)).sum()),
            ("isochrone_jobs_waiting", "Heavy jobs that wait for their turn.", waiting as u64),
            ("isochrone_jobs_running", "Heavy jobs at work.", running as u64),
        ]
    }
}
