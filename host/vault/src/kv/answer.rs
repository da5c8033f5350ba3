//! What the vault answers, read so that no copy of a secret is left behind unwiped.

use std::collections::BTreeMap;
use std::fmt;

use palisade_identity::SecretString;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use zeroize::Zeroizing;

/// What a login gives.
pub(super) struct Auth {
    pub(super) token: SecretString,
    /// How long the token is good; zero where it has no end.
    pub(super) seconds: u64,
}

/// The fields of a secret.
pub(super) struct Secret(BTreeMap<String, Leaf>);

/// A text, or something else.
struct Leaf(Option<Zeroizing<String>>);

impl Auth {
    pub(super) fn read(answer: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Answer {
            auth: Inner,
        }
        #[derive(Deserialize)]
        struct Inner {
            client_token: Leaf,
            #[serde(default)]
            lease_duration: u64,
        }
        let Answer { auth } = serde_json::from_slice(answer).ok()?;
        let token = auth.client_token.0.filter(|token| !token.is_empty())?;
        Some(Self { token: secret(token), seconds: auth.lease_duration })
    }
}

impl Secret {
    pub(super) fn read(answer: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Answer {
            data: Inner,
        }
        #[derive(Deserialize)]
        struct Inner {
            data: BTreeMap<String, Leaf>,
        }
        let answer: Answer = serde_json::from_slice(answer).ok()?;
        Some(Self(answer.data.data))
    }

    pub(super) fn field(mut self, name: &str) -> Option<SecretString> {
        let text = self.0.remove(name)?.0.filter(|text| !text.is_empty())?;
        Some(secret(text))
    }
}

fn secret(mut text: Zeroizing<String>) -> SecretString {
    SecretString::new(std::mem::take(&mut *text))
}

impl<'de> Deserialize<'de> for Leaf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LeafVisitor)
    }
}

struct LeafVisitor;

impl<'de> Visitor<'de> for LeafVisitor {
    type Value = Leaf;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Leaf, E> {
        Ok(Leaf(Some(Zeroizing::new(text.to_owned()))))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Leaf, E> {
        Ok(Leaf(None))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Leaf, E> {
        Ok(Leaf(None))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Leaf, E> {
        Ok(Leaf(None))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Leaf, E> {
        Ok(Leaf(None))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Leaf, E> {
        Ok(Leaf(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Leaf, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Leaf(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Leaf, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Leaf(None))
    }
}
