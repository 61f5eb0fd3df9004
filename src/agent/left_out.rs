//! What node_exporter has and we leave out for good: collectors that it has deprecated itself. Command lines that switch
//! one off, or tune it, keep working; one that switches it on is refused, with what to use instead.

struct LeftOut {
    collector: &'static str,
    instead: &'static str,
    switches: &'static [&'static str],
    /// With a value; all may be repeated here, since they have no effect.
    values: &'static [&'static str],
}

const LEFT_OUT: [LeftOut; 3] = [
    LeftOut {
        collector: "ntp",
        instead: "the collector timex (on by default) tells the offset of the clock and whether it is synchronised",
        switches: &["collector.ntp.server-is-local"],
        values: &[
            "collector.ntp.ip-ttl",
            "collector.ntp.local-offset-tolerance",
            "collector.ntp.max-distance",
            "collector.ntp.protocol-version",
            "collector.ntp.server",
            "collector.ntp.server-port",
        ],
    },
    LeftOut {
        collector: "runit",
        instead: "let a script write the states of services for the collector textfile",
        switches: &[],
        values: &["collector.runit.servicedir"],
    },
    LeftOut {
        collector: "supervisord",
        instead: "let a script write the states of processes for the collector textfile",
        switches: &[],
        values: &["collector.supervisord.url"],
    },
];

pub fn collectors() -> impl Iterator<Item = &'static str> {
    LEFT_OUT.iter().map(|one| one.collector)
}

/// Why a collector that is left out cannot be switched on.
pub fn reason(collector: &str) -> String {
    let instead = LEFT_OUT.iter().find(|one| one.collector == collector).map_or("", |one| one.instead);
    format!("collector {collector}: deprecated by node_exporter and left out here; {instead}")
}

pub fn switches() -> impl Iterator<Item = &'static str> {
    LEFT_OUT.iter().flat_map(|one| one.switches).copied()
}

pub fn values() -> impl Iterator<Item = &'static str> {
    LEFT_OUT.iter().flat_map(|one| one.values).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use collectors::TABLE;

    #[test]
    fn all_collectors_of_node_exporter_are_here_or_left_out() {
        // These have no counterpart there.
        let ours = ["containers", "systemd_accounting"];
        let upstream = TABLE.iter().map(|spec| spec.name).filter(|name| !ours.contains(name)).chain(collectors());
        assert_eq!(upstream.count(), 79);
        assert!(collectors().all(|name| TABLE.iter().all(|spec| spec.name != name)));
        assert!(reason("ntp").contains("timex"));
    }
}
