//! Server-sent events (WHATWG HTML §9.2): bytes to frames, wherever the network cut them.
//!
//! Bytes are kept only until their line is whole, and each is looked at once: a line that arrives a byte at a time costs what
//! it costs in one piece. Stricter than a browser in two ways: what is not UTF-8 is refused instead of mended, and a line or
//! an event over the limit is refused instead of filling the memory. `retry` is not obeyed: how to reconnect is ours to say.

use super::event::FeedError;

/// One event as it came over the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// `id:`, if any.
    pub id: Option<String>,
    /// `event:`; empty if there was none.
    pub event: String,
    /// The `data:` lines, joined.
    pub data: String,
}

/// Cuts a byte stream into frames, wherever the network cut it.
#[derive(Debug)]
pub struct EventReader {
    max_bytes: usize,
    bytes: Vec<u8>,
    /// Where the first line begins that has not been taken yet.
    line: usize,
    /// How far that line has been searched for its end.
    searched: usize,
    /// Whether the last line ended in a carriage return that a line feed may still belong to.
    after_return: bool,
    /// Whether a line has been taken: only the first may begin with a byte order mark.
    begun: bool,
    frame: Frame,
    /// An event without any `data:` is no event; one with an empty one is.
    has_data: bool,
}

impl EventReader {
    /// A reader that refuses lines and events of more than so many bytes.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            bytes: Vec::new(),
            line: 0,
            searched: 0,
            after_return: false,
            begun: false,
            frame: Frame::default(),
            has_data: false,
        }
    }

    /// Takes in more bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        // What has been taken makes room once it is half of what is here: no byte is moved more than twice on average.
        if self.line > self.bytes.len() / 2 {
            self.bytes.drain(..self.line);
            self.searched -= self.line;
            self.line = 0;
            // One large event, and the stream may live for weeks.
            self.bytes.shrink_to(KEPT_CAPACITY);
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame, if there is one.
    ///
    /// # Errors
    /// `TooLarge`, `Malformed` (not UTF-8); the stream is of no use after that.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FeedError> {
        while let Some(line) = self.next_line()? {
            if line.is_empty() {
                let frame = std::mem::take(&mut self.frame);
                if std::mem::take(&mut self.has_data) {
                    return Ok(Some(frame));
                }
            } else {
                self.take_field(&line)?;
            }
        }
        Ok(None)
    }

    /// The next whole line's place, without its end.
    fn next_line(&mut self) -> Result<Option<Line>, FeedError> {
        if self.after_return && self.line < self.bytes.len() {
            self.after_return = false;
            if self.bytes.get(self.line) == Some(&b'\n') {
                self.line += 1;
                self.searched = self.line;
            }
        }
        let unsearched = self.bytes.get(self.searched..).unwrap_or_default();
        let end =
            unsearched.iter().position(|byte| matches!(byte, b'\n' | b'\r')).map(|at| self.searched + at);
        self.searched = end.unwrap_or(self.bytes.len());
        if self.searched - self.line > self.max_bytes {
            return Err(FeedError::TooLarge);
        }
        let Some(end) = end else { return Ok(None) };
        let mut line = Line { start: self.line, end };
        if !std::mem::replace(&mut self.begun, true) && self.text(&line).starts_with(BYTE_ORDER_MARK) {
            line.start += BYTE_ORDER_MARK.len();
        }
        self.after_return = self.bytes.get(end) == Some(&b'\r');
        self.line = end + 1;
        self.searched = self.line;
        Ok(Some(line))
    }

    fn text(&self, line: &Line) -> &[u8] {
        self.bytes.get(line.start..line.end).unwrap_or_default()
    }

    fn take_field(&mut self, line: &Line) -> Result<(), FeedError> {
        let bytes = self.bytes.get(line.start..line.end).unwrap_or_default();
        let text = std::str::from_utf8(bytes).map_err(|_| FeedError::Malformed)?;
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        let frame = &mut self.frame;
        match name {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    frame.data.push('\n');
                }
                frame.data.push_str(value);
            }
            "event" => value.clone_into(&mut frame.event),
            "id" if !value.contains('\0') => frame.id = Some(value.to_owned()),
            // Comments (no name), `retry`, and whatever else there may be.
            _ => {}
        }
        let held = frame.data.len() + frame.event.len() + frame.id.as_ref().map_or(0, String::len);
        if held > self.max_bytes { Err(FeedError::TooLarge) } else { Ok(()) }
    }
}

/// Room that is kept for the next bytes.
const KEPT_CAPACITY: usize = 256 * 1024;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Where a line is among the bytes that are held.
struct Line {
    start: usize,
    end: usize,
}

impl Line {
    fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 64;

    /// Everything that comes of these pieces: the frames, and the error that ended them.
    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Frame>, Option<FeedError>) {
        let mut reader = EventReader::new(LIMIT);
        let mut frames = Vec::new();
        for piece in pieces {
            reader.push(piece);
            loop {
                match reader.next_frame() {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => break,
                    Err(error) => return (frames, Some(error)),
                }
            }
        }
        (frames, None)
    }

    fn frames(text: &str) -> Vec<Frame> {
        let (frames, error) = read([text.as_bytes()]);
        assert_eq!(error, None);
        frames
    }

    fn frame(event: &str, data: &str) -> Frame {
        Frame { id: None, event: event.into(), data: data.into() }
    }

    #[test]
    fn a_frame_has_the_fields_of_its_lines() {
        let read = frames("id: q1\nevent: heartbeat\ndata: {}\n\n");
        assert_eq!(read, [Frame { id: Some("q1".into()), ..frame("heartbeat", "{}") }]);
    }

    #[test]
    fn lines_end_in_cr_lf_or_both() {
        for end in ["\n", "\r", "\r\n"] {
            let text = "event: a\ndata: 1\n\ndata: 2\n\n".replace('\n', end);
            assert_eq!(frames(&text), [frame("a", "1"), frame("", "2")], "{end:?}");
        }
        assert_eq!(frames("data: 1\r\n\ndata: 2\n\r\n"), [frame("", "1"), frame("", "2")]);
    }

    #[test]
    fn data_lines_are_joined_by_line_feeds() {
        assert_eq!(frames("data: a\ndata\ndata:b\ndata:  c\n\n"), [frame("", "a\n\nb\n c")]);
    }

    #[test]
    fn an_event_without_data_is_none_and_leaves_nothing_behind() {
        assert_eq!(frames("event: a\nid: 1\n\ndata:\n\n"), [frame("", "")]);
    }

    #[test]
    fn comments_retry_and_unknown_fields_are_passed_over() {
        assert_eq!(frames(": hi\n:\nretry: 1\nfoo: bar\nDATA: x\ndata: a\n\n\n\n"), [frame("", "a")]);
    }

    #[test]
    fn a_byte_order_mark_is_passed_over_at_the_start_only() {
        assert_eq!(frames("\u{feff}data: a\n\n\u{feff}data: b\n\n"), [frame("", "a")]);
    }

    #[test]
    fn an_id_with_nul_is_passed_over() {
        assert_eq!(frames("id: a\nid: b\0\ndata: 1\n\n"), [Frame { id: Some("a".into()), ..frame("", "1") }]);
    }

    #[test]
    fn what_is_cut_short_is_no_frame() {
        assert_eq!(frames("data: a\n\ndata: b\n"), [frame("", "a")]);
    }

    #[test]
    fn what_is_not_utf8_is_refused_after_what_was_whole() {
        let (frames, error) = read([&b"data: a\n\ndata: \xff\n\n"[..]]);
        assert_eq!((frames, error), (vec![frame("", "a")], Some(FeedError::Malformed)));
    }

    #[test]
    fn a_line_over_the_limit_is_refused_before_it_ends() {
        let at_the_limit = format!("data: {}\n\n", "x".repeat(LIMIT - 6));
        assert_eq!(frames(&at_the_limit).len(), 1);
        let (_, error) = read([format!("data: {}", "x".repeat(LIMIT - 5)).as_bytes()]);
        assert_eq!(error, Some(FeedError::TooLarge));
    }

    #[test]
    fn an_event_over_the_limit_is_refused_however_short_its_lines() {
        let (_, error) = read(["data: 0123456789\n".repeat(7).as_bytes()]);
        assert_eq!(error, Some(FeedError::TooLarge));
    }

    #[test]
    fn what_has_been_read_does_not_pile_up() {
        let mut reader = EventReader::new(LIMIT);
        for _ in 0..1_000 {
            reader.push(b"data: 0123456789\n\n: kept alive\n");
            assert!(reader.next_frame().unwrap().is_some());
            assert!(reader.next_frame().unwrap().is_none());
        }
        assert!(reader.bytes.capacity() < 1_024, "{}", reader.bytes.capacity());
    }

    proptest! {
        #[test]
        fn the_frames_are_the_same_wherever_the_bytes_are_cut(
            text in "(data: |event: |id: |data|[a-c:\u{feff}é]|[ \0]|\r|\n|\n\n|\r\n){0,60}",
            cuts in vec(0_usize..400, 0..12),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|ends| &bytes[ends[0]..ends[1]]);
            let whole = read([bytes]);
            prop_assert_eq!(read(pieces), whole.clone());
            prop_assert_eq!(read(bytes.chunks(1)), whole);
        }
    }
}
