//! Keys: what the plan and the detectors say of each, remembered by how it is written, and which ones an object has.

use super::lex;
use crate::document::{Candidate, DocumentMask, fold_name};
use crate::scan::Scan;
use crate::stream::Trouble;
use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::{Arc, LazyLock, Mutex};

/// How many keys are remembered at most; each has one place, and the last to come stays.
const PLACES: usize = 256;
/// How many places there are at first, and how many times more there are when two keys meet in one.
const FIRST_PLACES: usize = 16;
const GROWTH: usize = 4;
/// Longer keys are not remembered.
const LONGEST: usize = 64;
/// Objects with more keys look theirs up by a table.
const FEW: usize = 16;
/// By what keys are hashed, the same for all streams, for what is known of a key goes from one to the next. Nobody
/// outside can know it, or they would choose keys that all meet in one place of a table.
static HASHING: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// What is known of a key.
#[derive(Clone, Debug, Default)]
pub(super) struct Key {
    /// As it is written, between its quotes.
    raw: Vec<u8>,
    /// The same for equal keys, however they are written, and another in each process.
    pub(super) hash: u64,
    /// What it reads, without regard to case; only where the plan has rules.
    pub(super) folded: String,
    pub(super) candidates: Vec<Candidate>,
    /// The detectors that know a secret by this name.
    pub(super) knowing: Scan,
    /// The detectors that may find something in the key itself.
    pub(super) suspects: Scan,
    used: bool,
}

/// The keys that came last.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    /// Nothing before the first key comes.
    places: Vec<Key>,
}

impl Keys {
    /// What is known of the key that is written like this.
    pub(super) fn find(&mut self, plan: &DocumentMask, raw: &[u8]) -> Result<&Key, Trouble> {
        if self.places.is_empty() {
            self.make_places(FIRST_PLACES);
        }
        let mut place = self.place(raw);
        let meets = |key: &Key| key.used && key.raw != raw;
        while self.places.len() <= PLACES && self.places.get(place).is_some_and(meets) {
            self.make_places((self.places.len() - 1) * GROWTH);
            place = self.place(raw);
        }
        let is_remembered = place + 1 < self.places.len();
        let key = self.places.get_mut(place).ok_or(Trouble::TooLong)?;
        if !key.used || key.raw != raw {
            key.used = false;
            key.learn(plan, raw)?;
            key.used = is_remembered;
        }
        Ok(key)
    }

    /// Makes room for so many, and brings those that are known to their new places.
    fn make_places(&mut self, count: usize) {
        let known = std::mem::take(&mut self.places);
        // One more for what is not remembered.
        self.places.resize_with(count + 1, Key::default);
        for key in known.into_iter().filter(|key| key.used) {
            let place = self.place(&key.raw);
            if let Some(free) = self.places.get_mut(place) {
                *free = key;
            }
        }
    }

    /// Where a key is remembered, or the last place for one that is not.
    #[inline]
    fn place(&self, raw: &[u8]) -> usize {
        let last = self.places.len().saturating_sub(1);
        if raw.len() > LONGEST { last } else { hash_of(raw) & last.saturating_sub(1) }
    }
}

/// The keys that the streams by one plan have met, for the next of them.
#[derive(Debug, Default)]
pub(crate) struct Spare(Mutex<Option<Keys>>);

impl Clone for Spare {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Keys that go back to their plan, if nobody else's did before.
#[derive(Debug)]
pub(super) struct Lent {
    pub(super) keys: Keys,
    plan: Arc<DocumentMask>,
}

impl Lent {
    /// The keys that earlier streams by this plan met; none where another has them.
    pub(super) fn of(plan: &Arc<DocumentMask>) -> Self {
        let spare = plan.spare().0.try_lock().ok();
        let keys = spare.and_then(|mut spare| spare.take()).unwrap_or_default();
        Self { keys, plan: Arc::clone(plan) }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Ok(mut spare) = self.plan.spare().0.try_lock() {
            *spare = Some(std::mem::take(&mut self.keys));
        }
    }
}

/// By what a key is remembered: cheap, for it is asked for every key.
#[inline]
fn hash_of(raw: &[u8]) -> usize {
    let mut hash = raw.len() as u64;
    let mut mix = |word: u64| {
        hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 29;
    };
    let mut words = raw.chunks_exact(8);
    for word in &mut words {
        mix(word.try_into().map_or(0, u64::from_le_bytes));
    }
    mix(words.remainder().iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
    (hash >> 32) as usize
}

impl Key {
    fn learn(&mut self, plan: &DocumentMask, raw: &[u8]) -> Result<(), Trouble> {
        let mut name = Vec::new();
        lex::decode(raw, true, &mut name)?;
        let mut hasher = HASHING.build_hasher();
        hasher.write(&name);
        self.hash = hasher.finish();
        self.raw.clear();
        self.raw.extend_from_slice(raw);
        self.candidates.clear();
        self.folded.clear();
        if plan.has_rules() {
            self.folded = fold_name(&String::from_utf8_lossy(&name));
            self.candidates.extend(plan.candidates(&self.folded));
        }
        self.knowing = plan.scans().knowing(&name);
        self.suspects = plan.scans().left_for(&name);
        Ok(())
    }
}

/// The keys of the objects that are open, so that none has one twice. They are known by 64 bits of hash; an object with
/// two that collide would be refused, which nobody meets, and nobody can look for.
#[derive(Clone, Debug, Default)]
pub(super) struct Present {
    /// Those of objects with few keys, one object after another.
    few: Vec<u64>,
    /// Those of objects with many.
    many: Vec<HashSet<u64, BuildHasherDefault<AsItIs>>>,
}

/// Where the keys of one object are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Own {
    start: usize,
    is_large: bool,
}

impl Present {
    /// Begins an object.
    pub(super) fn open(&self) -> Own {
        Own { start: self.few.len(), is_large: false }
    }

    /// Adds a key to the object that was begun last and is not closed.
    #[inline]
    pub(super) fn add(&mut self, own: &mut Own, hash: u64, most: usize) -> Result<(), Trouble> {
        let few = self.few.get(own.start..).unwrap_or_default();
        if own.is_large {
            return self.add_to_many(hash, most);
        }
        if few.contains(&hash) {
            return Err(Trouble::DuplicateKey);
        }
        if few.len() >= most {
            return Err(Trouble::TooManyKeys);
        }
        if few.len() < FEW {
            self.few.push(hash);
            return Ok(());
        }
        own.is_large = true;
        self.many.push(few.iter().copied().collect());
        self.few.truncate(own.start);
        self.add_to_many(hash, most)
    }

    fn add_to_many(&mut self, hash: u64, most: usize) -> Result<(), Trouble> {
        let keys = self.many.last_mut().ok_or(Trouble::TooManyKeys)?;
        if !keys.insert(hash) {
            return Err(Trouble::DuplicateKey);
        }
        if keys.len() > most { Err(Trouble::TooManyKeys) } else { Ok(()) }
    }

    /// Ends the object that was begun last.
    pub(super) fn close(&mut self, own: Own) {
        self.few.truncate(own.start);
        if own.is_large {
            self.many.pop();
        }
    }
}

/// What is looked up is a hash already.
#[derive(Clone, Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use palisade_policy::Masking;
    use std::hash::DefaultHasher;

    #[test]
    fn nobody_can_choose_keys_that_meet_in_a_table() {
        let plan = DocumentMask::new(&Masking::default()).unwrap();
        let mut key = Key::default();
        key.learn(&plan, b"role").unwrap();
        // What whoever knows the algorithm alone would count on.
        let mut known = DefaultHasher::new();
        known.write(b"role");
        assert_ne!(key.hash, known.finish());
        let mut same = Key::default();
        same.learn(&plan, br"\u0072ole").unwrap();
        assert_eq!(key.hash, same.hash);
    }
}
