//! Which units of systemd are wanted, by name. Unlike other filters of node_exporter both patterns hold at once, and
//! each must match a name as a whole.

use model::search_regex;
use regex::Regex;

use crate::{Flag, FlagKind, Settings, SettingsError};

pub const INCLUDE: Flag = Flag {
    name: "collector.systemd.unit-include",
    kind: FlagKind::Text { default: ".+" },
    help: "regular expression of the units to include, matched against whole names",
    aliases: &["collector.systemd.unit-whitelist"],
};
pub const EXCLUDE: Flag = Flag {
    name: "collector.systemd.unit-exclude",
    kind: FlagKind::Text { default: r".+\.(automount|device|mount|scope|slice)" },
    help: "regular expression of the units to exclude, matched against whole names",
    aliases: &["collector.systemd.unit-blacklist"],
};

#[derive(Debug)]
pub struct UnitFilter {
    include: Regex,
    exclude: Regex,
}

impl UnitFilter {
    pub fn from_flags(settings: &Settings) -> Result<Self, SettingsError> {
        let whole = |flag: Flag| {
            search_regex(&format!("^(?:{})$", settings.text(flag.name)))
                .map_err(|error| SettingsError { flag: flag.name.to_owned(), reason: error.to_string() })
        };
        Ok(UnitFilter { include: whole(INCLUDE)?, exclude: whole(EXCLUDE)? })
    }

    pub fn is_wanted(&self, name: &str) -> bool {
        self.include.is_match(name) && !self.exclude.is_match(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_patterns_match_whole_names() {
        let mut settings = Settings::default();
        let mut set = |flag: Flag, value: &str| settings.set(flag.name, vec![value.to_owned()]);
        set(INCLUDE, "ssh|.*\\.timer");
        set(EXCLUDE, "apt");
        let filter = UnitFilter::from_flags(&settings).expect("valid");
        assert!(filter.is_wanted("apt.timer") && filter.is_wanted("ssh") && !filter.is_wanted("ssh.service"));
        settings.set(EXCLUDE.name, vec!["(".to_owned()]);
        let error = UnitFilter::from_flags(&settings).expect_err("no pattern").to_string();
        assert!(error.starts_with("--collector.systemd.unit-exclude: "), "{error}");
    }
}
