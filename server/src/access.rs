//! Who may reach the server, and how it is told that they may.

use crate::cli::Usage;
use crate::state::StateFolder;
use crate::transport::{Collector, CollectorArgs, Tls, TlsFiles};
use clap::Args;
use isochrone_api::{Door, Origins, Vault};
use isochrone_trust::audit::Trail;
use isochrone_trust::{Directory, Oidc, OidcSettings};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Options about accounts and transport.
#[derive(Debug, Clone, Args)]
pub struct AccessArgs {
    /// Folder of sessions, accounts and audit trail; without it, nobody has to log in and nothing is kept
    #[arg(long, value_name = "DIR", env = "ISOCHRONE_STATE")]
    pub state: Option<PathBuf>,
    #[command(flatten)]
    pub tls: TlsFiles,
    #[command(flatten)]
    pub collector: CollectorArgs,
    /// Log-in service (OpenID Connect): its name in its tokens
    #[arg(long, value_name = "URL", env = "ISOCHRONE_OIDC_ISSUER", requires = "oidc_jwks")]
    pub oidc_issuer: Option<String>,
    /// Log-in service: file of its public keys (JWKS), read anew when it changes
    #[arg(long, value_name = "FILE", env = "ISOCHRONE_OIDC_JWKS", requires = "oidc_issuer")]
    pub oidc_jwks: Option<PathBuf>,
    /// Log-in service: our name in its tokens
    #[arg(long, value_name = "NAME", env = "ISOCHRONE_OIDC_AUDIENCE", default_value = "isochrone")]
    pub oidc_audience: String,
    /// Log-in service: the claim that names roles (reader, study-lead, admin)
    #[arg(long, value_name = "CLAIM", env = "ISOCHRONE_OIDC_ROLE_CLAIM", default_value = "roles")]
    pub oidc_role_claim: String,
    /// Web page that may use the server, such as https://viewer.example; may be repeated
    #[arg(long, value_name = "ORIGIN", env = "ISOCHRONE_ALLOW_ORIGIN", value_delimiter = ',')]
    pub allow_origin: Vec<String>,
}

/// The same, checked.
pub struct Access {
    /// TLS, if there is any.
    pub tls: Option<Tls>,
    /// How people say who they are.
    pub door: Door,
    /// Which web pages and host names are listened to.
    pub origins: Origins,
    /// Where events are written, if anywhere.
    pub trail: Option<Arc<Trail>>,
    /// Where the trail is sent, if anywhere, and its file.
    pub collector: Option<(Collector, PathBuf)>,
    /// Where sessions are kept, if anywhere.
    pub vault: Option<Vault>,
}

impl Access {
    /// What holds for an address.
    ///
    /// # Errors
    /// [`Usage`]: an address that others can reach, without TLS or without accounts; a file that is no good.
    pub fn new(args: AccessArgs, listen: SocketAddr) -> Result<Self, Usage> {
        let loopback = listen.ip().is_loopback();
        let state = args.state.as_deref().map(StateFolder::open).transpose()?;
        let tls = Tls::new(args.tls)?;
        let oidc = match (args.oidc_issuer, args.oidc_jwks) {
            (Some(issuer), Some(jwks)) => {
                let (audience, role_claim) = (args.oidc_audience, args.oidc_role_claim);
                let settings = OidcSettings { issuer, audience, jwks, role_claim };
                Some(Oidc::open(settings).map_err(|e| Usage(format!("--oidc-jwks: {e}")))?)
            }
            _ => None,
        };
        let users = state.as_ref().map(StateFolder::users).filter(|users| users.exists() || oidc.is_some());
        let door = match (users, oidc) {
            (None, None) => {
                if let Some(state) = state.as_ref().filter(|s| s.had_accounts()) {
                    return Err(Usage(format!(
                        "--state: this folder has had accounts, and {} is not there any more. Without it everybody on this \
                         machine could see all sessions. Put it back from a backup, or make accounts with `isochrone user add`",
                        state.users().file_name().and_then(|n| n.to_str()).unwrap_or_default()
                    )));
                }
                Door::Open
            }
            (None, Some(_)) => return Err(Usage("--oidc-issuer needs --state too, for the audit trail".to_owned())),
            (Some(users), oidc) => {
                let directory = Directory::open(users).map_err(|e| Usage(format!("--state: {e}")))?;
                let nobody = directory.is_empty().map_err(|e| Usage(format!("--state: {e}")))?;
                if nobody && oidc.is_none() && !loopback {
                    return Err(unsafe_address(listen));
                }
                Door::Accounts { directory: Arc::new(directory), oidc: oidc.map(Box::new) }
            }
        };
        if !loopback && (tls.is_none() || matches!(door, Door::Open)) {
            return Err(unsafe_address(listen));
        }
        let collector = Collector::new(args.collector)?;
        let collector = match (collector, &state) {
            (None, _) => None,
            (Some(collector), Some(state)) => Some((collector, state.audit())),
            (Some(_), None) => return Err(Usage("--syslog needs --state too: the audit trail lies there".to_owned())),
        };
        let (mut trail, mut vault) = (None, None);
        if let Some(state) = state {
            trail = Some(Arc::new(Trail::open(&state.audit()).map_err(|e| Usage(format!("--state: {e}")))?));
            let open = Vault::open(state.path()).map_err(|e| Usage(format!("--state: {e}")))?;
            if let Err(error) = open.sweep() {
                tracing::warn!("images that no session needs were not deleted: {error}");
            }
            vault = Some(open);
        }
        Ok(Self { tls, door, origins: Origins { allowed: args.allow_origin, loopback }, trail, collector, vault })
    }
}

fn unsafe_address(listen: SocketAddr) -> Usage {
    Usage(format!(
        "--listen {listen}: this address can be reached from other machines. It needs TLS (--tls-cert and --tls-key) and \
         accounts (--state, and `isochrone user add`; or --oidc-issuer). To serve this machine alone, listen on 127.0.0.1"
    ))
}
