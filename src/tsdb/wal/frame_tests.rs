//! Frames read back, and what damage does to them.

use proptest::prelude::*;

use super::*;
use crate::disk::{Disk, OsDisk};

/// Payloads of any bytes, some of which hold frames themselves (of another place, as a copy would).
fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let nested = any::<Vec<u8>>().prop_map(|inner| {
        let mut bytes = Vec::new();
        write(&mut bytes, kind::SERIES, 1, 1 << 40, &inner);
        bytes
    });
    prop::collection::vec(prop_oneof![any::<Vec<u8>>(), nested], 0..20)
}

fn segment(payloads: &[Vec<u8>]) -> (Vec<u8>, Vec<u64>) {
    let mut bytes = MAGIC.to_vec();
    let mut offsets = Vec::new();
    for payload in payloads {
        let offset = bytes.len() as u64;
        offsets.push(offset);
        write(&mut bytes, kind::SAMPLES, 1, offset, payload);
    }
    (bytes, offsets)
}

/// All frames with their offsets, and how many bytes were skipped.
fn read(bytes: &[u8]) -> (Vec<(u64, Vec<u8>)>, u64) {
    let dir = tempfile::tempdir().unwrap();
    let file = OsDisk.create(&dir.path().join("segment")).unwrap();
    file.write_at(bytes, 0).unwrap();
    let mut reader = FrameReader::new(file, 1).unwrap();
    let (mut frames, mut skipped) = (Vec::new(), 0);
    while let Some(step) = reader.step().unwrap() {
        match step {
            Step::Frame { offset, payload, .. } => frames.push((offset, payload.to_vec())),
            Step::Skipped { bytes, .. } => skipped += bytes,
        }
    }
    (frames, skipped)
}

proptest! {
    #[test]
    fn frames_read_back(payloads in payloads()) {
        let (bytes, offsets) = segment(&payloads);
        let (frames, skipped) = read(&bytes);
        prop_assert_eq!(frames, offsets.into_iter().zip(payloads).collect::<Vec<_>>());
        prop_assert_eq!(skipped, 0);
    }

    /// Any damage loses the records that it touches and no other, and never makes up one.
    #[test]
    fn damage_loses_only_what_it_touches(
        payloads in payloads(),
        start: prop::sample::Index,
        damage in prop::collection::vec(any::<u8>(), 1..60),
    ) {
        let (mut bytes, offsets) = segment(&payloads);
        prop_assume!(bytes.len() > MAGIC.len());
        let start = MAGIC.len() + start.index(bytes.len() - MAGIC.len());
        let end = (start + damage.len()).min(bytes.len());
        bytes[start..end].copy_from_slice(&damage[..end - start]);
        let (frames, _) = read(&bytes);
        let whole: Vec<(u64, Vec<u8>)> = offsets.into_iter().zip(payloads).collect();
        prop_assert!(frames.iter().all(|frame| whole.contains(frame)));
        for (offset, payload) in whole {
            let frame_end = offset as usize + HEADER_BYTES + payload.len();
            let is_touched = (offset as usize) < end && start < frame_end;
            prop_assert!(is_touched || frames.contains(&(offset, payload)));
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic_and_without_a_record(bytes: Vec<u8>) {
        let (frames, skipped) = read(&[MAGIC.as_slice(), &bytes].concat());
        prop_assert_eq!(frames.len(), 0);
        prop_assert_eq!(skipped, bytes.len() as u64);
    }

    #[test]
    fn a_torn_last_record_loses_only_itself(payloads in payloads(), cut in 1usize..12) {
        prop_assume!(!payloads.is_empty());
        let (bytes, _) = segment(&payloads);
        let (frames, _) = read(&bytes[..bytes.len() - cut]);
        prop_assert_eq!(frames.len(), payloads.len() - 1);
    }
}

#[test]
fn a_tail_of_zeros_is_passed_over() {
    let (mut bytes, _) = segment(&[b"one".to_vec()]);
    bytes.resize(bytes.len() + (1 << 20), 0);
    let (frames, skipped) = read(&bytes);
    assert_eq!((frames.len(), skipped), (1, 1 << 20));
}

#[test]
fn a_record_larger_than_the_window_is_read() {
    let large = vec![7; WINDOW_BYTES * 3];
    let (bytes, _) = segment(&[large.clone(), b"small".to_vec()]);
    let (frames, _) = read(&bytes);
    assert_eq!(frames.iter().map(|(_, payload)| payload.len()).collect::<Vec<_>>(), [large.len(), 5]);
}

#[test]
fn a_file_of_another_kind_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = OsDisk.create(&dir.path().join("segment")).unwrap();
    file.write_at(b"something else", 0).unwrap();
    assert!(FrameReader::new(file, 1).is_err());
}

#[test]
fn the_bytes_are_those_of_the_format_page() {
    let mut bytes = Vec::new();
    write(&mut bytes, kind::END, 7, 8, b"ab");
    let covered = [7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, kind::END, b'a', b'b'];
    let checksum = crc32fast::hash(&covered).to_le_bytes();
    let mut expected = [&b"Vr\x05\0\x02\0\0\0"[..], &checksum].concat();
    expected[3] = expected.iter().fold(0x5a, |check: u8, byte| check.rotate_left(3) ^ byte);
    expected.extend_from_slice(b"ab");
    assert_eq!(bytes, expected);
}
