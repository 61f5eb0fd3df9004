//! What a machine says of its CPUs: `/proc/stat`, `/proc/schedstat`, `/proc/net/softnet_stat`, `/proc/cpuinfo` and the
//! folders below `/sys/devices/system/cpu`.

use std::fmt::Write;
use std::io;

use super::Machine;

const TICKS: u64 = 1 << 32;
/// CPUs of one package.
const PACKAGE: usize = 64;

impl Machine {
    pub(super) fn write_cpus(&mut self, count: usize) -> io::Result<()> {
        let (mut stat, mut schedstat, mut softnet, mut cpuinfo) = Default::default();
        let all = self.row(10, TICKS);
        writeln!(&mut stat as &mut String, "cpu  {all}").map_err(io::Error::other)?;
        writeln!(&mut schedstat as &mut String, "version 17\ntimestamp 4331234567").map_err(io::Error::other)?;
        for cpu in 0..count {
            self.describe(cpu, &mut stat, &mut schedstat, &mut softnet, &mut cpuinfo).map_err(io::Error::other)?;
            self.write_folder(cpu)?;
        }
        let interrupts = self.row(1500, 1 << 24);
        let softirqs = self.row(10, 1 << 30);
        stat += &format!(
            "intr 8123456789 {interrupts}\nctxt 91234567890\nbtime 1763000000\nprocesses 7654321\nprocs_running 17\n\
             procs_blocked 2\nsoftirq 4123456789 {softirqs}\n"
        );
        let online = format!("0-{}\n", count.saturating_sub(1));
        self.file("sys/devices/system/cpu/online", &online)?;
        self.file("sys/devices/system/cpu/possible", &online)?;
        self.file("sys/devices/system/cpu/present", &online)?;
        self.file("sys/devices/system/cpu/isolated", "\n")?;
        self.file("proc/schedstat", schedstat)?;
        self.file("proc/1/net/softnet_stat", &softnet)?;
        self.file("proc/net/softnet_stat", softnet)?;
        self.file("proc/cpuinfo", cpuinfo)?;
        self.file("proc/stat", stat)
    }

    fn describe(
        &mut self,
        cpu: usize,
        stat: &mut String,
        schedstat: &mut String,
        softnet: &mut String,
        cpuinfo: &mut String,
    ) -> std::fmt::Result {
        writeln!(stat, "cpu{cpu} {}", self.row(10, TICKS))?;
        writeln!(schedstat, "cpu{cpu} 0 0 0 0 0 0 {}", self.row(3, 1 << 52))?;
        writeln!(schedstat, "domain0 MC ffff {}", self.row(36, 1 << 20))?;
        let counters: Vec<String> = (0..15).map(|_| format!("{:08x}", self.numbers.below(1 << 32))).collect();
        writeln!(softnet, "{}", counters.join(" "))?;
        writeln!(
            cpuinfo,
            "processor\t: {cpu}\nvendor_id\t: GenuineIntel\nmodel name\t: Bench CPU\ncpu MHz\t\t: 2100.000\n\
             physical id\t: {}\ncore id\t\t: {}\nflags\t\t: fpu aes avx\nbugs\t\t: mds\n",
            cpu / PACKAGE,
            cpu % PACKAGE
        )
    }

    fn write_folder(&mut self, cpu: usize) -> io::Result<()> {
        let file = |name: &str, value: &str| {
            self.file(&format!("sys/devices/system/cpu/cpu{cpu}/{name}"), format!("{value}\n"))
        };
        if cpu > 0 {
            file("online", "1")?;
        }
        file("topology/physical_package_id", &(cpu / PACKAGE).to_string())?;
        file("topology/core_id", &(cpu % PACKAGE).to_string())?;
        file("thermal_throttle/core_throttle_count", "3")?;
        file("thermal_throttle/package_throttle_count", "7")?;
        for (name, value) in [
            ("cpuinfo_cur_freq", "2100000"),
            ("cpuinfo_max_freq", "3900000"),
            ("cpuinfo_min_freq", "800000"),
            ("scaling_cur_freq", "2099000"),
            ("scaling_max_freq", "3900000"),
            ("scaling_min_freq", "800000"),
            ("scaling_governor", "schedutil"),
            ("scaling_available_governors", "performance powersave schedutil"),
            ("scaling_driver", "intel_cpufreq"),
            ("related_cpus", &cpu.to_string()),
            ("cpuinfo_transition_latency", "20000"),
            ("scaling_setspeed", "<unsupported>"),
        ] {
            file(&format!("cpufreq/{name}"), value)?;
        }
        Ok(())
    }
}
