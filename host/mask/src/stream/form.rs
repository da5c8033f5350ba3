//! Masks forms (`application/x-www-form-urlencoded`, WHATWG URL, section 5) as they come.
//!
//! A pair is judged when it is there as a whole: its name by the plan's keys, its value by detectors, both as they read.
//! Names such as `user[password]`, `user.password` and `tags[]` are paths too.
//! Some readers take `;` for `&`: what a pair holds behind one is judged as a pair as well.
//! Some read JSON whatever it is called: a covered key in quotation marks, in the whole or in what a pair says, is refused.

use super::members::Members;
use super::{MaskStream, Masks, Trouble, Unreadable};
use crate::cell::{CellForm, CellMask, Treated};
use crate::document::{Chosen, Path, fold_name};
use std::borrow::Cow;

/// Masks a form.
#[derive(Debug)]
pub struct FormStream {
    masks: Masks,
    /// The pair that is not complete.
    held: Vec<u8>,
    /// Where it begins.
    at: u64,
    covered: u64,
    /// Looks through the form as it is written.
    members: Option<Members>,
    failed: Option<Unreadable>,
}

impl FormStream {
    /// Begins a form.
    #[must_use]
    pub fn new(masks: Masks) -> Self {
        let members = Members::as_written(&masks);
        Self { masks, held: Vec::new(), at: 0, covered: 0, members, failed: None }
    }

    fn run(&mut self, mut chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Trouble> {
        while let Some(end) = memchr::memchr(b'&', chunk) {
            self.hold(chunk.get(..end).unwrap_or_default())?;
            self.release(out)?;
            out.push(b'&');
            chunk = chunk.get(end + 1..).unwrap_or_default();
        }
        self.hold(chunk)
    }

    fn hold(&mut self, part: &[u8]) -> Result<(), Trouble> {
        self.held.extend_from_slice(part);
        if self.held.len() <= self.masks.limits.held { Ok(()) } else { Err(Trouble::TooLong) }
    }

    fn fail(&mut self, trouble: Trouble) -> Unreadable {
        let failed = Unreadable { trouble, at: self.at };
        self.failed = Some(failed);
        failed
    }

    /// Judges the pair that is held.
    fn release(&mut self, out: &mut Vec<u8>) -> Result<(), Trouble> {
        let held = std::mem::take(&mut self.held);
        let judged = self.several(&held)?;
        self.covered += u64::from(matches!(judged, Cow::Owned(_)));
        out.extend_from_slice(&judged);
        self.at += held.len() as u64 + 1;
        self.held = held;
        self.held.clear();
        Ok(())
    }

    /// Judges a pair, and before it each of the pairs that some see in it.
    fn several<'p>(&self, pair: &'p [u8]) -> Result<Cow<'p, [u8]>, Trouble> {
        let whole = |pair: &'p [u8]| Ok(self.pair(pair)?.map_or(Cow::Borrowed(pair), Cow::Owned));
        if !pair.contains(&b';') {
            return whole(pair);
        }
        let parts: Vec<_> = pair.split(|byte| *byte == b';').collect();
        let judged: Result<Vec<_>, _> = parts.iter().map(|part| self.pair(part)).collect();
        let judged = judged?;
        if judged.iter().all(Option::is_none) {
            return whole(pair);
        }
        let parts = parts.into_iter().zip(judged);
        let parts: Vec<_> = parts.map(|(part, judged)| judged.unwrap_or(part.to_vec())).collect();
        let joined = parts.join(&b';');
        Ok(Cow::Owned(self.pair(&joined)?.unwrap_or(joined)))
    }

    /// What takes the place of a pair, if anything does.
    fn pair(&self, pair: &[u8]) -> Result<Option<Vec<u8>>, Trouble> {
        let sign = memchr::memchr(b'=', pair);
        let (raw_name, raw_value) =
            pair.split_at_checked(sign.unwrap_or(pair.len())).unwrap_or_default();
        let name = read(raw_name);
        let name_text = String::from_utf8_lossy(&name);
        let mask = self.treatment(&name_text)?;
        self.check(&name)?;
        let new_name = match self.masks.plan.rest().scan.text(&name) {
            Cow::Owned(covered) => Some(write(&covered)),
            Cow::Borrowed(_) => None,
        };
        let value = raw_value.strip_prefix(b"=").map(read);
        if let Some(value) = value.as_ref().filter(|_| mask.cover.is_none()) {
            self.check(value)?;
        }
        let new_value = value.and_then(|value| self.value(mask, &name, &value));
        if new_name.is_none() && new_value.is_none() {
            return Ok(None);
        }
        let mut pair = new_name.unwrap_or_else(|| raw_name.to_vec());
        match new_value {
            Some(value) => {
                pair.push(b'=');
                pair.extend(write(&value));
            }
            None => pair.extend_from_slice(raw_value),
        }
        Ok(Some(pair))
    }

    /// Refuses what some reader may take for a document with a covered key, in what a name or a value says.
    fn check(&self, said: &[u8]) -> Result<(), Trouble> {
        let found = Members::of(&self.masks).and_then(|mut members| members.find(said));
        if found.is_some() { Err(Trouble::Member) } else { Ok(()) }
    }

    fn value(&self, mask: &CellMask, name: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        if mask.cover.is_none()
            && let Some(known) = mask.scan.mask_by_name(name, value)
        {
            return Some(known.as_bytes().to_vec());
        }
        let mut treated = Vec::new();
        match self.masks.masker.treat(mask, CellForm::Text, value, &mut treated) {
            Treated::Unchanged => None,
            Treated::Changed | Treated::Null => Some(treated),
        }
    }

    /// The treatment of the value of this name, by its whole and by the path that it writes.
    fn treatment(&self, name: &str) -> Result<&CellMask, Trouble> {
        let plan = &*self.masks.plan;
        let at = |around: Chosen, path: &Path, folded: &str| {
            let candidates: Vec<_> = plan.candidates(folded).collect();
            plan.at_key(around, &candidates, path, folded)
        };
        let folded = fold_name(name);
        let mut path = Path::default();
        let mut chosen = at(Chosen::default(), &path, &folded);
        let steps = steps(&folded);
        if steps.len() > self.masks.limits.depth {
            return Err(Trouble::TooDeep);
        }
        for step in steps {
            match step {
                "" => {
                    path.push_element();
                    chosen = plan.at_elements(chosen, &path);
                }
                key => {
                    chosen = at(chosen, &path, key);
                    path.push_key(key);
                }
            }
        }
        Ok(&plan.get(chosen).mask)
    }
}

/// The path that a name writes: keys, and nothing for an element.
fn steps(name: &str) -> Vec<&str> {
    let mut steps = Vec::new();
    for part in name.split('.') {
        let (first, brackets) = part.split_once('[').map_or((part, None), |(a, b)| (a, Some(b)));
        if !first.is_empty() {
            steps.push(first);
        }
        let brackets = brackets.into_iter().flat_map(|rest| rest.split('['));
        steps.extend(brackets.map(|inside| inside.trim_end_matches(']')));
    }
    steps
}

impl MaskStream for FormStream {
    fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Unreadable> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let member = self.members.as_mut().and_then(|members| members.find(chunk));
        // What is before it goes on as it would have if it had come alone.
        let before = chunk.get(..member.unwrap_or(chunk.len())).unwrap_or_default();
        let run = self.run(before, out);
        let run = run.and(if member.is_some() { Err(Trouble::Member) } else { Ok(()) });
        run.map_err(|trouble| self.fail(trouble))
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        self.release(out).map_err(|trouble| self.fail(trouble))
    }

    fn covered(&self) -> u64 {
        self.covered
    }
}

/// What a name or value reads: `+` is a space, `%` and two hexadecimal digits a byte; any other `%` stands for itself.
fn read(raw: &[u8]) -> Vec<u8> {
    let mut read = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        let digit = |at: usize| behind.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                read.push(u8::try_from(high << 4 | low).unwrap_or_default());
                rest = behind.get(2..).unwrap_or_default();
            }
            (b'+', ..) => read.push(b' '),
            _ => read.push(*byte),
        }
    }
    read
}

/// Writes a name or value so that it reads like this.
fn write(text: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                written.push(*byte)
            }
            b' ' => written.push(b'+'),
            _ => written.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::fixtures::{self, all, fed, masks, stars};
    use palisade_policy::Action;
    use proptest::prelude::*;

    fn machine() -> FormStream {
        let keys = [("secret", stars()), ("user.pin", Action::Nullify), ("tags[]", stars())];
        FormStream::new(masks(&keys, all()))
    }

    fn check(input: &str, expected: &str) {
        fixtures::check(machine, input.as_bytes(), Ok(expected));
    }

    #[test]
    fn what_needs_no_change_leaves_byte_for_byte() {
        for text in ["", "a=1&b=%zz+%41&&c&=d&a=%", "a;b;c=1"] {
            check(text, text);
        }
    }

    #[test]
    fn values_are_covered_by_their_name_as_it_reads() {
        check("a=1&secret=x+y&b=2", "a=1&secret=***&b=2");
        check("s%65CRET=x", "s%65CRET=***");
        check("secret", "secret");
    }

    #[test]
    fn a_name_may_be_a_path() {
        check(
            "user[pin]=1&user.pin=2&pin=3&a[user][0][pin]=4",
            "user[pin]=&user.pin=&pin=3&a[user][0][pin]=4",
        );
        check(
            "a[secret]=x&secret[a]=x&tags[]=x&tags=x",
            "a[secret]=***&secret[a]=***&tags[]=***&tags=x",
        );
    }

    #[test]
    fn detectors_look_into_names_and_values_as_they_read() {
        check("to=alice%40example.com+now&n=1", "to=%5Bemail%5D+now&n=1");
        check("alice%40example.com=1", "%5Bemail%5D=1");
        check(
            "password=x&token=4eC39HqLyjWDarjtT1zdp7dc",
            "password=%5Bpassword%5D&token=%5Btoken%5D",
        );
    }

    #[test]
    fn what_is_behind_a_semicolon_is_judged_too() {
        check("a=1;secret=x;b=2&c=3", "a=1;secret=***;b=2&c=3");
        check("secret=x;y&c=3", "secret=***&c=3");
    }

    #[test]
    fn json_with_a_covered_key_is_refused_however_it_is_called() {
        for text in [
            "{\"secret\":\"1\"}",
            "{\"a\":\"x&y=z\",'secret' :1}",
            "a=1&b=%7B%22secret%22:1%7D",
            "a;%22secret%22%3a1",
        ] {
            fixtures::check(machine, text.as_bytes(), Err(Trouble::Member));
        }
        check("secret=%7B%22secret%22:1%7D", "secret=***");
    }

    #[test]
    fn a_name_of_more_steps_than_documents_may_be_deep_is_refused() {
        let name = |steps| format!("a{}=1", "[]".repeat(steps));
        fixtures::check(machine, name(200).as_bytes(), Err(Trouble::TooDeep));
        let long = name(500_000);
        assert!(machine().feed(long.as_bytes(), &mut Vec::new()).is_ok());
        assert_eq!(
            fed(&mut machine(), long.as_bytes(), long.len()).1.unwrap_err().trouble,
            Trouble::TooDeep
        );
        check(&name(100), &name(100));
    }

    #[test]
    fn a_pair_that_is_too_long_is_refused() {
        let mut machine = machine();
        machine.masks.limits.held = 10;
        let ended = fed(&mut machine, b"a=1&b=123456789&c=2", 5).1;
        assert_eq!(ended, Err(Unreadable { trouble: Trouble::TooLong, at: 4 }));
    }

    proptest! {
        #[test]
        fn what_comes_out_does_not_depend_on_how_it_is_cut(text in "[a-c=&;%+\\[\\]\\.0-4]{0,30}(secret=x)?[&;=%]{0,3}", size in 1_usize..8) {
            let (out, _) = fed(&mut machine(), text.as_bytes(), size);
            prop_assert_eq!(out, fed(&mut machine(), text.as_bytes(), text.len()).0);
        }

        #[test]
        fn what_is_written_reads_as_it_was(text in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(read(&write(&text)), text);
        }
    }
}
