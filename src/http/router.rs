//! Finds the handler of a path. Patterns: literal segments, `:name` for one segment, `*name` last for the rest.
//! Routes are tried in the order in which they were added. HEAD is answered by GET's handler, OPTIONS by the router
//! where no handler takes it.

use std::pin::Pin;
use std::sync::Arc;

use hyper::header::ALLOW;
use hyper::{Method, StatusCode};

use crate::percent::percent_decode;
use crate::{Request, Response};

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;
pub(crate) type Handler = Arc<dyn Fn(Request) -> Answer + Send + Sync>;

#[derive(Default)]
pub struct Router {
    prefix: String,
    routes: Vec<Route>,
}

struct Route {
    /// Empty for all that there are.
    methods: Vec<Method>,
    pattern: String,
    handler: Handler,
}

/// What the router found for a method and a path.
pub(crate) enum Found<'a> {
    Handler {
        pattern: &'a str,
        params: Vec<(String, String)>,
        handler: Handler,
    },
    /// The path exists, not for this method.
    OtherMethods {
        pattern: &'a str,
        allowed: Vec<Method>,
    },
    Nothing,
}

impl Router {
    pub fn new() -> Router {
        Router::default()
    }

    /// All routes lie below this path (`/vitals`); it is taken off before patterns are compared. "" or "/" for none.
    pub fn under(prefix: &str) -> Router {
        let prefix = prefix.trim_matches('/');
        Router { prefix: if prefix.is_empty() { String::new() } else { format!("/{prefix}") }, routes: Vec::new() }
    }

    pub fn get<F, A>(self, pattern: &str, handler: F) -> Router
    where
        F: Fn(Request) -> A + Send + Sync + 'static,
        A: Future<Output = Response> + Send + 'static,
    {
        self.route(&[Method::GET], pattern, handler)
    }

    /// Whatever the method, as handlers of Go's programs mostly are.
    pub fn any<F, A>(self, pattern: &str, handler: F) -> Router
    where
        F: Fn(Request) -> A + Send + Sync + 'static,
        A: Future<Output = Response> + Send + 'static,
    {
        self.route(&[], pattern, handler)
    }

    pub fn route<F, A>(mut self, methods: &[Method], pattern: &str, handler: F) -> Router
    where
        F: Fn(Request) -> A + Send + Sync + 'static,
        A: Future<Output = Response> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |request| Box::pin(handler(request)));
        self.routes.push(Route { methods: methods.to_vec(), pattern: pattern.to_owned(), handler });
        self
    }

    /// Answers a request whose body is there already: what the server does, without the sockets.
    pub async fn answer(&self, mut request: Request) -> Response {
        let Some(path) = self.strip_prefix(&request.path).map(str::to_owned) else {
            return self.outside(&request.path);
        };
        match self.find(&request.method, &path) {
            Found::Handler { params, handler, .. } => {
                request.path = path;
                request.params = params;
                handler(request).await
            }
            Found::OtherMethods { allowed, .. } => other_methods(&request.method, allowed),
            Found::Nothing => not_found(),
        }
    }

    /// Outside the prefix there is nothing, but the root leads into it.
    pub(crate) fn outside(&self, path: &str) -> Response {
        if path == "/" { Response::redirect(&format!("{}/", self.prefix)) } else { not_found() }
    }

    /// The path below the prefix; `None` when it lies elsewhere.
    pub(crate) fn strip_prefix<'a>(&self, path: &'a str) -> Option<&'a str> {
        let rest = path.strip_prefix(&self.prefix)?;
        match rest {
            "" => Some("/"),
            _ if rest.starts_with('/') => Some(rest),
            _ => None,
        }
    }

    /// Where a path with doubled slashes or dots leads, if there is something: `//metrics`, `/x/../metrics`. Still
    /// encoded, as it came.
    pub(crate) fn tidied(&self, method: &Method, encoded_path: &str) -> Option<String> {
        if !encoded_path.contains("//") && !encoded_path.contains("/.") {
            return None;
        }
        let tidy = tidy(encoded_path);
        let path = percent_decode(&tidy).filter(|_| tidy != encoded_path)?;
        match self.find(method, self.strip_prefix(&path)?) {
            Found::Handler { .. } => Some(tidy.clone()),
            Found::OtherMethods { .. } | Found::Nothing => None,
        }
    }

    pub(crate) fn find(&self, method: &Method, path: &str) -> Found<'_> {
        let mut other: Option<(&str, Vec<Method>)> = None;
        for route in &self.routes {
            let Some(params) = route_params(&route.pattern, path) else { continue };
            let serves_head = *method == Method::HEAD && route.methods.contains(&Method::GET);
            if serves_head || route.methods.is_empty() || route.methods.contains(method) {
                return Found::Handler { pattern: &route.pattern, params, handler: route.handler.clone() };
            }
            other.get_or_insert_with(|| (&route.pattern, Vec::new())).1.extend(route.methods.iter().cloned());
        }
        match other {
            Some((pattern, allowed)) => Found::OtherMethods { pattern, allowed },
            None => Found::Nothing,
        }
    }
}

pub(crate) fn not_found() -> Response {
    Response::text(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// 204 to OPTIONS, 405 to any other method; both say what the path takes.
pub(crate) fn other_methods(method: &Method, mut allowed: Vec<Method>) -> Response {
    if allowed.contains(&Method::GET) {
        allowed.push(Method::HEAD);
    }
    allowed.push(Method::OPTIONS);
    let mut names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let response = if *method == Method::OPTIONS {
        Response::empty(StatusCode::NO_CONTENT)
    } else {
        Response::text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n")
    };
    response.header(ALLOW, &names.join(", "))
}

fn tidy(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => _ = segments.pop(),
            other => segments.push(other),
        }
    }
    let is_folder = path.ends_with('/') && !segments.is_empty();
    format!("/{}{}", segments.join("/"), if is_folder { "/" } else { "" })
}

fn route_params(pattern: &str, path: &str) -> Option<Vec<(String, String)>> {
    if pattern == path {
        return Some(Vec::new());
    }
    let mut params = Vec::new();
    let mut rest = path.strip_prefix('/')?;
    let mut segments = pattern.strip_prefix('/')?.split('/').peekable();
    while let Some(segment) = segments.next() {
        if let Some(name) = segment.strip_prefix('*') {
            params.push((name.to_owned(), rest.to_owned()));
            return Some(params);
        }
        let is_last = segments.peek().is_none();
        let (head, tail) = match rest.split_once('/') {
            Some((head, tail)) if !is_last => (head, tail),
            None if is_last => (rest, ""),
            _ => return None,
        };
        match segment.strip_prefix(':') {
            Some(name) if !head.is_empty() => params.push((name.to_owned(), head.to_owned())),
            None if head == segment => {}
            _ => return None,
        }
        rest = tail;
    }
    Some(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ok(_: Request) -> Response {
        Response::text(StatusCode::OK, "ok")
    }

    fn found(router: &Router, method: Method, path: &str) -> String {
        match router.find(&method, path) {
            Found::Handler { pattern, params, .. } => format!("{pattern} {params:?}"),
            Found::OtherMethods { allowed, .. } => format!("only {allowed:?}"),
            Found::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn literal_parameter_and_rest_segments() {
        let router =
            Router::new().get("/", ok).get("/label/:name/values", ok).get("/static/*path", ok).get("/label/:name", ok);
        for (path, wanted) in [
            ("/", "/ []"),
            ("/label/job/values", r#"/label/:name/values [("name", "job")]"#),
            ("/label/job", r#"/label/:name [("name", "job")]"#),
            ("/label//values", "nothing"),
            ("/label/job/values/", "nothing"),
            ("/static/a/b.js", r#"/static/*path [("path", "a/b.js")]"#),
            ("/nowhere", "nothing"),
        ] {
            assert_eq!(found(&router, Method::GET, path), wanted, "{path}");
        }
    }

    #[test]
    fn methods_are_told_apart_and_head_is_served_by_get() {
        let router = Router::new().get("/a", ok).route(&[Method::POST], "/a", ok).route(&[Method::PUT], "/b", ok);
        assert_eq!(found(&router, Method::HEAD, "/a"), "/a []");
        assert_eq!(found(&router, Method::POST, "/a"), "/a []");
        assert_eq!(found(&router, Method::GET, "/b"), "only [PUT]");
        assert_eq!(found(&router, Method::DELETE, "/a"), "only [GET, POST]");
    }

    #[test]
    fn a_route_may_take_every_method() {
        let router = Router::new().any("/a", ok);
        for method in ["GET", "HEAD", "OPTIONS", "BREW"] {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            assert_eq!(found(&router, method, "/a"), "/a []");
        }
    }

    #[test]
    fn untidy_paths_lead_to_what_they_mean() {
        let router = Router::new().get("/", ok).get("/a/b", ok);
        for (path, wanted) in [
            ("//a/b", Some("/a/b")),
            ("/x/.././a//b", Some("/a/b")),
            ("/../..", Some("/")),
            ("//%61/b", Some("/%61/b")),
            ("/a/b", None),
            ("/a/b//", None),
            ("//nowhere", None),
        ] {
            assert_eq!(router.tidied(&Method::GET, path).as_deref(), wanted, "{path}");
        }
    }

    #[test]
    fn a_prefix_covers_whole_segments_only() {
        let router = Router::under("/vitals/");
        assert_eq!(router.strip_prefix("/vitals/metrics"), Some("/metrics"));
        assert_eq!(router.strip_prefix("/vitals"), Some("/"));
        assert_eq!(router.strip_prefix("/vitalsign"), None);
        assert_eq!(Router::under("/").strip_prefix("/metrics"), Some("/metrics"));
    }

    #[tokio::test]
    async fn the_root_leads_into_the_prefix() {
        let router = Router::under("/vitals").get("/hello/:name", ok);
        let root = router.answer(Request::get("/", "")).await;
        assert_eq!(root.status.as_u16(), 302);
        assert_eq!(root.headers["location"], "/vitals/");
        assert_eq!(router.answer(Request::get("/hello/x", "")).await.status.as_u16(), 404);
        assert_eq!(router.answer(Request::get("/vitals/hello/x", "")).await.status.as_u16(), 200);
    }
}
