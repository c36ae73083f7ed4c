//! A stream of events: wherever it is cut, and in whatever pieces it comes, the same frames and the same error come of it; an
//! event that was understood is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signet_verifier::{Event, EventReader, FeedError, Frame};

/// Small, so that the limit is met.
const LIMIT: usize = 512;

fuzz_target!(|bytes: &[u8]| {
    // The first byte says how large the pieces are.
    let Some((&size, bytes)) = bytes.split_first() else { return };
    let (frames, error) = read([bytes]);
    assert_eq!(read(bytes.chunks(usize::from(size).max(1))), (frames.clone(), error));
    for frame in frames {
        assert!(frame.data.len() + frame.event.len() <= LIMIT);
        let Ok(Some(event)) = Event::parse(&frame) else { continue };
        let wire = event.to_wire();
        let mut reader = EventReader::new(wire.len());
        reader.push(wire.as_bytes());
        let again = reader.next_frame().expect("what was written can be read").expect("and is whole");
        assert_eq!(Event::parse(&again), Ok(Some(event)));
    }
});

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
