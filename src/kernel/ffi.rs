//! The only unsafe code: system calls and C functions that nix does not wrap.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::libc;

/// The state of the kernel's clock, read with `adjtimex(2)`; nothing is set, so no privilege is needed. Some seccomp
/// profiles refuse the call all the same (`EPERM`).
#[derive(Clone, Copy, Debug)]
pub struct ClockState {
    /// As the kernel has it; adjtimex(2) tells units.
    pub timex: libc::timex,
    /// What the call returns: `TIME_OK` and the like; `TIME_ERROR` while the clock is not synchronised.
    pub state: libc::c_int,
}

pub fn clock_state() -> io::Result<ClockState> {
    // SAFETY: `timex` is a plain struct of integers, for which all-zero bytes are a valid value.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is valid for the length of the call; `modes` is 0, so the kernel only writes to it.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    if state < 0 { Err(io::Error::last_os_error()) } else { Ok(ClockState { timex, state }) }
}

/// The time zone of this process (`TZ`, else `/etc/localtime`) at a time in seconds since the epoch: its distance from
/// UTC in seconds, east positive. Its abbreviation (`CET`) replaces the content of `name`. `None` past the range of C's
/// years.
pub fn local_time_zone(unix_seconds: i64, name: &mut String) -> Option<i64> {
    // SAFETY: `tm` is a plain struct of integers and one pointer, for which all-zero bytes are a valid value.
    let mut local: libc::tm = unsafe { std::mem::zeroed() };
    let time: libc::time_t = unix_seconds;
    // SAFETY: both pointers are valid for the length of the call.
    let result = unsafe { libc::localtime_r(&raw const time, &raw mut local) };
    if result.is_null() {
        return None;
    }
    name.clear();
    if !local.tm_zone.is_null() {
        // SAFETY: the C library points `tm_zone` at a string that ends in NUL and that lives until the time zone is set
        // anew, which nothing in this process does.
        let zone = unsafe { CStr::from_ptr(local.tm_zone) };
        name.push_str(zone.to_str().unwrap_or_default());
    }
    Some(local.tm_gmtoff)
}

/// Entries of an open folder (`getdents64(2)`), as struct linux_dirent64 one after another; goes on where the last call
/// stopped. Returns how many bytes of `buffer` were filled, 0 at the end.
pub fn read_folder(folder: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the kernel writes at most `buffer.len()` bytes to the buffer, which is valid for the length of the call.
    let filled = unsafe { libc::syscall(libc::SYS_getdents64, folder.as_raw_fd(), buffer.as_mut_ptr(), buffer.len()) };
    usize::try_from(filled).map_err(|_| io::Error::last_os_error())
}

/// Room for what `SIOCETHTOOL` answers. The kernel writes as much as the driver has to tell, whatever it was asked for,
/// and that can grow between two questions; so the room ends in a page that nothing can be written to.
#[derive(Debug)]
pub struct EthtoolRoom {
    start: NonNull<u8>,
}

/// Room for 16,000 names of statistics; the largest drivers have some thousands.
pub const ETHTOOL_ROOM_BYTES: usize = 512 << 10;
/// At least one page on every machine.
const GUARD_BYTES: usize = 64 << 10;

// SAFETY: the memory belongs to the room alone, and is reached only by way of it.
unsafe impl Send for EthtoolRoom {}

impl EthtoolRoom {
    pub fn new() -> io::Result<Self> {
        let total = ETHTOOL_ROOM_BYTES + GUARD_BYTES;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping at a place of the kernel's choice touches no memory that anybody has.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), total, libc::PROT_NONE, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let Some(start) = NonNull::new(start.cast::<u8>()) else {
            return Err(io::Error::other("memory at address zero"));
        };
        let room = EthtoolRoom { start };
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the pages are the first ones of the mapping made above; the guard behind them stays as it is.
        let result = unsafe { libc::mprotect(start.as_ptr().cast(), ETHTOOL_ROOM_BYTES, rights) };
        if result == 0 { Ok(room) } else { Err(io::Error::last_os_error()) }
    }

    pub fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: that many bytes can be read and written from `start` on as long as the room lives, they began as
        // zeros, and `&mut self` makes this the only reference.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), ETHTOOL_ROOM_BYTES) }
    }
}

impl Drop for EthtoolRoom {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with this length, and no reference into it outlives the room.
        unsafe {
            libc::munmap(self.start.as_ptr().cast(), ETHTOOL_ROOM_BYTES + GUARD_BYTES);
        }
    }
}

/// Asks a device's driver (`SIOCETHTOOL`): the question stands at the start of the room, the answer takes its place. The
/// commands that only tell something need no privilege.
pub fn ethtool(socket: BorrowedFd<'_>, device: &[u8], room: &mut EthtoolRoom) -> io::Result<()> {
    // SAFETY: `ifreq` is a plain struct of integers, arrays and a pointer, for which all-zero bytes are a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays NUL.
    if device.len() >= request.ifr_name.len() {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(device) {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_data = room.start.as_ptr().cast();
    // SAFETY: the kernel reads `request` and writes from the start of the room on; at the guard behind it the write ends
    // with EFAULT. Both live for the length of the call, and `&mut` keeps others from the room.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// From linux/sockios.h; the same on all machines.
const SIOCETHTOOL: libc::Ioctl = 0x8946;

/// Which way the bytes of an `ioctl(2)` go, seen from this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Read,
    ReadWrite,
}

/// An `ioctl(2)` on a block of bytes, for requests whose code holds the size of what they read and write (those made by
/// `_IOR` and `_IOWR`; old ones of sockets are not).
pub fn ioctl_in_place<const N: usize>(
    file: BorrowedFd<'_>,
    direction: Direction,
    kind: u32,
    number: u32,
    block: &mut [u8; N],
) -> io::Result<()> {
    let request = match direction {
        Direction::Read => libc::_IOR::<[u8; N]>(kind, number),
        Direction::ReadWrite => libc::_IOWR::<[u8; N]>(kind, number),
    };
    // SAFETY: the request's code says that the kernel uses N bytes, which the block has; it is valid for the length of
    // the call and any bytes are a valid value of it.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), request, block.as_mut_ptr()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The first version of struct perf_event_attr, which every kernel takes (perf_event_open(2)).
#[repr(C)]
struct PerfEventAttr {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    config1: u64,
}

/// What the hypervisor does is not counted.
const PERF_EXCLUDE_HYPERVISOR: u64 = 1 << 6;
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 1 << 3;

/// Begins to count an event for all processes on one CPU. Each read of 8 bytes then gives the count so far.
pub fn open_perf_event(kind: u32, config: u64, cpu: u32) -> io::Result<OwnedFd> {
    let attr = PerfEventAttr {
        kind,
        size: size_of::<PerfEventAttr>() as u32,
        config,
        sample_period: 0,
        sample_type: 0,
        read_format: 0,
        flags: PERF_EXCLUDE_HYPERVISOR,
        wakeup_events: 0,
        breakpoint_type: 0,
        config1: 0,
    };
    let (every_process, no_group): (libc::pid_t, libc::c_int) = (-1, -1);
    let cpu = libc::c_int::try_from(cpu).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    // SAFETY: the pointer is valid for the length of the call, and the kernel reads as many bytes as `size` says.
    let fd = unsafe {
        libc::syscall(libc::SYS_perf_event_open, &raw const attr, every_process, cpu, no_group, PERF_FLAG_FD_CLOEXEC)
    };
    let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: the kernel has just given us this descriptor, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Tells glibc's allocator to share one arena among all threads and to give back what it can. The program has two
/// threads that take turns, so arenas of their own would only keep memory twice.
#[cfg(target_env = "gnu")]
pub fn keep_heap_small() {
    // SAFETY: mallopt takes two integers and only changes settings of the allocator.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Only glibc has arenas.
#[cfg(not(target_env = "gnu"))]
pub fn keep_heap_small() {}

/// The sockets that systemd has opened for this process (sd_listen_fds(3)): `count` descriptors from 3 on. Only the
/// first call gets them, as each has one owner.
pub fn inherited_sockets(count: u16) -> io::Result<Vec<OwnedFd>> {
    static ARE_TAKEN: AtomicBool = AtomicBool::new(false);
    const FIRST: libc::c_int = 3;
    if ARE_TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(Vec::new());
    }
    let own = |descriptor| {
        // SAFETY: fcntl with F_SETFD takes integers and only marks the descriptor; it fails on one that is not open.
        if unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it is open, systemd's protocol makes it ours, and it is taken only once.
        Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
    };
    (FIRST..FIRST + libc::c_int::from(count)).map(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_can_be_read_without_privileges() {
        match clock_state() {
            Ok(clock) => assert!(clock.timex.tick > 0),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::PermissionDenied),
        }
    }

    #[test]
    fn the_time_zone_has_a_name_and_a_possible_offset() {
        let mut name = String::from("before");
        let offset = local_time_zone(1_700_000_000, &mut name).expect("in range");
        assert!(offset.abs() <= 14 * 3600, "{offset}");
        assert!(!name.is_empty() && name != "before");
        assert_eq!(local_time_zone(i64::MAX, &mut name), None);
    }
}
