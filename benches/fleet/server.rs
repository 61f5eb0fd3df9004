//! Answers scrapes: HTTP/1.1 with keep-alive, gzip where it is accepted, one thread a connection.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::TargetPage;

/// A running fleet; lives as long as the process.
pub struct Fleet {
    address: SocketAddr,
    targets: usize,
}

impl Fleet {
    /// Listens on `address` and serves `targets` pages of `series` series each.
    pub fn start(address: &str, targets: usize, series: u64) -> io::Result<Fleet> {
        let listener = TcpListener::bind(address)?;
        let fleet = Fleet { address: listener.local_addr()?, targets };
        let pages: Vec<_> = (0..targets as u64).map(|target| Mutex::new(TargetPage::new(target, series))).collect();
        let pages = Arc::new(pages);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let pages = Arc::clone(&pages);
                // A scraper that hangs up ends its thread with an error that concerns nobody.
                let _ = thread::Builder::new().stack_size(256 << 10).spawn(move || answer(&stream, &pages));
            }
        });
        Ok(fleet)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A `scrape_configs` list for any program that reads Prometheus' configuration: one target per page.
    pub fn scrape_config(&self, interval: &str) -> String {
        let mut yaml =
            format!("global:\n  scrape_interval: {interval}\n  scrape_timeout: {interval}\nscrape_configs:\n");
        yaml.push_str("  - job_name: fleet\n    static_configs:\n");
        for target in 0..self.targets {
            yaml.push_str(&format!(
                "      - targets: ['{}']\n        labels: {{__metrics_path__: /target/{target}/metrics, instance: node-{target}}}\n",
                self.address
            ));
        }
        yaml
    }
}

fn answer(stream: &TcpStream, pages: &[Mutex<TargetPage>]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    let (mut body, mut line) = (Vec::new(), String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let target = line.strip_prefix("GET /target/").and_then(|rest| rest.split('/').next());
        let page = target.and_then(|number| pages.get(number.parse::<usize>().ok()?));
        let mut accepts_gzip = false;
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            if line.trim_end().is_empty() {
                break;
            }
            let lower = line.to_ascii_lowercase();
            accepts_gzip |= lower.starts_with("accept-encoding:") && lower.contains("gzip");
        }
        let Some(page) = page else {
            writer.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
        page.lock().map_err(|_| io::Error::other("a rendering thread panicked"))?.render(now, &mut body);
        let mut encoding = "";
        if accepts_gzip {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(&body)?;
            body = gzip.finish()?;
            encoding = "Content-Encoding: gzip\r\n";
        }
        let length = body.len();
        write!(
            writer,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n{encoding}Content-Length: {length}\r\n\r\n"
        )?;
        writer.write_all(&body)?;
    }
}
