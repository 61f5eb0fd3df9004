//! The pages for people: `/` and `/targets`. Plain HTML without scripts.

mod html;
mod landing;
mod targets;

use std::sync::Arc;

use http::{Request, Response, Router};

use crate::program::Aggregator;

pub fn routes(router: Router, aggregator: &Arc<Aggregator>) -> Router {
    let (landing, targets) = (aggregator.clone(), aggregator.clone());
    router
        .get("/", move |_: Request| {
            let page = landing::page(&landing);
            async move { Response::html(page) }
        })
        .get("/targets", move |_: Request| {
            let page = targets::page(&targets);
            async move { Response::html(page) }
        })
}
