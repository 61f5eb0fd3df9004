//! Loading the configuration, at start and again on SIGHUP or `/-/reload`. A file with anything wrong in it changes
//! nothing: the configuration in force stays.

use std::path::Path;
use std::sync::Arc;

use scrape::Config;

use crate::clock::now_ms;
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

impl Aggregator {
    /// Takes a new configuration, or says in one line why not.
    pub async fn reload(&self) -> Result<(), String> {
        let _one_at_a_time = self.reloading.lock().await;
        let Some(path) = self.flags.config_file.clone() else {
            tracing::info!("no configuration file is named, so there is nothing to reload");
            return Ok(());
        };
        let name = path.display().to_string();
        let loading = tokio::task::spawn_blocking(move || load(&path));
        let outcome = loading.await.unwrap_or_else(|error| Err(format!("loading failed: {error}")));
        match outcome {
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
