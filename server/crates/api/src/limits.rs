//! Every size, count and time that bounds what a client can ask for.

use isochrone_session::SessionLimits;
use std::time::Duration;

/// What the server holds and takes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Volumes held at once.
    pub volumes: usize,
    /// The same of one owner.
    pub volumes_each: usize,
    /// Bytes of voxels held at once.
    pub volume_bytes: u64,
    /// The same of one user, where there are accounts.
    pub volume_bytes_each: u64,
    /// What one image file may ask for.
    pub file: isochrone_intake::Limits,
    /// Where files are decoded; a server takes a child process.
    pub decoder: isochrone_intake::Decoder,
    /// Uploads begun and not finished.
    pub uploads: usize,
    /// The same of one owner.
    pub uploads_each: usize,
    /// Bytes of one upload.
    pub upload_bytes: u64,
    /// Bytes of all uploads of one user that are under way, where there are accounts.
    pub upload_bytes_each: u64,
    /// Bytes of one chunk, up and down.
    pub chunk_bytes: usize,
    /// How long an upload may lie untouched before it is forgotten and its file deleted, within seconds after that.
    pub upload_idle: Duration,
    /// Sessions open at once. Where sessions are kept, the one that was idle for longest makes room for another.
    pub sessions: usize,
    /// The same of one owner.
    pub sessions_each: usize,
    /// What one session may hold.
    pub session: SessionLimits,
    /// Volumes of one session.
    pub channels: usize,
    /// Prompts of one request.
    pub prompts: usize,
    /// Points, vertices and gaze samples of the prompts of one request.
    pub points: usize,
    /// Samples of one request.
    pub samples: u32,
    /// Samples where the request names no number.
    pub default_samples: u32,
    /// Proposals of one request.
    pub proposals: u32,
    /// Proposals where the request names no number.
    pub default_proposals: u32,
    /// Slices of one interpolation.
    pub slices: usize,
    /// Characters of a label's name.
    pub label_name: usize,
    /// Bytes of a path.
    pub path_bytes: usize,
    /// Heavy jobs (masks, samples, files) at once; the others wait.
    pub jobs: usize,
    /// The same of one user, in sessions, and as many outside of them; without accounts, of one session.
    pub jobs_each: usize,
    /// After so long a request that waits is told where it stands.
    pub told_after: Duration,
    /// Users who may look at one session, beside its owner.
    pub viewers: usize,
    /// Connections and messages.
    pub transport: TransportLimits,
}

/// What the connection allows.
#[derive(Debug, Clone)]
pub struct TransportLimits {
    /// Bytes of one message to the server.
    pub message_bytes: usize,
    /// Bytes of one request's headers.
    pub header_bytes: u32,
    /// Requests at once on one connection.
    pub streams: u32,
    /// How long a request may take until its first answer.
    pub request: Duration,
    /// How often a silent connection is asked whether it is still there.
    pub keepalive_interval: Duration,
    /// How long it may take to say so.
    pub keepalive_timeout: Duration,
    /// How long requests in hand may take after the signal to stop.
    pub drain: Duration,
    /// Connections open at once; more are closed as they come.
    pub connections: usize,
    /// How long a new connection may take over its first words (and over the TLS handshake).
    pub greeting: Duration,
    /// Connections at once whose clients have not begun to speak.
    pub silent: usize,
    /// Connections at once whose clients have not logged in, of those that are open: the others are kept for users.
    pub strangers: usize,
    /// The same from one address.
    pub strangers_each: usize,
    /// How long a connection may take to its first answered request.
    pub log_in: Duration,
    /// Streams that a client may reset before the server has taken them up.
    pub resets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            volumes: 256,
            volumes_each: 128,
            volume_bytes: 16 << 30,
            volume_bytes_each: 6 << 30,
            file: isochrone_intake::Limits::default(),
            decoder: isochrone_intake::Decoder::default(),
            uploads: 16,
            uploads_each: 8,
            upload_bytes: 4 << 30,
            upload_bytes_each: 6 << 30,
            chunk_bytes: 2 << 20,
            upload_idle: Duration::from_secs(50),
            sessions: 256,
            sessions_each: 128,
            session: SessionLimits::default(),
            channels: 8,
            prompts: 256,
            points: 100_000,
            samples: 64,
            default_samples: 8,
            proposals: 64,
            default_proposals: 3,
            slices: 4096,
            label_name: 128,
            path_bytes: 4096,
            jobs: 16,
            jobs_each: 2,
            told_after: Duration::from_millis(300),
            viewers: 64,
            transport: TransportLimits::default(),
        }
    }
}

impl Default for TransportLimits {
    fn default() -> Self {
        Self {
            message_bytes: 16 << 20,
            header_bytes: 16 << 10,
            streams: 64,
            request: Duration::from_secs(300),
            keepalive_interval: Duration::from_secs(15),
            keepalive_timeout: Duration::from_secs(10),
            drain: Duration::from_secs(20),
            connections: 512,
            greeting: Duration::from_secs(10),
            silent: 256,
            strangers: 128,
            strangers_each: 64,
            log_in: Duration::from_secs(20),
            resets: 64,
        }
    }
}
