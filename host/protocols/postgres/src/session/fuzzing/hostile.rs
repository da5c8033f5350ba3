//! A server and a client that send anything: nothing panics, and nothing gets through even so.

use bytes::{BufMut, BytesMut};
use palisade_relay::{Machine, Peer};

use super::statements::{ColumnOf, NAMES, text};
use super::world::{FIRST_OID, MARKER, data_row};
use super::{Play, STEPS, messages, shows_marker};
use crate::codec::build;
use crate::fuzzing::choices::Choices;

/// What a hostile server says that its columns are: protected ones.
const COLUMNS: [ColumnOf; 2] =
    [("secret", FIRST_OID + 1, 2, MARKER), ("remark", FIRST_OID + 2, 2, MARKER)];

pub(super) fn play(play: &mut Play<'_>, choices: &mut Choices<'_>) {
    for _ in 0..STEPS {
        if choices.is_spent() || play.output.is_ended() {
            return;
        }
        let mut bytes = BytesMut::new();
        let peer = if choices.one_in(2) { Peer::Server } else { Peer::Client };
        match peer {
            Peer::Client => from_client(&mut bytes, choices),
            Peer::Server => from_server(&mut bytes, choices),
        }
        let [client, server] = &mut play.inputs;
        match peer {
            Peer::Client => client.unsplit(bytes),
            Peer::Server => server.unsplit(bytes),
        }
        if !choices.one_in(8) {
            run(play);
        }
    }
}

fn run(play: &mut Play<'_>) {
    for _ in 0..4 {
        for peer in [Peer::Client, Peer::Server] {
            if let Some(wait) = play.output.take_wait(peer) {
                let answer = play.runtime.block_on(wait);
                play.session.answer(peer, answer, &mut play.output);
            }
            if play.output.is_ended() {
                break;
            }
            let [client, server] = &mut play.inputs;
            let input = if peer == Peer::Client { client } else { server };
            play.session.receive(peer, input, &mut play.output);
        }
    }
    let sent = play.output.client.take();
    assert!(!shows_marker(&sent), "a protected value reached the client");
    for message in messages(&play.output.server.take()) {
        play.check_sent(message);
    }
}

fn from_client(out: &mut BytesMut, choices: &mut Choices<'_>) {
    match choices.below(12) {
        0 | 1 => build::query(out, &text(choices.byte(), choices.byte())),
        2 | 3 => {
            let name = choices.one_of(&NAMES);
            build::parse(out, name, &text(choices.byte(), choices.byte()), &[0, 0]);
        }
        4 => build::frame(out, b'B', |out| out.put_slice(&[0; 8])),
        5 => build::frame(out, b'E', |out| out.put_slice(&[0; 5])),
        6 => build::frame(out, b'D', |out| out.put_slice(b"P\0")),
        7 => build::frame(out, choices.one_of(b"SSSHcdf"), |_| {}),
        8 => out.put_slice(choices.take(9)),
        _ => {
            let tag = choices.one_of(b"QPBDECSHdcfFXpR");
            let count = choices.below(12);
            let body = choices.take(count);
            build::frame(out, tag, |out| out.put_slice(body));
        }
    }
}

fn from_server(out: &mut BytesMut, choices: &mut Choices<'_>) {
    match choices.below(16) {
        0 | 1 => {
            let count = 1 + choices.below(2);
            super::server::row_description(out, COLUMNS.get(..count).unwrap_or(&[]));
        }
        2 | 3 => {
            let cells = vec![Some(MARKER.as_bytes()); choices.below(4)];
            data_row(out, &cells);
        }
        4 => build::frame(out, b'C', |out| build::cstr(out, "SELECT 1")),
        5 => build::ready(out, choices.one_of(b"ITEX")),
        6 => build::frame(out, choices.one_of(b"123nIsc"), |_| {}),
        7 => build::frame(out, choices.one_of(b"GHW"), |out| out.put_slice(&[0, 0, 2, 0, 0, 0, 0])),
        8 => build::frame(out, b'd', |out| out.put_slice(b"1\tx\n")),
        9 => build::parameter(out, "client_encoding", choices.one_of(&["UTF8", "LATIN1"])),
        10 => build::parameter(out, "standard_conforming_strings", choices.one_of(&["on", "off"])),
        11 => {
            let severity = choices.one_of(&["ERROR", "FATAL", "NOTICE"]);
            let report =
                build::Report { severity, code: "22012", message: "m", detail: "", hint: "" };
            report.error(out);
        }
        12 => out.put_slice(choices.take(9)),
        _ => {
            let tag = choices.one_of(b"123AcCdDEGHIKnNRsStTVvWZ");
            let count = choices.below(12);
            let body = choices.take(count);
            build::frame(out, tag, |out| out.put_slice(body));
        }
    }
}
