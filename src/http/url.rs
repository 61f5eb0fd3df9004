//! `http://` and `https://` addresses, as far as a scraper needs them (RFC 3986).

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    Http,
    Https,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    pub scheme: Scheme,
    /// A name or an address; IPv6 addresses without their brackets.
    pub host: String,
    pub port: u16,
    /// Path and query as sent: begins with `/`.
    pub target: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid URL {url:?}: {reason}")]
pub struct UrlError {
    pub url: String,
    pub reason: &'static str,
}

impl Url {
    pub fn parse(text: &str) -> Result<Url, UrlError> {
        let refused = |reason| UrlError { url: text.to_owned(), reason };
        if text.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return Err(refused("contains a space or a control character"));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| refused("has no scheme"))?;
        let scheme = match scheme {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(refused("the scheme is neither http nor https")),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err(refused("user information is not supported"));
        }
        let (host, port) = split_authority(authority).ok_or_else(|| refused("invalid host or port"))?;
        if host.is_empty() {
            return Err(refused("has no host"));
        }
        let target = target.split('#').next().unwrap_or("");
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Url { scheme, host: host.to_owned(), port: port.unwrap_or(scheme.default_port()), target })
    }

    /// The address that a `Location` header means, seen from this one.
    pub fn join(&self, location: &str) -> Result<Url, UrlError> {
        if location.contains("://") {
            return Url::parse(location);
        }
        if let Some(rest) = location.strip_prefix("//") {
            return Url::parse(&format!("{}://{rest}", self.scheme.as_str()));
        }
        let directory = |target: &str| target[..target.rfind('/').map_or(0, |slash| slash + 1)].to_owned();
        let path = self.target.split('?').next().unwrap_or("/");
        let target = match location.as_bytes().first() {
            Some(b'/') => location.to_owned(),
            Some(b'?') => format!("{path}{location}"),
            _ => format!("{}{location}", directory(path)),
        };
        Url::parse(&format!("{}://{}{target}", self.scheme.as_str(), self.authority()))
    }

    /// `host:port`, without the port where it is the scheme's own: what the `Host` header says.
    pub fn authority(&self) -> String {
        let brackets = self.host.contains(':');
        let host = if brackets { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == self.scheme.default_port() { host } else { format!("{host}:{}", self.port) }
    }

    /// Whether one connection serves both addresses.
    pub fn same_origin(&self, other: &Url) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    pub fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.authority(), self.target)
    }
}

fn split_authority(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, tail) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if tail.is_empty() { None } else { Some(tail.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    match port {
        None | Some("") => Some((host, None)),
        Some(port) => Some((host, Some(port.parse().ok()?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_print_as_they_were_meant() {
        for (text, printed) in [
            ("http://node1:9100/metrics", "http://node1:9100/metrics"),
            ("https://node1", "https://node1/"),
            ("http://node1:80?a=b#x", "http://node1/?a=b"),
            ("http://[::1]:9100/m?x=1", "http://[::1]:9100/m?x=1"),
        ] {
            assert_eq!(Url::parse(text).map(|url| url.to_string()).as_deref(), Ok(printed));
        }
    }

    #[test]
    fn other_texts_are_refused_with_the_reason() {
        for text in
            ["node1:9100", "ftp://x/", "http://", "http://a b/", "http://u:p@x/", "http://x:99999/", "http://[x]/"]
        {
            assert!(Url::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn locations_are_seen_from_the_page_that_sent_them() {
        let page = Url::parse("http://node1:9100/a/b?c=d").expect("valid");
        for (location, wanted) in [
            ("/x", "http://node1:9100/x"),
            ("x", "http://node1:9100/a/x"),
            ("?y=1", "http://node1:9100/a/b?y=1"),
            ("//node2/x", "http://node2/x"),
            ("https://node3/z", "https://node3/z"),
        ] {
            assert_eq!(page.join(location).map(|url| url.to_string()).as_deref(), Ok(wanted));
        }
    }
}
