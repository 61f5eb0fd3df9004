//! Configuration, discovery, relabelling, scrape loops and the scrape cache.
