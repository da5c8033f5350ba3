//! A client's way in on arbitrary bytes.

use bytes::BytesMut;
use palisade_relay::{Sequence, Step};

use crate::login::{
    Bearer, BearerDenied, ClientBearer, ClientOpening, ClientPassword, LoginMethod, Opened,
    check_parameters,
};

/// Plays a client's way in, in one piece and in pieces.
///
/// The first bytes say where the pieces end, and which way the gateway offers.
pub fn login(data: &[u8]) {
    let (cuts, stream) = data.split_at(data.len().min(8));
    let offered = match cuts.first() {
        Some(cut) if cut % 2 == 1 => LoginMethod::OAuth,
        _ => LoginMethod::Password,
    };
    let whole = Entrance::play(offered, &[stream]);
    let mut pieces = Vec::new();
    let mut rest = stream;
    for cut in cuts {
        let (piece, after) = rest.split_at(usize::from(*cut).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    assert_eq!(whole, Entrance::play(offered, &pieces), "it depends on how the bytes come");
    if let Some(token) = &whole.token {
        let given = |token: &[u8]| stream.windows(token.len()).any(|window| window == token);
        assert!(token.is_empty() || given(token.as_bytes()), "a token that nobody gave");
    }
    assert!(whole.told.len() < 4096, "a client is told more than it needs to hear");
}

/// What becomes of a client.
#[derive(Debug, PartialEq, Eq)]
struct Entrance {
    told: Vec<u8>,
    token: Option<String>,
    ends: &'static str,
    left: usize,
}

struct Client<'a> {
    pieces: std::slice::Iter<'a, &'a [u8]>,
    input: BytesMut,
    told: BytesMut,
}

impl Client<'_> {
    /// `None` where the sequence refuses, or wants what there is not.
    fn converse<S: Sequence>(&mut self, mut sequence: S) -> Option<S::Done> {
        loop {
            match sequence.step(&mut self.input, &mut self.told) {
                Ok(Step::Done(done)) => return Some(done),
                Ok(Step::Read) => self.input.extend_from_slice(self.pieces.next()?),
                Ok(Step::Secure) => sequence.secured(None),
                Ok(Step::SecureAtOnce(_)) | Err(_) => {
                    // What was not read by then is nobody's.
                    self.pieces.by_ref().for_each(|piece| self.input.extend_from_slice(piece));
                    return None;
                }
            }
        }
    }
}

impl Entrance {
    fn play(offered: LoginMethod, pieces: &[&[u8]]) -> Self {
        let mut client =
            Client { pieces: pieces.iter(), input: BytesMut::new(), told: BytesMut::new() };
        let (ends, token) = Self::enter(&mut client, offered);
        client.pieces.by_ref().for_each(|piece| client.input.extend_from_slice(piece));
        Self { told: client.told.to_vec(), token, ends, left: client.input.len() }
    }

    fn enter(client: &mut Client<'_>, offered: LoginMethod) -> (&'static str, Option<String>) {
        let Some(opened) = client.converse(ClientOpening::new(true)) else {
            return ("before its opening", None);
        };
        let Opened::Session { parameters, method, .. } = opened else {
            return ("by cancelling", None);
        };
        if let Ok(passed) = check_parameters(&parameters) {
            let own = |name: &str| name.to_ascii_lowercase().starts_with("palisade.");
            assert!(!passed.iter().any(|(name, _)| own(name)), "the gateway's own goes on");
        }
        let user = parameters.iter().find(|(name, _)| name == "user");
        let user = user.map(|(_, user)| user.as_str()).unwrap_or_default();
        let method = method.unwrap_or(offered);
        let bearer = match method {
            LoginMethod::Password => client.converse(ClientPassword::default()),
            LoginMethod::OAuth => client.converse(ClientBearer::new(user)),
        };
        let token = match bearer {
            None => return ("before its token", None),
            Some(Bearer::Asks) => None,
            Some(Bearer::Token(token)) => Some(token.as_str().to_owned()),
        };
        // As if every token were refused.
        match method {
            LoginMethod::Password => ("refused", token),
            LoginMethod::OAuth => match client.converse(BearerDenied::new(None)) {
                Some(()) => ("refused", token),
                None => ("before it heard that it is refused", token),
            },
        }
    }
}
