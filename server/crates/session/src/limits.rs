use std::time::Duration;

/// How much one session may hold, and how long its steps may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Labels.
    pub labels: usize,
    /// Prompts of one label.
    pub prompts: usize,
    /// Points of all prompts, and rows of voxels that they mark: 16 to 32 bytes each.
    pub marks: usize,
    /// Voxels that the prompts of one label mark for certain (strokes, polygons), each counted.
    pub marked_voxels: usize,
    /// Changes of the list of steps, done or undone.
    pub changes: usize,
    /// Bytes of all steps, done or undone, with the snapshots of the masks that they made.
    pub bytes: usize,
    /// How long the computing of one step may take.
    pub step: Duration,
}

/// Bytes of masks of one session that stay unpacked between requests, a byte a voxel; the others are unpacked when
/// they are worked with. In pages without any voxel set, an unpacked mask takes no memory.
pub(crate) const UNPACKED_BYTES: usize = 256 << 20;

/// Labels whose last answer and uncertainty are remembered; those of others are computed again when asked for.
pub(crate) const REMEMBERED: usize = 4;

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            labels: 64,
            prompts: 4096,
            marks: 1 << 23,
            marked_voxels: 8 << 20,
            changes: 4096,
            bytes: 512 << 20,
            step: Duration::from_secs(30),
        }
    }
}
