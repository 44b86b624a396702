use std::io::ErrorKind;

/// Why somebody is not let in, or a file of this crate cannot be used. The text says what to do, and holds
/// neither a token nor a path.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Neither a token nor a certificate.
    #[error(
        "Say who you are: send the header \"authorization: Bearer <token>\". Whoever runs the server makes tokens with `isochrone user add`"
    )]
    Unknown,
    /// A token that is no good: malformed, unknown, taken back, expired, of another audience.
    #[error("This token is not good here (unknown, taken back or expired). Ask whoever runs the server for a new one")]
    Refused,
    /// A log-in service knows them, but gave them no role here.
    #[error("Your account has no role on this server. Ask whoever runs the log-in service for one of its roles")]
    NoRole,
    /// A name that cannot be used.
    #[error("{0}")]
    Name(&'static str),
    /// There is such a user already.
    #[error("There is a user of this name already. Remove it first, or choose another name")]
    Exists,
    /// There is no such user.
    #[error("There is no user of this name; `isochrone user list` shows those there are")]
    Absent,
    /// Others than the owner may read or write the file.
    #[error("{0} can be read or changed by other users of this machine. Run: chmod 600 on it, then try again")]
    Exposed(&'static str),
    /// A file that cannot be understood.
    #[error("{0} is damaged: {1}")]
    Damaged(&'static str, String),
    /// A file that cannot be read or written.
    #[error("{0} cannot be read or written ({1})")]
    File(&'static str, ErrorKind),
}
