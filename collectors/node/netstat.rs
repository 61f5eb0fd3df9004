//! `/proc/net/{netstat,snmp,snmp6}`: counters of IP, ICMP, TCP and UDP, as many as a flag lets through.
//! Kernel: any; snmp6 where IPv6 is. Privileges: none. Cost: three reads of about 8 KB together.

use std::path::Path;

use exposition::{Family, Page, untyped};
use kernel::proc::{net_snmp, net_snmp6};
use kernel::{Error, Host, KeptFile};
use regex::Regex;

use super::named::Named;
use super::parsed::parsed;
use super::remembered::Remembered;
use super::several::Several;
use super::true_types::{Types, is_netstat_gauge};
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const FIELD: Family = untyped("node_netstat_<Protocol>_<Field>", "Statistic <Protocol><Field>.");

const FIELDS: Flag = Flag {
    name: "collector.netstat.fields",
    kind: FlagKind::Text {
        default: "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)\
            |TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)\
            |Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)\
            |Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$",
    },
    help: "regular expression of the fields to export, each as Protocol_Field",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "netstat",
    is_on_by_default: true,
    help: "counters of IP, ICMP, TCP and UDP, from /proc/net/{netstat,snmp,snmp6}",
    families: &[FIELD],
    flags: &[FIELDS],
    build: |host, settings| Ok(Box::new(Netstat::new(host, settings)?)),
};

struct Netstat {
    wanted: Wanted,
    /// `netstat` and `snmp`.
    tables: [Table; 2],
    snmp6: KeptFile,
    snmp6_names: Remembered<Option<Named>>,
}

/// A file of names and values in pairs of lines.
struct Table {
    file: KeptFile,
    /// Per line of names one entry per column; `None` for a column that is not wanted.
    columns: Remembered<Vec<Option<Named>>>,
}

/// Which fields to export, and as what.
struct Wanted {
    /// `None` lets everything through.
    fields: Option<Regex>,
    types: Types,
}

impl Netstat {
    fn new(host: &Host, settings: &Settings) -> Result<Self, SettingsError> {
        let table = |name| Table { file: host.net_file(name), columns: Remembered::default() };
        Ok(Netstat {
            wanted: Wanted { fields: settings.pattern(FIELDS.name)?, types: Types::of(settings) },
            tables: [table("netstat"), table("snmp")],
            snmp6: host.net_file("snmp6"),
            snmp6_names: Remembered::default(),
        })
    }

    fn collect_snmp6(&mut self, scrape: &mut Scrape<'_>) -> kernel::Result<()> {
        let bytes = self.snmp6.read_single(scrape.buffer)?;
        let wanted = &self.wanted;
        let counters = parsed(net_snmp6::counters(bytes), self.snmp6.path(), scrape.problems);
        for (place, counter) in counters.enumerate() {
            let named = self.snmp6_names.at(place, counter.name, || {
                let name = String::from_utf8_lossy(counter.name);
                let (protocol, field) = net_snmp6::split_protocol(&name)?;
                wanted.family_of(protocol, field)
            });
            if let Some(named) = named {
                named.write(scrape.page, counter.value as f64);
            }
        }
        Ok(())
    }
}

impl Collector for Netstat {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let mut files = Several::default();
        for table in &mut self.tables {
            files.note(table.collect(&self.wanted, scrape));
        }
        files.note(self.collect_snmp6(scrape));
        files.outcome(scrape.problems, |error| Outcome::absent(error.to_string()))
    }
}

impl Table {
    fn collect(&mut self, wanted: &Wanted, scrape: &mut Scrape<'_>) -> kernel::Result<()> {
        let bytes = self.file.read_single(scrape.buffer)?;
        let path = self.file.path();
        let mut odd_values = Vec::new();
        for (place, protocol) in parsed(net_snmp::protocols(bytes), path, scrape.problems).enumerate() {
            let columns = self.columns.at(place, protocol.header, || wanted.columns_of(&protocol));
            write_wanted(&protocol, columns, scrape.page, path, &mut odd_values);
        }
        scrape.problems.append(&mut odd_values);
        Ok(())
    }
}

fn write_wanted(
    protocol: &net_snmp::Protocol<'_>,
    columns: &[Option<Named>],
    page: &mut Page,
    path: &Path,
    odd_values: &mut Vec<String>,
) {
    for (named, value) in columns.iter().zip(protocol.values()) {
        let Some(named) = named else { continue };
        match protocol.number(value) {
            Ok(value) => named.write(page, value),
            Err(problem) => odd_values.push(Error::parse(path, problem).to_string()),
        }
    }
}

impl Wanted {
    fn columns_of(&self, protocol: &net_snmp::Protocol<'_>) -> Vec<Option<Named>> {
        let name = String::from_utf8_lossy(protocol.name);
        protocol.names().map(|field| self.family_of(&name, &String::from_utf8_lossy(field))).collect()
    }

    fn family_of(&self, protocol: &str, field: &str) -> Option<Named> {
        let key = format!("{protocol}_{field}");
        let is_wanted = self.fields.as_ref().is_none_or(|wanted| wanted.is_match(&key));
        let help = || format!("Statistic {protocol}{field}.");
        let kind = self.types.of_field(|| is_netstat_gauge(&key));
        is_wanted.then(|| Named::new(kind, format!("node_netstat_{key}"), help()))
    }
}
