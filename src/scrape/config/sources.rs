//! Where a job's targets come from: `static_configs`, `file_sd_configs`, and the many that are known by name only.

use std::sync::LazyLock;

use model::{Labels, LabelsBuilder};
use regex::Regex;

use super::section::{Field, Section};
use super::{FileSdConfig, ScrapeConfig};
use crate::discovery::{ADDRESS, TargetGroup};

const DEFAULT_REFRESH_MS: i64 = 300_000;

/// A star only in the last element, and an ending that tells the format.
static FILE_PATTERN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)$").expect("the pattern is constant"));

/// Discovery that Prometheus has and we do not.
const UNSUPPORTED: [&str; 32] = [
    "aws_sd_configs",
    "azure_sd_configs",
    "consul_sd_configs",
    "digitalocean_sd_configs",
    "dns_sd_configs",
    "docker_sd_configs",
    "dockerswarm_sd_configs",
    "ec2_sd_configs",
    "eureka_sd_configs",
    "gce_sd_configs",
    "hetzner_sd_configs",
    "http_sd_configs",
    "ionos_sd_configs",
    "kubernetes_sd_configs",
    "kuma_sd_configs",
    "lightsail_sd_configs",
    "linode_sd_configs",
    "marathon_sd_configs",
    "nerve_sd_configs",
    "nomad_sd_configs",
    "oci_sd_configs",
    "openstack_sd_configs",
    "outscale_sd_configs",
    "ovhcloud_sd_configs",
    "puppetdb_sd_configs",
    "scaleway_sd_configs",
    "serverset_sd_configs",
    "stackit_sd_configs",
    "triton_sd_configs",
    "uyuni_sd_configs",
    "vultr_sd_configs",
    "xds_sd_configs",
];

pub(super) fn read_static(section: &mut Section<'_>) -> Vec<TargetGroup> {
    let items = section.items("static_configs");
    let groups = items.iter().enumerate();
    groups.filter_map(|(index, item)| read_group(item, format!("static/{index}"))).collect()
}

/// `{targets: [host:port, …], labels: {…}}`, in the configuration or in a file of targets.
pub(crate) fn read_group(item: &Field<'_>, source: String) -> Option<TargetGroup> {
    if item.is_null() {
        item.wrong("the group is empty; remove the dash or fill the group in");
        return None;
    }
    let mut section = item.section()?;
    let addresses = section.field("targets").map(|field| field.texts()).unwrap_or_default();
    let labels = read_labels(&mut section);
    section.finish();
    let targets = addresses.iter().map(|address| Labels::from_pairs([(ADDRESS, address)])).collect();
    Some(TargetGroup { source, labels, targets })
}

fn read_labels(section: &mut Section<'_>) -> Labels {
    let mut labels = LabelsBuilder::default();
    for (name, field) in section.pairs("labels") {
        if name.is_empty() {
            field.wrong("\"\" is not a valid label name");
        }
        if let Some(value) = field.text_or_empty() {
            labels.set(name, value);
        }
    }
    labels.build()
}

/// Addresses that are URLs by mistake are found here, unless rules may still mend them.
pub(super) fn check_addresses(section: &Section<'_>, job: &ScrapeConfig) {
    if !job.relabel_configs.is_empty() {
        return;
    }
    let addresses = job.static_configs.iter().flat_map(|group| &group.targets).filter_map(|labels| labels.get(ADDRESS));
    for address in addresses.filter(|address| address.contains('/')) {
        let reason = format!("{address:?} is not a host and port; scheme and path have keys of their own");
        section.wrong("static_configs", reason);
    }
}

pub(super) fn read_file_sd(section: &mut Section<'_>) -> Vec<FileSdConfig> {
    for key in UNSUPPORTED {
        section.unsupported(key);
    }
    section.items("file_sd_configs").iter().filter_map(read_files).collect()
}

fn read_files(item: &Field<'_>) -> Option<FileSdConfig> {
    let mut section = item.section()?;
    let files = section.items("files");
    if files.is_empty() {
        section.wrong("files", "expected at least one file");
    }
    for file in &files {
        let path = file.text_or_empty().unwrap_or_default();
        if !FILE_PATTERN.is_match(path) {
            file.wrong(format!(
                "{path:?} is not a file of targets: it must end in .json, .yml or .yaml, with * only in the last element"
            ));
        }
    }
    let config = FileSdConfig {
        files: files.iter().filter_map(|file| Some(section.reading.join(file.text_or_empty()?))).collect(),
        refresh_interval_ms: section.duration_ms("refresh_interval").unwrap_or(DEFAULT_REFRESH_MS),
    };
    section.finish();
    Some(config)
}
