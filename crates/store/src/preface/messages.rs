//! Where messages begin in a stream of them that arrives in pieces.

/// Follows one direction of a connection.
pub(super) struct Messages {
    /// Bytes of the present message's length that are known; four: all of it.
    known: u8,
    length: u32,
    /// Bytes of its body that are still to come.
    left: usize,
}

impl Messages {
    /// From the beginning of a session, as the client writes: its first message has no tag.
    pub(super) fn from_client() -> Self {
        Self {
            known: 0,
            length: 0,
            left: 0,
        }
    }

    /// As the server writes.
    pub(super) fn from_server() -> Self {
        Self {
            known: 4,
            ..Self::from_client()
        }
    }

    /// The tag, if a message begins with the first of these bytes, and how many of them belong to the message.
    /// There is at least one.
    pub(super) fn step(&mut self, bytes: &[u8]) -> (Option<u8>, usize) {
        let mut used = 0;
        let mut tag = None;
        if self.known == 4 && self.left == 0 {
            tag = Some(bytes[0]);
            (self.known, self.length) = (0, 0);
            used = 1;
        }
        while self.known < 4 && used < bytes.len() {
            self.length = self.length << 8 | u32::from(bytes[used]);
            self.known += 1;
            used += 1;
            // The length counts itself.
            self.left = self.length.saturating_sub(4) as usize;
        }
        if self.known == 4 {
            let body = self.left.min(bytes.len() - used);
            self.left -= body;
            used += body;
        }
        (tag, used)
    }
}
