//! Takes the gateway's credential out of what a service says: some repeat what they were sent.

use std::ops::Range;

use bytes::Bytes;
use memchr::memmem;
use zeroize::Zeroizing;

/// Shorter secrets are found in any text.
const SHORTEST: usize = 6;
/// What takes the place of each byte, so that lengths stay as they are.
const STAR: u8 = b'*';

/// The forms of a credential, to be looked for in one response. There are a few of them, and most responses are short: nothing
/// is prepared for the search that would cost more than it.
pub(crate) struct Echo {
    forms: Vec<Zeroizing<Vec<u8>>>,
    /// What may be the beginning of a form.
    held: Vec<u8>,
}

impl Echo {
    pub(crate) fn new(mut forms: Vec<Zeroizing<Vec<u8>>>) -> Self {
        forms.retain(|form| form.len() >= SHORTEST);
        Self { forms, held: vec![] }
    }

    /// Whether there is something to look for.
    pub(crate) fn looks(&self) -> bool {
        !self.forms.is_empty()
    }

    /// Whether the credential is in a whole text.
    pub(crate) fn is_in(&self, text: &[u8]) -> bool {
        self.forms.iter().any(|form| memmem::find(text, form.as_slice()).is_some())
    }

    /// Covers the credential in a whole text; says whether it was there.
    pub(crate) fn cover(&self, text: &mut [u8]) -> bool {
        let of = |form: &Zeroizing<Vec<u8>>| {
            let length = form.len();
            memmem::find_iter(text, form.as_slice()).map(|at| at..at + length).collect::<Vec<_>>()
        };
        // One form may lie within another, so nothing is covered before all are found.
        let found: Vec<Range<usize>> = self.forms.iter().flat_map(of).collect();
        for range in &found {
            text.get_mut(range.clone()).unwrap_or_default().fill(STAR);
        }
        !found.is_empty()
    }

    /// The next piece of a stream, without the credential. What may be its beginning waits for the next piece.
    pub(crate) fn feed(&mut self, piece: Bytes) -> Bytes {
        if self.forms.is_empty() {
            return piece;
        }
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(&piece);
        self.cover(&mut text);
        let hold = self.forms.iter().map(|form| overlap(&text, form)).max().unwrap_or(0);
        self.held = text.split_off(text.len() - hold);
        text.into()
    }

    /// What waited, at the stream's end.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

/// How much of the text's end could be the form's beginning.
pub(crate) fn overlap(text: &[u8], form: &[u8]) -> usize {
    let longest = text.len().min(form.len().saturating_sub(1));
    (1..=longest)
        .rev()
        .find(|&length| form.get(..length).is_some_and(|f| text.ends_with(f)))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn echo() -> Echo {
        Echo::new(vec![Zeroizing::new(b"hunter2hunter3".to_vec()), Zeroizing::new(b"x".to_vec())])
    }

    fn through(pieces: &[&[u8]]) -> String {
        let mut echo = echo();
        let mut out: Vec<u8> =
            pieces.iter().flat_map(|piece| echo.feed(Bytes::copy_from_slice(piece))).collect();
        out.extend(echo.finish());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_credential_that_comes_back_is_covered_however_it_is_cut() {
        assert_eq!(through(&[b"a hunter2hunter3 b"]), "a ************** b");
        assert_eq!(through(&[b"a hun", b"ter2hunte", b"r3 b"]), "a ************** b");
        assert_eq!(through(&[b"a hunter2hun", b"ger"]), "a hunter2hunger");
    }

    #[test]
    fn a_form_that_lies_in_another_or_across_one_hides_neither() {
        let forms = [&b"secret-secret"[..], b"et-secret-2", b"secret"];
        let forms = forms.map(|form| Zeroizing::new(form.to_vec())).to_vec();
        let mut text = b"a secret-secret-2 secret b".to_vec();
        assert!(Echo::new(forms).cover(&mut text));
        assert_eq!(text, b"a *************** ****** b");
    }

    #[test]
    fn nothing_waits_that_could_not_be_its_beginning() {
        assert_eq!(echo().feed(Bytes::from_static(b"data: x\n\n")), "data: x\n\n");
        assert_eq!(echo().feed(Bytes::from_static(b"data: h")), "data: ");
    }

    proptest! {
        #[test]
        fn every_cut_gives_the_same(cuts in proptest::collection::vec(0_usize..24, 0..6)) {
            let text = b"hunhunter2hunter3hunter2";
            let mut cuts = cuts;
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|two| &text[two[0]..two[1]]).collect();
            prop_assert_eq!(through(&pieces), through(&[text]));
        }
    }
}
