//! An authority and certificates from it, made with the `openssl` program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Its files lie in one folder: `ca.pem`, `ca.key`, and a pair for each name.
pub struct Authority {
    folder: PathBuf,
}

const NEW_KEY: &str = "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

impl Authority {
    /// `None` when there is no `openssl` (the caller says that it skips).
    pub fn new(folder: &Path) -> Option<Authority> {
        Command::new("openssl").arg("version").output().ok()?;
        let authority = Authority { folder: folder.to_owned() };
        authority.self_signed("ca", "basicConstraints=critical,CA:TRUE");
        Some(authority)
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// `<name>.pem` and `<name>.key`, signed by the authority; `names` such as `DNS:localhost,IP:127.0.0.1`.
    pub fn issue(&self, name: &str, names: &str) {
        fs::write(self.path("extensions"), format!("subjectAltName={names}\nbasicConstraints=CA:FALSE\n"))
            .expect("written");
        self.openssl(&format!("{NEW_KEY} -keyout {name}.key -subj /CN={name} -out {name}.csr"));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile extensions -out {name}.pem"
        ));
    }

    /// `<name>.pem` and `<name>.key`, signed by nobody else.
    pub fn self_signed(&self, name: &str, extension: &str) {
        self.openssl(&format!(
            "{NEW_KEY} -keyout {name}.key -x509 -days 30 -subj /CN={name} -addext {extension} -out {name}.pem"
        ));
    }

    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(&self.folder).output();
        let output = output.expect("openssl runs");
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
