//! `/proc/cpuinfo`, any kernel: a paragraph of `key : value` lines per CPU that is online. What is in it depends on the
//! architecture: x86 tells most, arm64 only `Features`. s390x and old ARM kernels begin with a paragraph about all CPUs.
//! The kernel shows it in pieces of a page and may need to ask each CPU for its frequency, so it is dear to read.

use crate::scan::{ParseError, lines, parse_f64, parse_u64};

/// One CPU. What is not there is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CpuInfo<'a> {
    pub processor: u32,
    /// Of ppc64 the kind of CPU, of mips the machine.
    pub vendor: &'a [u8],
    pub family: &'a [u8],
    pub model: &'a [u8],
    /// Of riscv the instruction set.
    pub model_name: &'a [u8],
    pub stepping: &'a [u8],
    pub microcode: &'a [u8],
    /// With its unit: `1024 KB`.
    pub cache_size: &'a [u8],
    /// The package (socket).
    pub physical_id: &'a [u8],
    pub core_id: &'a [u8],
    /// Frequency now, in MHz.
    pub mhz: Option<f64>,
    /// Separated by blanks; `Features` on ARM.
    pub flags: &'a [u8],
    /// Separated by blanks.
    pub bugs: &'a [u8],
}

/// The CPUs in the order of the file. Paragraphs without a `processor` line are about the machine and are passed over.
pub fn cpus(bytes: &[u8]) -> impl Iterator<Item = Result<CpuInfo<'_>, ParseError>> {
    let common = common(bytes);
    let mut lines = lines(bytes).peekable();
    std::iter::from_fn(move || {
        loop {
            lines.peek()?;
            let mut paragraph = lines.by_ref().take_while(|(_, line)| !line.trim_ascii().is_empty());
            match CpuInfo::parse(&common, &mut paragraph).transpose() {
                Some(cpu) => {
                    paragraph.for_each(drop);
                    return Some(cpu);
                }
                None => continue,
            }
        }
    })
}

/// What the file says of all CPUs, where it does not begin with the first of them.
fn common(bytes: &[u8]) -> CpuInfo<'_> {
    let mut common = CpuInfo::default();
    let mut rows = lines(bytes).filter_map(|(_, line)| key_and_value(line)).peekable();
    if rows.peek().is_none_or(|(key, _)| *key == b"processor") {
        return common;
    }
    for (key, value) in rows {
        match key {
            // s390x and mips.
            b"vendor_id" | b"system type" => common.vendor = value,
            // ARM before Linux 3.8.
            b"Processor" => common.model_name = value,
            b"features" | b"Features" => common.flags = value,
            _ => {}
        }
    }
    common
}

fn key_and_value(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    Some((line[..colon].trim_ascii(), line[colon + 1..].trim_ascii()))
}

/// `2200.000000MHz`, or without its unit.
fn megahertz(text: &[u8]) -> Option<f64> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.').unwrap_or(text.len());
    parse_f64(&text[..end])
}

impl<'a> CpuInfo<'a> {
    fn parse(
        common: &CpuInfo<'a>,
        paragraph: &mut impl Iterator<Item = (usize, &'a [u8])>,
    ) -> Result<Option<Self>, ParseError> {
        let mut cpu = common.clone();
        let mut is_cpu = false;
        for (number, line) in paragraph {
            let Some((key, value)) = key_and_value(line) else { continue };
            let not_a_number = || ParseError::new(number, "a number", value);
            match key {
                b"processor" | b"cpu number" => {
                    let processor = parse_u64(value).and_then(|processor| u32::try_from(processor).ok());
                    cpu.processor = processor.ok_or_else(not_a_number)?;
                    is_cpu = true;
                }
                b"vendor_id" | b"vendor" | b"cpu" => cpu.vendor = value,
                b"cpu family" | b"CPU Family" => cpu.family = value,
                b"model" => cpu.model = value,
                b"model name" | b"Model Name" | b"cpu model" | b"isa" => cpu.model_name = value,
                b"stepping" => cpu.stepping = value,
                b"microcode" => cpu.microcode = value,
                b"cache size" => cpu.cache_size = value,
                b"physical id" => cpu.physical_id = value,
                b"core id" | b"hart" => cpu.core_id = value,
                b"cpu MHz" | b"clock" | b"cpu MHz dynamic" => {
                    cpu.mhz = Some(megahertz(value).ok_or_else(not_a_number)?)
                }
                b"flags" | b"Features" => cpu.flags = value,
                b"bugs" => cpu.bugs = value,
                _ => {}
            }
        }
        Ok(is_cpu.then_some(cpu))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_paragraph_is_a_cpu() {
        let text =
            b"processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n\
            cpu MHz\t\t: 2596.138\ncache size\t: 1024 KB\nflags\t\t: fpu vme\nbugs\t\t: srso\npower management:\n\n\
            processor\t: 2\nphysical id\t: 1\ncore id\t\t: 4\n\nHardware\t: board\n";
        let all: Vec<_> = cpus(text).collect::<Result<_, _>>().expect("valid");
        let first = CpuInfo {
            vendor: b"AuthenticAMD",
            family: b"25",
            model: b"17",
            model_name: b"AMD EPYC",
            cache_size: b"1024 KB",
            mhz: Some(2596.138),
            flags: b"fpu vme",
            bugs: b"srso",
            ..CpuInfo::default()
        };
        let second = CpuInfo { processor: 2, physical_id: b"1", core_id: b"4", ..CpuInfo::default() };
        assert_eq!(all, [first, second]);
    }

    #[test]
    fn a_cpu_with_an_odd_line_loses_only_itself() {
        let all: Vec<_> = cpus(b"processor: 0\ncpu MHz: fast\nmodel: 1\n\n\n\nprocessor: 1\n").collect();
        assert_eq!(all.len(), 2);
        let error = all[0].as_ref().expect_err("no number").to_string();
        assert_eq!(error, r#"line 2: expected a number, found "fast""#);
        assert_eq!(all[1].as_ref().map(|cpu| cpu.processor), Ok(1));
    }

    fn first(text: &str) -> CpuInfo<'_> {
        cpus(text.as_bytes()).next().expect("a CPU").expect("valid")
    }

    #[test]
    fn arm64_tells_only_what_a_cpu_can() {
        let cpu = first("processor\t: 3\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd aes\nCPU implementer\t: 0x41\n");
        assert_eq!(cpu, CpuInfo { processor: 3, flags: b"fp asimd aes", ..CpuInfo::default() });
    }

    #[test]
    fn ppc64_has_a_clock_with_its_unit_and_riscv_harts() {
        let cpu = first("processor\t: 8\ncpu\t\t: POWER9, altivec supported\nclock\t\t: 2200.000000MHz\n");
        assert_eq!((cpu.vendor, cpu.mhz), (&b"POWER9, altivec supported"[..], Some(2200.0)));
        let cpu = first("processor\t: 1\nhart\t\t: 4\nisa\t\t: rv64imafdc\nmmu\t\t: sv39\n");
        assert_eq!((cpu.core_id, cpu.model_name), (&b"4"[..], &b"rv64imafdc"[..]));
    }

    #[test]
    fn s390x_tells_first_of_all_cpus_and_then_of_each() {
        let text = "vendor_id       : IBM/S390\n# processors    : 2\nfeatures\t: esan3 zarch te\n\
            processor 0: version = 00,  identification = 2733E8,  machine = 2964\nprocessor 1: version = 00\n\n\
            cpu number      : 0\nphysical id     : 2\ncore id         : 0\ncpu MHz dynamic : 5000\ncpu MHz static  : 4900\n\n\
            cpu number      : 1\nphysical id     : 2\ncore id         : 1\n";
        let all: Vec<_> = cpus(text.as_bytes()).collect::<Result<_, _>>().expect("valid");
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].vendor, all[0].flags, all[0].mhz), (&b"IBM/S390"[..], &b"esan3 zarch te"[..], Some(5000.0)));
        assert_eq!((all[1].processor, all[1].core_id, all[1].mhz), (1, &b"1"[..], None));
    }

    #[test]
    fn an_old_arm_kernel_has_its_features_after_the_cpus() {
        let text = "Processor\t: ARMv7 Processor rev 3 (v7l)\nprocessor\t: 0\nBogoMIPS\t: 1.0\n\n\
            processor\t: 1\nBogoMIPS\t: 1.0\n\nFeatures\t: swp half thumb\nHardware\t: board\n";
        let all: Vec<_> = cpus(text.as_bytes()).collect::<Result<_, _>>().expect("valid");
        assert_eq!(all.len(), 2);
        assert_eq!((all[1].model_name, all[1].flags), (&b"ARMv7 Processor rev 3 (v7l)"[..], &b"swp half thumb"[..]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "((processor|cpu MHz|flags)?[ \t:]{0,3}[a-z0-9]{0,5}\n{1,2}){0,8}") {
            cpus(bytes.as_bytes()).for_each(drop);
        }
    }
}
