//! Where others reach this program: `--web.external-url`, or what can be guessed without it.

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalUrl {
    /// Without a slash at its end.
    pub url: String,
    /// Host without its port.
    pub host: String,
    /// "" or a path that begins with a slash and does not end with one.
    pub path: String,
}

impl ExternalUrl {
    /// An empty text means this machine's name and the port listened on.
    pub fn parse(text: &str, listen_address: &str) -> Result<ExternalUrl, String> {
        let guessed;
        let text = if text.is_empty() {
            let port = listen_address.rsplit_once(':').map_or("9090", |(_, port)| port);
            guessed = format!("http://{}:{port}/", host_name());
            guessed.as_str()
        } else {
            text
        };
        if text.starts_with(['"', '\'']) {
            return Err("must not begin with a quote".to_owned());
        }
        let url = http::Url::parse(text).map_err(|error| error.reason.to_owned())?;
        let path = url.target.split('?').next().unwrap_or("").trim_matches('/');
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        let url_text = format!("{}://{}{path}", url.scheme.as_str(), url.authority());
        Ok(ExternalUrl { url: url_text, host: url.host, path })
    }
}

/// The machine's name; "localhost" where it has none.
pub fn host_name() -> String {
    sysinfo::System::host_name().ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_their_slashes_at_the_end() {
        let url = ExternalUrl::parse("https://example.com:8443/a/b//", "").expect("valid");
        assert_eq!((url.url.as_str(), url.host.as_str()), ("https://example.com:8443/a/b", "example.com"));
        assert_eq!(url.path, "/a/b");
    }

    #[test]
    fn without_a_url_the_port_is_the_one_listened_on() {
        let url = ExternalUrl::parse("", "127.0.0.1:1234").expect("valid");
        assert!(url.url.ends_with(":1234") && url.path.is_empty(), "{}", url.url);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["\"http://x/\"", "example.com/x", "ftp://example.com"] {
            assert!(ExternalUrl::parse(text, "").is_err(), "{text}");
        }
    }
}
