//! A method call and its bytes.

/// Which method of which object, with arguments that are texts.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The name on the bus of whom it is for.
    pub destination: &'a str,
    pub path: &'a str,
    pub interface: &'a str,
    pub member: &'a str,
    pub arguments: &'a [&'a str],
}

const METHOD_CALL: u8 = 1;
/// A service that is not running is not to be started for our sake.
const NO_AUTO_START: u8 = 2;
const PROTOCOL_VERSION: u8 = 1;

const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const DESTINATION: u8 = 6;
const SIGNATURE: u8 = 8;

impl Call<'_> {
    /// Appends the message, in little endian.
    pub(crate) fn write(&self, serial: u32, out: &mut Vec<u8>) {
        let mut message = Message { start: out.len(), out };
        message.out.extend_from_slice(&[b'l', METHOD_CALL, NO_AUTO_START, PROTOCOL_VERSION]);
        let body_length = message.u32(0);
        message.u32(serial);
        let fields_length = message.u32(0);
        let fields = message.out.len();
        message.field(PATH, b'o', self.path);
        message.field(INTERFACE, b's', self.interface);
        message.field(MEMBER, b's', self.member);
        if !self.destination.is_empty() {
            message.field(DESTINATION, b's', self.destination);
        }
        if !self.arguments.is_empty() {
            message.align(8);
            message.out.extend_from_slice(&[SIGNATURE, 1, b'g', 0]);
            // Nobody passes as many as 255 arguments.
            message.out.push(u8::try_from(self.arguments.len()).unwrap_or(u8::MAX));
            message.out.extend(self.arguments.iter().map(|_| b's'));
            message.out.push(0);
        }
        message.set(fields_length, message.out.len() - fields);
        message.align(8);
        let body = message.out.len();
        self.arguments.iter().for_each(|argument| message.text(argument));
        message.set(body_length, message.out.len() - body);
    }
}

/// The message being written, at the end of what is to be sent.
struct Message<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl Message<'_> {
    fn align(&mut self, to: usize) {
        let length = (self.out.len() - self.start).next_multiple_of(to);
        self.out.resize(self.start + length, 0);
    }

    /// Returns its place, to be set later.
    fn u32(&mut self, number: u32) -> usize {
        self.align(4);
        self.out.extend_from_slice(&number.to_le_bytes());
        self.out.len() - 4
    }

    fn set(&mut self, place: usize, length: usize) {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.out[place..place + 4].copy_from_slice(&length.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(0);
    }

    fn field(&mut self, code: u8, kind: u8, text: &str) {
        self.align(8);
        self.out.extend_from_slice(&[code, 1, kind, 0]);
        self.text(text);
    }
}
