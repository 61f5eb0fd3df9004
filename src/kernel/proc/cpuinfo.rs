//! `/proc/cpuinfo`, any kernel: a paragraph of `key : value` lines per CPU that is online. What is in it depends on the
//! architecture; the fields below are those of x86, of which others have some. The kernel shows it in pieces of a page
//! and may need to ask each CPU for its frequency, so it is dear to read.

use crate::scan::{ParseError, lines, parse_f64, parse_u64};

/// One CPU. What is not there is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CpuInfo<'a> {
    pub processor: u32,
    pub vendor: &'a [u8],
    pub family: &'a [u8],
    pub model: &'a [u8],
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
    let mut lines = lines(bytes).peekable();
    std::iter::from_fn(move || {
        loop {
            lines.peek()?;
            let mut paragraph = lines.by_ref().take_while(|(_, line)| !line.trim_ascii().is_empty());
            match CpuInfo::parse(&mut paragraph).transpose() {
                Some(cpu) => {
                    paragraph.for_each(drop);
                    return Some(cpu);
                }
                None => continue,
            }
        }
    })
}

impl<'a> CpuInfo<'a> {
    fn parse(paragraph: &mut impl Iterator<Item = (usize, &'a [u8])>) -> Result<Option<Self>, ParseError> {
        let mut cpu = CpuInfo::default();
        let mut is_cpu = false;
        for (number, line) in paragraph {
            let Some(colon) = memchr::memchr(b':', line) else { continue };
            let (key, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
            let not_a_number = || ParseError::new(number, "a number", value);
            match key {
                b"processor" => {
                    let processor = parse_u64(value).and_then(|processor| u32::try_from(processor).ok());
                    cpu.processor = processor.ok_or_else(not_a_number)?;
                    is_cpu = true;
                }
                b"vendor_id" => cpu.vendor = value,
                b"cpu family" => cpu.family = value,
                b"model" => cpu.model = value,
                b"model name" => cpu.model_name = value,
                b"stepping" => cpu.stepping = value,
                b"microcode" => cpu.microcode = value,
                b"cache size" => cpu.cache_size = value,
                b"physical id" => cpu.physical_id = value,
                b"core id" => cpu.core_id = value,
                b"cpu MHz" => cpu.mhz = Some(parse_f64(value).ok_or_else(not_a_number)?),
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

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "((processor|cpu MHz|flags)?[ \t:]{0,3}[a-z0-9]{0,5}\n{1,2}){0,8}") {
            cpus(bytes.as_bytes()).for_each(drop);
        }
    }
}
