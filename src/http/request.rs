//! One request as handlers see it: whole, with its body read.

use bytes::Bytes;
use hyper::{HeaderMap, Method};

use crate::{Form, FormError};

#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: Method,
    /// Percent-decoded, without the router's prefix; begins with `/`.
    pub path: String,
    /// What followed the `?`, still encoded.
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Address and port of the other end.
    pub peer: String,
    pub(crate) params: Vec<(String, String)>,
}

impl Request {
    pub fn get(path: &str, query: &str) -> Request {
        Request { path: path.to_owned(), query: query.to_owned(), ..Request::default() }
    }

    /// The value of a header, `None` when it is not there or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// What stood in the path where the route has `:name` (or `*name`); "" when the route has no such part.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(candidate, _)| candidate == name).map_or("", |(_, value)| value)
    }

    /// Form values of the body (when it is an urlencoded form), then those of the query, as Go's `ParseForm`.
    pub fn form(&self) -> Result<Form, FormError> {
        let mut form = Form::default();
        let content_type = self.header("content-type").unwrap_or("");
        if content_type.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
        {
            let body = std::str::from_utf8(&self.body).map_err(|_| FormError::Utf8("request body".to_owned()))?;
            form.extend(body)?;
        }
        form.extend(&self.query)?;
        Ok(form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_body_come_before_those_of_the_query() {
        let mut request = Request::get("/", "q=query&only=1");
        request.body = Bytes::from_static(b"q=body");
        assert_eq!(request.form().expect("valid").get("q"), Some("query"), "a body of another type is no form");
        let form_type = "application/x-www-form-urlencoded; charset=utf-8".parse().expect("a header");
        request.headers.insert("content-type", form_type);
        let form = request.form().expect("valid");
        assert_eq!(form.all("q").collect::<Vec<_>>(), ["body", "query"]);
        assert_eq!(form.get("only"), Some("1"));
    }
}
