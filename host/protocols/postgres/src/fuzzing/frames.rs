//! The frame cutter and every decoder on arbitrary bytes.

use bytes::{BufMut, BytesMut};

use crate::codec::{Frame, FrameError, backend, build, frontend, peek, startup};

/// Small, so that lengths above it are met.
const LIMIT: u32 = 1 << 12;

/// Cuts bytes into frames, in one piece and in pieces, and decodes each frame as everything that it may be.
///
/// The first bytes say where the pieces end.
pub fn frame_codec(data: &[u8]) {
    let (cuts, stream) = data.split_at(data.len().min(8));
    opening(stream);
    let whole = cut(&[stream]);
    let mut pieces = Vec::new();
    let mut rest = stream;
    for cut in cuts {
        let (piece, after) = rest.split_at(usize::from(*cut).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    assert_eq!(whole, cut(&pieces), "frames depend on how the bytes come");
    for (tag, body) in &whole.0 {
        let frame = Frame { tag: *tag, body };
        let mut bytes = BytesMut::new();
        build::frame(&mut bytes, *tag, |out| out.put_slice(body));
        from_client(&frame, &bytes);
        from_server(&frame, &bytes);
    }
}

type Cut = (Vec<(u8, Vec<u8>)>, Option<FrameError>, usize);

/// The frames in these pieces, what is wrong behind them, and how many bytes are left over.
fn cut(pieces: &[&[u8]]) -> Cut {
    let mut input = BytesMut::new();
    let mut frames = Vec::new();
    let mut error = None;
    for piece in pieces {
        input.extend_from_slice(piece);
        while error.is_none() {
            match peek(&input, LIMIT) {
                Ok(Some(header)) if header.size <= input.len() => {
                    let bytes = input.split_to(header.size);
                    let frame = Frame::of(&bytes, header);
                    assert_eq!(frame.body.len() + 5, header.size, "a body of another size");
                    frames.push((frame.tag, frame.body.to_vec()));
                }
                Ok(_) => break,
                Err(wrong) => error = Some(wrong),
            }
        }
    }
    (frames, error, input.len())
}

fn opening(bytes: &[u8]) {
    let Ok(Some((opening, size))) = startup::decode(bytes) else { return };
    let mut built = BytesMut::new();
    match &opening {
        startup::Opening::Ssl => build::ssl_request(&mut built),
        startup::Opening::Cancel { process, key } => {
            build::cancel_request(&mut built, *process, key);
        }
        startup::Opening::Startup { version, parameters } => {
            let all = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            build::startup(&mut built, all);
            if *version != startup::V3_0 {
                assert_eq!(built.len(), size, "a start-up of another size");
                return;
            }
        }
        startup::Opening::GssEnc => return assert_eq!(size, 8),
    }
    assert_eq!(bytes.get(..size), Some(&built[..]), "{opening:?} is not what it was read from");
}

fn from_client(frame: &Frame<'_>, bytes: &[u8]) {
    let mut built = BytesMut::new();
    let same = |built: &mut BytesMut| assert_eq!(built.split().get(5..), bytes.get(5..));
    if let Ok(text) = frontend::query(frame)
        && let Ok(text) = std::str::from_utf8(text)
    {
        build::query(&mut built, text);
        same(&mut built);
    }
    if let Ok(parse) = frontend::Parse::decode(frame)
        && let Ok(text) = std::str::from_utf8(parse.text)
    {
        build::parse(&mut built, parse.name, text, parse.types);
        same(&mut built);
    }
    if let Ok(frontend::Named::Portal(name)) = frontend::Named::decode(frame) {
        build::describe_portal(&mut built, name);
        same(&mut built);
    }
    if let Ok(password) = frontend::password(frame) {
        build::password(&mut built, password);
        same(&mut built);
    }
    if let Ok(sasl) = frontend::SaslInitial::decode(frame) {
        build::sasl_initial(&mut built, sasl.mechanism, sasl.data);
        same(&mut built);
    }
    if let Ok(bind) = frontend::Bind::decode(frame) {
        let least = bind.portal.len() + bind.statement.len() + 8 + 2 * bind.result_formats.len();
        assert!(frame.body.len() >= least, "a Bind shorter than its parts");
    }
    if let Ok((portal, _)) = frontend::execute(frame) {
        assert_eq!(frame.body.len(), portal.len() + 5, "an Execute of another size");
    }
}

fn from_server(frame: &Frame<'_>, bytes: &[u8]) {
    let mut built = BytesMut::new();
    let same = |built: &mut BytesMut| assert_eq!(built.split().get(5..), bytes.get(5..));
    if let Ok(columns) = backend::row_description(frame) {
        // A name that is not UTF-8 grows when it is shown.
        let size = 2 + columns.iter().map(|column| column.name.len() + 19).sum::<usize>();
        assert!(size >= frame.body.len(), "a RowDescription longer than its columns");
    }
    if let Ok(values) = backend::Values::decode(frame) {
        let count = values.left();
        let values: Result<Vec<_>, _> = values.collect();
        if let Ok(values) = values {
            assert_eq!(values.len(), count, "a row with another number of values");
            let size =
                2 + values.iter().map(|value| 4 + value.map_or(0, <[u8]>::len)).sum::<usize>();
            assert!(count == 0 || size == frame.body.len(), "a row of another size");
        }
    }
    if let Ok(status) = backend::status(frame) {
        build::ready(&mut built, status);
        same(&mut built);
    }
    if let Ok((process, key)) = backend::key_data(frame) {
        build::key_data(&mut built, process, key);
        same(&mut built);
    }
    if let Ok((name, value)) = backend::parameter(frame) {
        build::parameter(&mut built, name, value);
        assert!(
            bytes.get(5..).is_some_and(|body| body.starts_with(built.get(5..).unwrap_or(&[0])))
        );
    }
    let _ = backend::command_tag(frame);
    let _ = backend::report(frame);
    let _ = backend::copy_out(frame);
}
