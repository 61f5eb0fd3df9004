//! Files that do not grow with the machine.

use std::io;

use super::Machine;

const FILES: &[(&str, &str)] = &[
    ("proc/loadavg", "17.20 16.91 15.10 18/24123 912345\n"),
    (
        "proc/meminfo",
        "MemTotal:       1056480000 kB\nMemFree:        212345678 kB\nMemAvailable:   712345678 kB\nBuffers:          123456 kB\nCached:         512345678 kB\nSlab:            22345678 kB\n",
    ),
    (
        "proc/vmstat",
        "nr_free_pages 53086419\npgpgin 123456789\npgpgout 987654321\npswpin 0\npswpout 0\npgfault 912345678901\npgmajfault 12345\noom_kill 3\n",
    ),
    ("proc/sys/fs/file-nr", "41216\t0\t9223372036854775807\n"),
    ("proc/sys/kernel/random/entropy_avail", "256\n"),
    ("proc/sys/kernel/random/poolsize", "256\n"),
    ("proc/sys/net/netfilter/nf_conntrack_count", "51234\n"),
    ("proc/sys/net/netfilter/nf_conntrack_max", "4194304\n"),
    (
        "proc/pressure/cpu",
        "some avg10=1.10 avg60=1.02 avg300=0.91 total=91234567890\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
    ),
    (
        "proc/pressure/io",
        "some avg10=0.00 avg60=0.11 avg300=0.07 total=1234567890\nfull avg10=0.00 avg60=0.10 avg300=0.05 total=934567890\n",
    ),
    (
        "proc/pressure/memory",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=4567\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1234\n",
    ),
    ("usr/lib/os-release", "NAME=\"Bench Linux\"\nID=bench\nVERSION_ID=\"1\"\n"),
];

const NET_FILES: &[(&str, &str)] = &[
    (
        "sockstat",
        "sockets: used 4512\nTCP: inuse 2211 orphan 3 tw 412 alloc 2344 mem 812\nUDP: inuse 14 mem 20\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n",
    ),
    (
        "netstat",
        "TcpExt: SyncookiesSent SyncookiesRecv ListenOverflows ListenDrops TCPTimeouts\nTcpExt: 0 0 12 12 4567\nIpExt: InOctets OutOctets\nIpExt: 912345678901 812345678901\n",
    ),
    (
        "snmp",
        "Ip: Forwarding DefaultTTL\nIp: 1 64\nTcp: ActiveOpens PassiveOpens CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts\nTcp: 123456 654321 2211 912345678 812345678 12345 3 4567\nUdp: InDatagrams NoPorts InErrors OutDatagrams\nUdp: 912345 12 3 812345\n",
    ),
    (
        "udp",
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n",
    ),
];

impl Machine {
    pub(super) fn write_whole(&mut self) -> io::Result<()> {
        for (path, content) in FILES {
            self.file(path, content)?;
        }
        for (name, content) in NET_FILES {
            self.file(&format!("proc/net/{name}"), content)?;
            self.file(&format!("proc/1/net/{name}"), content)?;
        }
        Ok(())
    }
}
