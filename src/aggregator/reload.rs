//! Loading the configuration, at start and again on SIGHUP or `/-/reload`. A file with anything wrong in it changes
//! nothing: the configuration in force stays.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use scrape::Config;

use crate::clock::now_ms;
use crate::off_thread::off_thread;
use crate::program::{Aggregator, Loaded};

/// What the file says, or in one line why it cannot be taken.
pub fn load(path: &Path) -> Result<Config, String> {
    Config::load(path).map_err(|error| {
        let text = error.to_string();
        let name = path.display().to_string();
        // Parse errors begin with the file and the line; others may not.
        if text.contains(&name) { text } else { format!("{name}: {text}") }
    })
}

/// Reloads that may run or wait at one time. Nobody needs more than the one that comes next.
const MAX_RELOADS: usize = 8;

/// Counts a reload as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl Aggregator {
    /// Takes a new configuration, or says in one line why not.
    pub async fn reload(self: &Arc<Self>) -> Result<(), String> {
        let aggregator = self.clone();
        // On a task of its own: a client that goes away in the middle must not leave half of the targets.
        let reload = tokio::spawn(async move { aggregator.reload_in_turn().await });
        reload.await.unwrap_or_else(|error| Err(format!("the reload failed: {error}")))
    }

    async fn reload_in_turn(&self) -> Result<(), String> {
        let _counted = Counted::new(&self.reloads)?;
        let _one_at_a_time = self.reloading.lock().await;
        if self.is_stopping() {
            return Err("the program is ending".to_owned());
        }
        let Some(path) = self.flags.config_file.clone() else {
            tracing::info!("no configuration file is named, so there is nothing to reload");
            return Ok(());
        };
        let name = path.display().to_string();
        match off_thread(move || load(&path)).await {
            Ok(config) => {
                let config = Arc::new(config);
                if let Ok(running) = self.running() {
                    running.scraping.reload(&config).await;
                }
                self.config.store(Arc::new(Loaded { config, loaded_ms: now_ms(), last_reload_succeeded: true }));
                tracing::info!(file = %name, "configuration loaded");
                Ok(())
            }
            Err(reason) => {
                let kept = Loaded { last_reload_succeeded: false, ..Loaded::clone(&self.config()) };
                self.config.store(Arc::new(kept));
                tracing::error!(error = %reason, "configuration refused, the former one stays");
                Err(reason)
            }
        }
    }
}

impl<'a> Counted<'a> {
    fn new(reloads: &'a AtomicUsize) -> Result<Self, String> {
        let counted = Counted(reloads);
        match reloads.fetch_add(1, Ordering::Relaxed) {
            MAX_RELOADS.. => Err(format!("{MAX_RELOADS} reloads are waiting already")),
            _ => Ok(counted),
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
