//! What is in a file: its blocks taken apart again, the streams' numbers and sums, and what tshark
//! makes of it, where that is installed.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use super::*;
use crate::report::fixtures;

fn file(entries: &[Arc<Entry>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut format = PcapNg::new("a test");
    format.begin(&mut bytes).expect("memory takes all");
    for entry in entries {
        format.entry(entry, &mut bytes).expect("memory takes all");
    }
    bytes
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Kind and body of each block.
fn blocks(mut bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let mut blocks = Vec::new();
    while !bytes.is_empty() {
        let length = word(bytes, 4) as usize;
        assert!(length.is_multiple_of(4) && length >= 12 && length <= bytes.len(), "{length}");
        assert_eq!(word(bytes, length - 4) as usize, length, "said at both ends");
        blocks.push((word(bytes, 0), &bytes[8..length - 4]));
        bytes = &bytes[length..];
    }
    blocks
}

/// Code and value of each option.
fn options(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut options = Vec::new();
    while !bytes.is_empty() {
        let code = u16::from_le_bytes([bytes[0], bytes[1]]);
        let length = usize::from(u16::from_le_bytes([bytes[2], bytes[3]]));
        if code == 0 {
            assert_eq!((length, bytes.len()), (0, 4), "the last option");
            break;
        }
        options.push((code, &bytes[4..4 + length]));
        bytes = &bytes[4 + length.next_multiple_of(4)..];
    }
    options
}

/// The internet's checksum of what has its own in it: zero.
fn sum(parts: &[&[u8]]) -> u16 {
    let bytes = parts.concat();
    let sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).expect("folded")
}

/// What one end has sent: the next number, and the bytes.
#[derive(Default)]
struct Sent {
    next: u32,
    bytes: Vec<u8>,
}

#[test]
fn streams_are_whole() {
    let entries = fixtures::both_versions();
    let file = file(&entries);
    let mut sent: BTreeMap<[u8; 12], Sent> = BTreeMap::new();
    for (kind, body) in blocks(&file) {
        if kind != 6 {
            continue;
        }
        let length = word(body, 12) as usize;
        assert_eq!(word(body, 16) as usize, length);
        let packet = &body[20..20 + length];
        assert_eq!(usize::from(u16::from_be_bytes([packet[2], packet[3]])), length);
        assert_eq!((packet[0], packet[9], sum(&[&packet[..20]])), (0x45, 6, 0));
        let tcp = &packet[20..];
        let size = u16::try_from(tcp.len()).expect("small").to_be_bytes();
        assert_eq!(sum(&[&packet[12..20], &[0, 6], &size, tcp]), 0, "the checksum");
        let (from, to) = ([&packet[12..16], &tcp[..2]], [&packet[16..20], &tcp[2..4]]);
        let way: [u8; 12] = [from.concat(), to.concat()].concat().try_into().expect("twelve");
        let back: [u8; 12] = [to.concat(), from.concat()].concat().try_into().expect("twelve");
        let number = |at: usize| u32::from_be_bytes(tcp[at..at + 4].try_into().expect("four"));
        let flags = tcp[13];
        if flags & 0x10 != 0 {
            assert_eq!(number(8), sent.get(&back).map_or(0, |it| it.next), "acknowledged");
        }
        let this = sent.entry(way).or_default();
        assert_eq!(number(4), this.next, "the sequence goes on");
        let payload = &tcp[usize::from(tcp[12] >> 4) * 4..];
        this.bytes.extend_from_slice(payload);
        this.next += u32::try_from(payload.len()).expect("small") + u32::from(flags & 3 != 0);
    }
    // Both directions of both connections carry what their ends sent, in its order.
    let mut carried: Vec<Vec<u8>> = sent.into_values().map(|it| it.bytes).collect();
    let mut expected: BTreeMap<(u64, crate::cable::Direction), Vec<u8>> = BTreeMap::new();
    for entry in &entries {
        if let Event::Packet(crossing) = &entry.event {
            let way = expected.entry((crossing.wire.number, crossing.direction)).or_default();
            way.extend_from_slice(&crossing.bytes);
        }
    }
    let mut expected: Vec<Vec<u8>> = expected.into_values().collect();
    carried.sort();
    expected.sort();
    assert!(carried == expected, "what was carried is not what was sent");
}

#[test]
fn names_times_and_comments() {
    let entries = fixtures::both_versions();
    let file = file(&entries);
    let blocks = blocks(&file);
    assert_eq!(blocks[0].0, 0x0a0d_0d0a);
    assert_eq!(word(blocks[0].1, 0), 0x1a2b_3c4d);
    let names: Vec<_> = blocks.iter().filter(|(kind, _)| *kind == 4).collect();
    let names: Vec<_> = names.iter().flat_map(|(_, body)| options(body)).collect();
    let name = |last: u8, name: &str| [&[10, 0, 0, last], name.as_bytes(), &[0]].concat();
    assert_eq!(names[0], (1, name(1, "old").as_slice()));
    assert_eq!(names[1], (1, name(2, "board1").as_slice()));
    assert_eq!(names[2], (1, name(3, "new").as_slice()));
    let interfaces: Vec<_> = blocks.iter().filter(|(kind, _)| *kind == 1).collect();
    let told = options(&interfaces[1].1[8..]);
    assert_eq!(interfaces[0].1[..2], [101, 0], "raw IP");
    assert_eq!(told[0], (2, b"new".as_slice()));
    assert_eq!(told[1], (3, b"the cable of new to board1".as_slice()));
    assert_eq!(told[2], (9, [9].as_slice()), "nanoseconds");
    let packets: Vec<_> = blocks.iter().filter(|(kind, _)| *kind == 6).collect();
    let at = u64::from(word(packets[0].1, 4)) << 32 | u64::from(word(packets[0].1, 8));
    assert_eq!(u128::from(at), entries[0].at.as_nanos());
    let comments = packets.iter().flat_map(|(_, body)| {
        let length = (word(body, 12) as usize).next_multiple_of(4);
        options(&body[20 + length..])
    });
    let comments: Vec<_> =
        comments.map(|(_, text)| String::from_utf8_lossy(text).into_owned()).collect();
    let expected = [
        "before this: ** old: drop the next packet **",
        "DROPPED by the cable: it never arrived (drop)",
        "arrived after 37.0 ms at the cable (delay)",
        "repeated by the cable (repeat)",
        "arrived, and the connection was cut behind it (cut_after)",
        "the connection ended: cut",
        "the connection ended: both ends said goodbye",
    ];
    assert_eq!(comments.len(), expected.len(), "{comments:?}");
    for (comment, expected) in comments.iter().zip(expected) {
        let same = comment == expected || expected.starts_with("arrived after");
        assert!(same, "{comment}, not {expected}");
    }
}

/// What tshark says of a file; nothing where it is not installed.
fn tshark(file: &std::path::Path, arguments: &[&str]) -> Option<String> {
    let options = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"];
    let run = Command::new("tshark").arg("-r").arg(file).args(options).args(arguments).output();
    let Ok(run) = run else {
        eprintln!("SKIPPED: tshark is not installed");
        return None;
    };
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    Some(String::from_utf8(run.stdout).expect("text"))
}

#[test]
fn tshark_decodes_every_packet() {
    let entries = fixtures::both_versions();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.pcapng");
    std::fs::write(&path, file(&entries)).expect("a file");
    let fields = ["-Y", "mqtt", "-T", "fields", "-E", "occurrence=a"];
    let fields = [&fields[..], &["-e", "mqtt.msgtype", "-e", "mqtt.topic"]].concat();
    let Some(found) = tshark(&path, &fields) else { return };
    let packets = entries.iter().filter_map(|entry| match &entry.event {
        Event::Packet(crossing) => Some(crossing),
        _ => None,
    });
    let expected: Vec<_> = packets.map(|it| u32::from(it.bytes[0] >> 4).to_string()).collect();
    let kinds: Vec<_> =
        found.lines().map(|line| line.split('\t').next().unwrap_or_default()).collect();
    assert_eq!(kinds, expected, "{found}");
    for topic in ["news/1", "news/2", "news/long", "a/long/name", "lost"] {
        assert!(found.contains(topic), "{topic}: {found}");
    }
    let wrong = "_ws.malformed || tcp.analysis.flags \
                 || tcp.checksum.status == 0 || ip.checksum.status == 0";
    assert_eq!(tshark(&path, &["-Y", wrong]).as_deref(), Some(""));
    let good = tshark(&path, &["-Y", "tcp.checksum.status == 1"]).expect("it is installed");
    assert!(good.lines().count() > expected.len(), "the checksums were looked at");
    let dropped = tshark(&path, &["-Y", "frame.comment contains \"DROPPED\""]);
    assert_eq!(dropped.expect("it is installed").lines().count(), 1);
}
