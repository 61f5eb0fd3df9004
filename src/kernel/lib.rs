//! Reading the kernel: where its files are (`Roots`), how they are read cheaply (`KeptFile`), how their bytes are taken
//! apart (`scan`, and one parser per file below `proc`, `sys` and `cgroup`). Parsers take `&[u8]`, know no metric
//! names and no paths. All of it is synchronous; whoever calls owns the thread.

mod attribute;
pub mod btrfs;
pub mod cgroup;
mod device_folder;
mod error;
pub mod ethtool;
pub mod ffi;
mod file;
mod folder;
mod host;
pub mod limits;
pub mod netlink;
mod network;
pub mod os_release;
pub mod perf;
pub mod proc;
mod roots;
pub mod scan;
pub mod selinux;
pub mod sys;
mod systemd_sockets;
pub mod udev;

pub use attribute::Attribute;
pub use device_folder::DeviceFolder;
pub use error::{Error, Optional, Result};
pub use file::{FileBudget, KeptFile, read_file, read_file_if_there, read_single_if_there};
pub use folder::{Folder, list_numbers};
pub use host::Host;
pub use network::Network;
pub use roots::Roots;
pub use systemd_sockets::systemd_sockets;
