//! Server-sent events (HTML living standard, section 9.2), piece by piece.

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// The last id of the stream, where it has one.
    pub(crate) id: Option<String>,
    /// What it says.
    pub(crate) data: String,
}

/// The stream is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {0} bytes, or no text")]
pub(crate) struct Malformed(usize);

/// Reads a stream of events.
pub(crate) struct Events {
    limit: usize,
    line: Vec<u8>,
    after_return: bool,
    id: Option<String>,
    data: Option<String>,
}

impl Events {
    /// A reader of events that are no longer than so many bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, line: vec![], after_return: false, id: None, data: None }
    }

    /// Takes the next piece. Gives the events that are whole now.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Result<Vec<Event>, Malformed> {
        let mut events = Vec::new();
        for &byte in piece {
            let is_end = byte == b'\n' || byte == b'\r';
            let is_second = byte == b'\n' && self.after_return;
            self.after_return = byte == b'\r';
            if is_second {
                continue;
            }
            if !is_end {
                self.line.push(byte);
                if self.line.len() > self.limit {
                    return Err(Malformed(self.limit));
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = String::from_utf8(line).map_err(|_| Malformed(self.limit))?;
            events.extend(self.line(&line)?);
        }
        Ok(events)
    }

    fn line(&mut self, line: &str) -> Result<Option<Event>, Malformed> {
        if line.is_empty() {
            let data = self.data.take();
            return Ok(data.map(|data| Event { id: self.id.clone(), data }));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field.trim_start_matches('\u{feff}') {
            "data" => match &mut self.data {
                None => self.data = Some(value.to_owned()),
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
            },
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            _ => {}
        }
        match &self.data {
            Some(data) if data.len() > self.limit => Err(Malformed(self.limit)),
            _ => Ok(None),
        }
    }

    /// The last id, to go on from.
    pub(crate) fn last_id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&[u8]]) -> Vec<(Option<String>, String)> {
        let mut events = Events::new(100);
        let mut all = Vec::new();
        for piece in pieces {
            all.extend(events.feed(piece).unwrap());
        }
        all.into_iter().map(|event| (event.id, event.data)).collect()
    }

    #[test]
    fn events_end_with_an_empty_line_however_lines_end() {
        let event = |id: Option<&str>, data: &str| (id.map(str::to_owned), data.to_owned());
        let text = b": x\r\nid: 7\r\ndata: a\r\ndata:b\r\n\r\nevent: m\ndata\n\ndata: lost";
        assert_eq!(read(&[text]), [event(Some("7"), "a\nb"), event(Some("7"), "")]);
        assert_eq!(read(&[b"data: a\r", b"\n\r\n"]), [event(None, "a")]);
    }

    #[test]
    fn events_are_bounded() {
        let mut events = Events::new(10);
        assert!(events.feed(&[b'x'; 11]).is_err());
        let mut events = Events::new(10);
        assert!(events.feed(b"data: 12345\ndata: 123456\n").is_err());
    }

    proptest! {
        #[test]
        fn every_cut_gives_the_same(cut in 0usize..40) {
            let text = b"id: 1\r\ndata: {\"a\":1}\r\n\r\ndata: b\n\n: c\n\n";
            let (a, b) = text.split_at(cut.min(text.len()));
            prop_assert_eq!(read(&[a, b]), read(&[text]));
        }
    }
}
