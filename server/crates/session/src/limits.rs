/// How much one session may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Labels.
    pub labels: usize,
    /// Prompts of one label.
    pub prompts: usize,
    /// Points of all prompts, and rows of voxels that they mark: 16 to 32 bytes each.
    pub marks: usize,
    /// Changes of the list of steps, done or undone.
    pub changes: usize,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { labels: 64, prompts: 4096, marks: 1 << 23, changes: 4096 }
    }
}
