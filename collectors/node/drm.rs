//! `/sys/class/drm/card<N>/device`: load and memory of AMD's graphics cards.
//! Kernel: 4.19 and later, driver amdgpu. Privileges: none. Cost: one listing, nine reads per card; to read the load
//! means to ask the card.

use std::path::Path;

use exposition::{Family, LabelText, gauge};
use kernel::{Host, read_file};

use super::attribute_labels::{AttributeLabels, text_of};
use super::device_class::{Description, DeviceClass};
use super::readings::{self, Column, unsigned};
use crate::Spec;

const INFO: Family = gauge("node_drm_card_info", "Card information");

const COLUMNS: [Column; 7] = [
    Column::new(
        gauge("node_drm_gpu_busy_percent", "How busy the GPU is as a percentage."),
        "device/gpu_busy_percent",
        unsigned,
    ),
    Column::new(
        gauge("node_drm_memory_gtt_size_bytes", "The size of the graphics translation table (GTT) block in bytes."),
        "device/mem_info_gtt_total",
        unsigned,
    ),
    Column::new(
        gauge(
            "node_drm_memory_gtt_used_bytes",
            "The used amount of the graphics translation table (GTT) block in bytes.",
        ),
        "device/mem_info_gtt_used",
        unsigned,
    ),
    Column::new(
        gauge("node_drm_memory_vis_vram_size_bytes", "The size of visible VRAM in bytes."),
        "device/mem_info_vis_vram_total",
        unsigned,
    ),
    Column::new(
        gauge("node_drm_memory_vis_vram_used_bytes", "The used amount of visible VRAM in bytes."),
        "device/mem_info_vis_vram_used",
        unsigned,
    ),
    Column::new(
        gauge("node_drm_memory_vram_size_bytes", "The size of VRAM in bytes."),
        "device/mem_info_vram_total",
        unsigned,
    ),
    Column::new(
        gauge("node_drm_memory_vram_used_bytes", "The used amount of VRAM in bytes."),
        "device/mem_info_vram_used",
        unsigned,
    ),
];

pub const SPEC: Spec = Spec {
    name: "drm",
    is_on_by_default: false,
    help: "load and memory of AMD's graphics cards, from /sys/class/drm",
    families: &readings::families::<{ 1 + COLUMNS.len() }>(&[INFO], &COLUMNS),
    flags: &[],
    build: |host, _| Ok(Box::new(cards(host))),
};

fn cards(host: &Host) -> DeviceClass {
    let describe = |host: &Host, name: &str, path: &Path, buffer: &mut Vec<u8>| {
        if !is_card(name) || !has_amds_driver(path, buffer) {
            return None;
        }
        let device = path.join("device");
        let info = AttributeLabels::new()
            .fixed("card", name)
            .fixed("memory_vendor", &text_of(host, &device.join("mem_info_vram_vendor"), buffer))
            .read_from("power_performance_level", host.attribute(device.join("power_dpm_force_performance_level")))
            .fixed("unique_id", &text_of(host, &device.join("unique_id"), buffer))
            .fixed("vendor", "amd");
        Some(Description { labels: LabelText::new([("card", name)]), info })
    };
    DeviceClass::new(host, "class/drm", &COLUMNS, describe)
        .with_info(INFO)
        .showing_missing_as_zero()
        .succeeding_without()
}

/// Beside `card0` there are its connectors, such as `card0-DP-1`.
fn is_card(name: &str) -> bool {
    let number = name.strip_prefix("card").unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn has_amds_driver(card: &Path, buffer: &mut Vec<u8>) -> bool {
    let uevent = read_file(&card.join("device/uevent"), buffer).unwrap_or_default();
    kernel::scan::lines(uevent).any(|(_, line)| line == b"DRIVER=amdgpu")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connectors_are_no_cards() {
        let names = ["card0", "card0-DP-1", "card12", "renderD128", "version", "card"];
        assert_eq!(names.map(is_card), [true, false, true, false, false, false]);
    }
}
