use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Uri};

/// Which host names and web pages are listened to.
///
/// A page of any site can make the reader's own browser send requests to this machine, where a server on
/// loopback would take them for the reader's. Browsers name the page in `Origin`, and a name that was bent to
/// 127.0.0.1 (DNS rebinding) stands in the request's host.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    /// Web pages by their origin, such as `https://viewer.example`.
    pub allowed: Vec<String>,
    /// Listening on loopback only: then the request must have been made to a name of this machine.
    pub loopback: bool,
}

impl Origins {
    /// Why a request is not listened to, if so.
    pub(crate) fn refusal(&self, uri: &Uri, headers: &HeaderMap) -> Option<&'static str> {
        let named: Vec<&str> = headers.get_all(ORIGIN).iter().map(|o| o.to_str().unwrap_or("?")).collect();
        if !named.iter().all(|origin| self.allowed.iter().any(|a| a == origin)) {
            return Some("This web page may not use the server. Start it with --allow-origin and the page's address");
        }
        let hosts = headers.get_all(HOST).iter().map(|h| h.to_str().unwrap_or("?"));
        let mut asked = uri.authority().map(http::uri::Authority::as_str).into_iter().chain(hosts);
        if self.loopback && !asked.all(is_this_machine) {
            return Some("The server listens for this machine alone: connect to localhost or 127.0.0.1");
        }
        None
    }
}

/// `localhost`, `127.0.0.1` or `[::1]`, with any port: a tunnel's other end has its own.
fn is_this_machine(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(origins: &Origins, uri: &str, headers: &[(http::HeaderName, &str)]) -> bool {
        let headers = headers.iter().map(|(n, v)| (n.clone(), v.parse().unwrap())).collect();
        origins.refusal(&uri.parse().unwrap(), &headers).is_some()
    }

    #[test]
    fn names_of_this_machine() {
        let origins = Origins { allowed: vec![], loopback: true };
        for good in ["http://localhost/x", "http://127.0.0.1:50051/x", "http://[::1]:7/x", "http://LOCALHOST:1/x", "/x"]
        {
            assert!(!refused(&origins, good, &[]), "{good}");
        }
        for bad in [
            "http://evil.example/x",
            "http://localhost.evil.example/x",
            "http://127.0.0.1.evil.example:50051/x",
            "http://10.0.0.1/x",
        ] {
            assert!(refused(&origins, bad, &[]), "{bad}");
        }
        assert!(refused(&origins, "/x", &[(HOST, "evil.example")]));
        assert!(refused(&origins, "http://localhost/x", &[(HOST, "evil.example")]));
        assert!(!refused(&Origins::default(), "http://server.example/x", &[]));
    }

    #[test]
    fn pages() {
        let origins = Origins { allowed: vec!["https://viewer.example".to_owned()], loopback: false };
        assert!(!refused(&origins, "/x", &[(ORIGIN, "https://viewer.example")]));
        for bad in ["https://evil.example", "null", "https://viewer.example.evil.example", "http://viewer.example", ""]
        {
            assert!(refused(&origins, "/x", &[(ORIGIN, bad)]), "{bad}");
        }
        let both = [(ORIGIN, "https://viewer.example"), (ORIGIN, "https://evil.example")];
        assert!(refused(&origins, "/x", &both));
    }
}
