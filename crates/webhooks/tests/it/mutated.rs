//! Does the fuzzer's entry point hold for inputs that are almost right?

use crate::entry::deliver;

/// Real shapes, which the mutations start from: source and method, then what is posted.
const SEEDS: [&[u8]; 8] = [
    b"\x10MessageSid=SM1&From=%2B14017122661&To=whatsapp%3A%2B15558675310&Body=hi&NumMedia=1&MediaUrl0=https%3A%2F%2Fm",
    b"\x10CallSid=CA1&From=anonymous&To=%2B15558675310&CallStatus=ringing&Direction=inbound&SequenceNumber=1",
    b"\x1chttps://u:p@h.example:99/a?CallSid=CA1&CallStatus=busy&it's=1#x\0",
    b"\x10RecordingSid=RE1&RecordingStatus=completed&CallSid=CA1&RecordingDuration=12",
    br#"{"message":{"type":"end-of-call-report","durationSeconds":"25.2","startedAt":1795342272,"endedAt":"2026-11-22T10:11:12Z","analysis":{"summary":"I'm Ann and want a \ud83d demo"},"call":{"id":"c","type":"inboundPhoneCall","monitor":{"a":1}},"phoneNumber":{"number":"+15558675310"},"customer":{"number":"+14017122661"}}}"#,
    br#"{"message":{"type":"tool-calls","toolCallList":[{"id":"t","function":{"name":"b","arguments":"{\"a\":1}"}}]}}"#,
    br#"{"event":"call.ended","data":{"call":{"id":"c","from":"+14017122661","to":"+15558675310","endedAt":1}}}"#,
    br#"{"event_id":7,"event_type":"lead.created","phone":"+15558675310","data":{"name":"Ann","phone":"+1 401 712 2661"}}"#,
];
/// What breaks parsers.
const MORSELS: [&[u8]; 14] = [
    b"\0",
    b"%",
    b"%ff",
    b"&&",
    b"==",
    b"\"",
    b"\\ud800",
    b"\\u0000",
    b"[[[[[[[[",
    b"{\"a\":",
    b"1e999",
    b"-1",
    b"\xff\xfe",
    "👍".as_bytes(),
];

/// Marsaglia's xorshift: the same inputs in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

#[test]
fn almost_right_inputs_break_nothing() {
    let mut random = Random(0x2026_1125);
    for round in 0..20_000 {
        let mut input = Vec::new();
        let seed = SEEDS[round % SEEDS.len()];
        if seed[0] == b'{' {
            // Vapi, or Make for the last.
            input.push(if round % SEEDS.len() == 7 { 2 } else { 1 });
        }
        input.extend_from_slice(seed);
        for _ in 0..random.below(6) {
            let at = random.below(input.len());
            match random.below(5) {
                0 => input[at] = u8::try_from(random.below(256)).unwrap(),
                1 => drop(input.remove(at)),
                2 => input.truncate(at.max(1)),
                3 => drop(input.splice(at..at, MORSELS[random.below(MORSELS.len())].iter().copied())),
                _ => {
                    let end = (at + random.below(40)).min(input.len());
                    let piece = input[at..end].to_vec();
                    input.splice(at..at, piece);
                }
            }
            if input.is_empty() {
                input.push(0);
            }
        }
        deliver(&input);
    }
}

#[test]
fn huge_and_deep_inputs_break_nothing() {
    for source in 0..3 {
        for piece in [
            "[",
            "{\"a\":",
            "a=",
            "&",
            "%",
            "\\",
            "\"",
            "👍",
            "{\"message\":{\"call\":",
        ] {
            let mut input = vec![source];
            input.extend_from_slice(piece.repeat(3_000_000 / piece.len()).as_bytes());
            deliver(&input);
        }
    }
    deliver(b"");
}
