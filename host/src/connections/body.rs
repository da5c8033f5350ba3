//! A connection as it is asked for: a table of the configuration file's, and beside it the secrets, which never leave here
//! but sealed.

use std::collections::BTreeMap;
use std::fmt;

use palisade_identity::SecretString;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

/// A connection to be kept.
#[derive(Debug, Default)]
pub struct NewConnection {
    /// Its name.
    pub name: String,
    /// How the system speaks.
    pub protocol: String,
    /// The other keys of the configuration's table, as they would be there.
    pub form: Map<String, Value>,
    /// The password itself.
    pub password: Option<Plain>,
    /// Variables of a program's environment that are secret, themselves.
    pub secrets: BTreeMap<String, Plain>,
    /// The certificate that the gateway shows, itself.
    pub client_certificate: Option<NewCertificate>,
    /// Whether it takes the place of one of its name.
    pub replace: bool,
}

/// A certificate and its key, both as PEM.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCertificate {
    /// The certificate, and those that vouch for it.
    pub certificate: String,
    /// Its private key.
    pub key: Plain,
}

/// A secret in a body. Its text is copied out of the body once, and both are wiped.
#[derive(Debug)]
pub struct Plain(pub SecretString);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Plain;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Plain, E> {
                Ok(Plain(SecretString::new(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl<'de> Deserialize<'de> for NewConnection {
    /// Key by key: a derived form with the table's keys flattened into it would buffer the secrets, and not wipe them.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Body;
        impl<'de> Visitor<'de> for Body {
            type Value = NewConnection;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a connection")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NewConnection, A::Error> {
                let mut new = NewConnection::default();
                while let Some(key) = map.next_key::<String>()? {
                    new.take(key, &mut map)?;
                }
                if new.name.is_empty() || new.protocol.is_empty() {
                    return Err(de::Error::custom("a connection has a name and a protocol"));
                }
                Ok(new)
            }
        }
        deserializer.deserialize_map(Body)
    }
}

impl NewConnection {
    fn take<'de, A: MapAccess<'de>>(&mut self, key: String, map: &mut A) -> Result<(), A::Error> {
        match key.as_str() {
            "name" => self.name = map.next_value()?,
            "protocol" => self.protocol = map.next_value()?,
            "password" => self.password = map.next_value()?,
            "secrets" => self.secrets = map.next_value()?,
            "client_certificate" => self.client_certificate = map.next_value()?,
            "replace" => self.replace = map.next_value()?,
            // What the file calls `password`: here that is the password itself.
            "password_from" => self.put("password", map.next_value()?),
            _ => self.put(&key, map.next_value()?),
        }
        Ok(())
    }

    fn put(&mut self, key: &str, value: Value) {
        if !value.is_null() {
            self.form.insert(key.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_kept_apart_from_what_is_shown() {
        let body = r#"{"name": "api", "protocol": "http", "address": "https://a", "tls_ca": null,
            "password": "hunter2", "secrets": {"TOKEN": "hunter3"},
            "client_certificate": {"certificate": "PEM", "key": "hunter4"}}"#;
        let new: NewConnection = serde_json::from_str(body).unwrap();
        assert_eq!(Value::from(new.form.clone()), serde_json::json!({"address": "https://a"}));
        assert_eq!(new.password.as_ref().unwrap().0.expose(), "hunter2");
        assert_eq!(new.secrets["TOKEN"].0.expose(), "hunter3");
        assert!(!format!("{new:?}").contains("hunter"));
    }
}
