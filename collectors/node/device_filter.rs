//! The include/exclude pair of flags that several collectors have for their devices.

use regex::Regex;

use crate::{Settings, SettingsError};

#[derive(Clone, Debug)]
pub struct DeviceFilter {
    include: Option<Regex>,
    exclude: Option<Regex>,
}

impl DeviceFilter {
    /// Both patterns at once are refused; a default of the exclude flag gives way to an include flag. Patterns match
    /// anywhere in a name, as node_exporter's do.
    pub fn from_flags(settings: &Settings, include: &str, exclude: &str) -> Result<Self, SettingsError> {
        let has_include = !settings.text(include).is_empty();
        if has_include && settings.is_given(exclude) && !settings.text(exclude).is_empty() {
            return Err(SettingsError {
                flag: include.to_owned(),
                reason: format!("cannot be combined with --{exclude}"),
            });
        }
        let exclude = if has_include { None } else { settings.pattern(exclude)? };
        Ok(DeviceFilter { include: settings.pattern(include)?, exclude })
    }

    /// For the flags that may be given together: what the one includes and the other does not exclude.
    pub fn from_both_flags(settings: &Settings, include: &str, exclude: &str) -> Result<Self, SettingsError> {
        Ok(DeviceFilter { include: settings.pattern(include)?, exclude: settings.pattern(exclude)? })
    }

    pub fn is_wanted(&self, name: &str) -> bool {
        self.include.as_ref().is_none_or(|pattern| pattern.is_match(name))
            && !self.exclude.as_ref().is_some_and(|pattern| pattern.is_match(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(flags: &[(&str, &str)]) -> Result<DeviceFilter, SettingsError> {
        let mut settings = Settings::default();
        for (flag, value) in flags {
            settings.set(flag, vec![(*value).to_owned()]);
        }
        DeviceFilter::from_flags(&settings, "include", "exclude")
    }

    #[test]
    fn one_of_the_two_may_be_given() {
        let only = filter(&[("include", "^eth")]).expect("valid");
        assert!(only.is_wanted("eth0") && !only.is_wanted("lo"));
        let rest = filter(&[("exclude", "eth"), ("include", "")]).expect("valid");
        assert!(!rest.is_wanted("veth0") && rest.is_wanted("lo"));
        assert!(filter(&[]).expect("valid").is_wanted("anything"));
        let error = filter(&[("exclude", "a"), ("include", "b")]).expect_err("both").to_string();
        assert_eq!(error, "--include: cannot be combined with --exclude");
        assert!(filter(&[("include", "(")]).is_err());
    }

    #[test]
    fn where_both_may_be_given_both_count() {
        let mut settings = Settings::default();
        settings.set("include", vec!["^kmalloc".to_owned()]);
        settings.set("exclude", vec!["64$".to_owned()]);
        let filter = DeviceFilter::from_both_flags(&settings, "include", "exclude").expect("valid");
        assert!(filter.is_wanted("kmalloc-8") && !filter.is_wanted("kmalloc-64") && !filter.is_wanted("dentry"));
    }

    #[test]
    fn a_default_gives_way() {
        const FLAG: crate::Flag =
            crate::Flag { name: "exclude", kind: crate::FlagKind::Text { default: "^eth" }, help: "", aliases: &[] };
        let spec = crate::Spec { flags: &[FLAG], ..crate::node::loadavg::SPEC };
        let mut settings = Settings::defaults([&spec]);
        let by_default = DeviceFilter::from_flags(&settings, "include", "exclude").expect("valid");
        assert!(!by_default.is_wanted("eth0"));
        settings.set("include", vec!["eth".to_owned()]);
        let given = DeviceFilter::from_flags(&settings, "include", "exclude").expect("valid");
        assert!(given.is_wanted("eth0"));
    }
}
