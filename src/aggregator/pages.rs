//! The pages for people: `/` and `/targets`. Plain HTML without scripts.

mod html;
mod landing;
mod targets;

use std::sync::Arc;

use http::{Request, Response, Router};

use crate::off_thread::off_thread;
use crate::program::Aggregator;

pub fn routes(router: Router, aggregator: &Arc<Aggregator>) -> Router {
    let router = add(router, "/", aggregator, landing::page);
    add(router, "/targets", aggregator, targets::page)
}

fn add(router: Router, path: &str, aggregator: &Arc<Aggregator>, page: fn(&Aggregator) -> String) -> Router {
    let aggregator = aggregator.clone();
    router.get(path, move |_: Request| {
        let aggregator = aggregator.clone();
        async move { Response::html(off_thread(move || page(&aggregator)).await) }
    })
}
