//! `/proc/<pid>/mountstats`, since 2.6.17: a line per mount, and below those of NFS what the client counts. The kernel
//! shows it in pieces of a page.
//!
//! ```text
//! device nas:/srv mounted on /mnt with fstype nfs4 statvers=1.1
//!         age:    13968
//!         events: 52 226 0 0 ..
//!         bytes:  1207640230 0 0 0 1210214218 0 295483 0
//!         xprt:   tcp 832 0 1 0 11 6428 6428 0 12154 0 24 26 5726
//!         per-op statistics
//!                 READ: 1298 1298 0 207680 1210292152 6 79386 79407
//! ```

use crate::scan::{Fields, ParseError, lines, parse_u64};

/// One mount, of any kind.
#[derive(Clone, Copy, Debug)]
pub struct Mount<'a> {
    /// `nas:/srv`; for other kinds a device or any word.
    pub source: &'a [u8],
    /// Blanks in it are written `\040`.
    pub mount_point: &'a [u8],
    /// The lines below it where it is of NFS and the kernel counts.
    statistics: Option<Statistics<'a>>,
}

#[derive(Clone, Copy, Debug)]
struct Statistics<'a> {
    lines: &'a [u8],
    /// Number of the line before the first.
    before: usize,
}

/// One line of a mount's statistics.
#[derive(Clone, Debug)]
pub enum Statistic<'a> {
    /// Seconds since it was mounted.
    AgeSeconds(u64),
    /// Bytes read and written by applications, the same by O_DIRECT, read from and written to the server; pages read
    /// and written by way of mappings.
    Bytes([u64; 8]),
    Events(Events<'a>),
    Transport(Transport<'a>),
    Operation(Operation<'a>),
}

/// How often each of some 27 things happened, in the kernel's order; an older one has fewer.
#[derive(Clone, Debug)]
pub struct Events<'a>(Fields<'a>);

/// A connection to the server. What a protocol does not have is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transport<'a> {
    /// `tcp`, `udp`, `rdma`.
    pub protocol: &'a [u8],
    pub binds: u64,
    pub connects: u64,
    pub idle_seconds: u64,
    pub sends: u64,
    pub receives: u64,
    /// Answers to no question.
    pub bad_transaction_ids: u64,
    /// Sum over all requests of the length of each queue.
    pub backlog_queue: u64,
    pub max_rpc_slots: u64,
    pub sending_queue: u64,
    pub pending_queue: u64,
}

/// One kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation<'a> {
    /// `READ`.
    pub name: &'a [u8],
    pub requests: u64,
    pub transmissions: u64,
    pub major_timeouts: u64,
    pub sent_bytes: u64,
    pub received_bytes: u64,
    /// Waiting to be sent, in milliseconds.
    pub queue_ms: u64,
    /// From being sent to the answer, in milliseconds.
    pub response_ms: u64,
    /// All together, in milliseconds.
    pub request_ms: u64,
}

/// Mounts in the order of the file. Mounts without a device are passed over.
pub fn mounts(bytes: &[u8]) -> impl Iterator<Item = Result<Mount<'_>, ParseError>> {
    let mut lines = lines(bytes).peekable();
    std::iter::from_fn(move || {
        loop {
            let (number, line) = lines.next()?;
            if !line.starts_with(b"device ") {
                continue;
            }
            // Where the lines that belong to it end, counted from where they begin.
            let first = lines.peek().map(|(_, line)| *line);
            let mut last = None;
            while let Some((_, line)) = lines.next_if(|(_, line)| !is_end(line)) {
                last = Some(line);
            }
            let body = first.zip(last).map_or(&b""[..], |(first, last)| span(bytes, first, last));
            return Some(Mount::parse(number, line, body));
        }
    })
}

fn is_end(line: &[u8]) -> bool {
    line.trim_ascii().is_empty() || line.starts_with(b"device ") || line.starts_with(b"no device ")
}

/// From the start of one part of `bytes` to the end of a later one.
fn span<'a>(bytes: &'a [u8], first: &[u8], last: &[u8]) -> &'a [u8] {
    let offset = |part: &[u8]| (part.as_ptr() as usize).saturating_sub(bytes.as_ptr() as usize);
    bytes.get(offset(first)..offset(last) + last.len()).unwrap_or(b"")
}

impl<'a> Mount<'a> {
    fn parse(number: usize, line: &'a [u8], body: &'a [u8]) -> Result<Self, ParseError> {
        let mut fields = Fields::new(number, line);
        let words = [
            fields.next(),
            fields.next(),
            fields.next(),
            fields.next(),
            fields.next(),
            fields.next(),
            fields.next(),
            fields.next(),
        ];
        let [
            _,
            Some(source),
            Some(b"mounted"),
            Some(b"on"),
            Some(mount_point),
            Some(b"with"),
            Some(b"fstype"),
            Some(kind),
        ] = words
        else {
            return Err(ParseError::new(number, "device .. mounted on .. with fstype ..", line));
        };
        let has_statistics = matches!(kind, b"nfs" | b"nfs4") && fields.next().is_some();
        let statistics = has_statistics.then_some(Statistics { lines: body, before: number });
        Ok(Mount { source, mount_point, statistics })
    }

    /// Nothing for mounts of other kinds.
    pub fn statistics(&self) -> impl Iterator<Item = Result<Statistic<'a>, ParseError>> {
        let Statistics { lines: body, before } = self.statistics.unwrap_or(Statistics { lines: b"", before: 0 });
        let mut is_per_operation = false;
        lines(body).filter_map(move |(number, line)| {
            let number = before + number;
            let mut fields = Fields::new(number, line);
            let title = fields.next()?;
            if is_per_operation {
                return Some(Operation::parse(title, fields).map(Statistic::Operation));
            }
            is_per_operation = title == b"per-op";
            match title {
                b"age:" => Some(fields.number("seconds").map(Statistic::AgeSeconds)),
                b"bytes:" => Some(bytes_of(fields).map(Statistic::Bytes)),
                b"events:" => Some(Events::parse(number, fields).map(Statistic::Events)),
                b"xprt:" => Some(Transport::parse(number, fields).map(Statistic::Transport)),
                _ => None,
            }
        })
    }
}

fn bytes_of(mut fields: Fields<'_>) -> Result<[u64; 8], ParseError> {
    let mut values = [0; 8];
    for value in &mut values {
        *value = fields.number("bytes or pages")?;
    }
    Ok(values)
}

impl<'a> Events<'a> {
    fn parse(number: usize, fields: Fields<'a>) -> Result<Self, ParseError> {
        match fields.clone().find(|text| parse_u64(text).is_none()) {
            Some(odd) => Err(ParseError::new(number, "a number of events", odd)),
            None => Ok(Events(fields)),
        }
    }

    pub fn counts(&self) -> impl Iterator<Item = u64> {
        self.0.clone().filter_map(parse_u64)
    }
}

impl<'a> Transport<'a> {
    fn parse(number: usize, mut fields: Fields<'a>) -> Result<Self, ParseError> {
        let protocol = fields.text("a protocol")?;
        let mut values = [0; 13];
        let mut count = 0;
        for (value, text) in values.iter_mut().zip(fields) {
            *value = parse_u64(text).ok_or_else(|| ParseError::new(number, "a number", text))?;
            count += 1;
        }
        if count < 7 {
            return Err(ParseError::new(number, "seven numbers or more", protocol));
        }
        if protocol == b"udp" {
            // No connections, and so no idle time.
            values.copy_within(2..10, 5);
            values[2..5].fill(0);
        } else if protocol != b"tcp" {
            // From here on RDMA counts other things.
            values[10..].fill(0);
        }
        Ok(Transport {
            protocol,
            binds: values[1],
            connects: values[2],
            idle_seconds: values[4],
            sends: values[5],
            receives: values[6],
            bad_transaction_ids: values[7],
            backlog_queue: values[9],
            max_rpc_slots: values[10],
            sending_queue: values[11],
            pending_queue: values[12],
        })
    }
}

impl<'a> Operation<'a> {
    fn parse(title: &'a [u8], mut fields: Fields<'a>) -> Result<Self, ParseError> {
        Ok(Operation {
            name: title.strip_suffix(b":").unwrap_or(title),
            requests: fields.number("requests")?,
            transmissions: fields.number("transmissions")?,
            major_timeouts: fields.number("timeouts")?,
            sent_bytes: fields.number("bytes sent")?,
            received_bytes: fields.number("bytes received")?,
            queue_ms: fields.number("the time in the queue")?,
            response_ms: fields.number("the time of the answer")?,
            request_ms: fields.number("the time of the request")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &[u8] = b"device proc mounted on /proc with fstype proc\nno device mounted on /x with fstype y\n\
        device nas:/a mounted on /mnt/a with fstype nfs4 statvers=1.1\n\topts:\trw\n\tage:\t77\n\tevents:\t1 2 3\n\
        \tbytes:\t1 2 3 4 5 6 7 8\n\txprt:\ttcp 10 11 12 13 14 15 16 17 18 19 20 21 22\n\tper-op statistics\n\
        \t   READ: 1 2 3 4 5 6 7 8 9\n\t  WRITE: 1 x\n\n\
        device nas:/b mounted on /mnt/b with fstype nfs statvers=1.1\n\txprt:\tudp 10 11 12 13 14 15 16 17 18 19\n\n\
        device odd\n";

    #[test]
    fn lines_belong_to_the_mount_above_them() {
        let all: Vec<_> = mounts(TEXT).collect();
        assert_eq!(all.len(), 4);
        assert_eq!(all[0].as_ref().map(|mount| mount.statistics().count()), Ok(0));
        let first = all[1].as_ref().expect("valid");
        assert_eq!((first.source, first.mount_point), (&b"nas:/a"[..], &b"/mnt/a"[..]));
        let lines: Vec<_> = first.statistics().collect();
        assert!(matches!(lines[0], Ok(Statistic::AgeSeconds(77))));
        let Ok(Statistic::Events(events)) = &lines[1] else { panic!("{:?}", lines[1]) };
        assert_eq!(events.counts().collect::<Vec<_>>(), [1, 2, 3]);
        assert!(matches!(lines[2], Ok(Statistic::Bytes([1, 2, 3, 4, 5, 6, 7, 8]))));
        let Ok(Statistic::Transport(tcp)) = lines[3] else { panic!("{:?}", lines[3]) };
        assert_eq!(
            (tcp.protocol, tcp.binds, tcp.idle_seconds, tcp.sends, tcp.pending_queue),
            (&b"tcp"[..], 11, 14, 15, 22)
        );
        let Ok(Statistic::Operation(read)) = lines[4] else { panic!("{:?}", lines[4]) };
        assert_eq!((read.name, read.requests, read.request_ms), (&b"READ"[..], 1, 8));
        assert!(lines[5].as_ref().is_err_and(|error| error.line == 11 && error.found == "x"));
        assert!(all[3].as_ref().is_err_and(|error| error.line == 16));
    }

    #[test]
    fn udp_has_no_connections() {
        let second = mounts(TEXT).nth(2).expect("three").expect("valid");
        let Some(Ok(Statistic::Transport(udp))) = second.statistics().next() else { panic!("no transport") };
        assert_eq!((udp.binds, udp.connects, udp.idle_seconds), (11, 0, 0));
        assert_eq!(
            (udp.sends, udp.receives, udp.backlog_queue, udp.max_rpc_slots, udp.pending_queue),
            (12, 13, 16, 17, 19)
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "((device a mounted on b with fstype nfs s)?(\txprt: (tcp|udp))?(\tper-op|\tevents:)?[ 0-9a-z]{0,30}\n){0,6}") {
            mounts(bytes.as_bytes()).flatten().for_each(|mount| mount.statistics().for_each(drop));
        }
    }
}
