//! A connection that is to be kept, from the command line to a request: its secrets are in one buffer, which is wiped.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use palisade_identity::{Credential, SecretString};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::args::{AddArgs, ServiceArgs, ToolArgs};

/// The largest password, in bytes.
const LARGEST: u64 = 32 * 1024;

/// The request, in one buffer that is wiped.
pub(super) fn body(asked: &AddArgs) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let (variables, secrets) = variables(&asked.tools)?;
    let mut secret = Secrets { password: given(asked)?, variables: secrets, certificate: None };
    if let (Some(certificate), Some(key)) =
        (&asked.service.certificate, &asked.service.certificate_key)
    {
        let key = Credential::File(key.clone()).read().context("cannot read the private key")?;
        let read = std::fs::read_to_string(certificate);
        let certificate = read.with_context(|| format!("cannot read {}", certificate.display()))?;
        secret.certificate = Some((certificate, key));
    }
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| {
        let is_empty = match &value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(all) => all.is_empty(),
            Value::Object(all) => all.is_empty(),
            _ => false,
        };
        if !is_empty {
            body.insert(key.to_owned(), value);
        }
    };
    put("name", json!(asked.name));
    put("protocol", json!(asked.protocol));
    put("address", json!(asked.address));
    put("database", json!(asked.database));
    put("username", json!(asked.username));
    put("tls", json!(asked.tls));
    put("replace", json!(asked.replace));
    put("tls_ca", absolute(asked.tls_ca.as_deref())?);
    put("labels", pairs(&asked.labels, "--label")?.into());
    put("password_from", reference(asked)?.map_or(Value::Null, Value::from));
    put("login", login(&asked.service)?);
    put("paths", json!(asked.service.paths));
    put("websocket", json!(asked.service.websocket));
    put("descriptor_set", encoded(asked.service.descriptors.as_deref())?);
    let tools = &asked.tools;
    put("command", tools.command.as_deref().map(command).transpose()?.into());
    put("env", variables.into());
    put("folder", absolute(tools.folder.as_deref())?);
    put("servers", json!(tools.servers));
    put("allow", json!(tools.allow));
    put("new_tools", json!(tools.new_tools));
    put("reads", json!(tools.reads));
    secret.written(&serde_json::to_string(&body)?)
}

/// What no buffer but the last one may hold.
struct Secrets {
    password: Option<SecretString>,
    variables: Vec<(String, SecretString)>,
    /// And its key.
    certificate: Option<(String, SecretString)>,
}

impl Secrets {
    /// The secrets behind the other members. No text takes more than six times its length in JSON.
    fn written(&self, open: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let all = self.password.iter().chain(self.variables.iter().map(|(_, secret)| secret));
        let all = all.chain(self.certificate.iter().map(|(_, key)| key));
        let mut room = open.len() + 128 + all.map(|it| it.expose().len() * 6).sum::<usize>();
        room += self.variables.iter().map(|(name, _)| name.len() * 6 + 8).sum::<usize>();
        room += self.certificate.iter().map(|(text, _)| text.len() * 6).sum::<usize>();
        let mut whole = Zeroizing::new(Vec::with_capacity(room));
        whole.extend_from_slice(open.strip_suffix('}').unwrap_or(open).as_bytes());
        if let Some(secret) = &self.password {
            whole.extend_from_slice(b",\"password\":");
            serde_json::to_writer(&mut *whole, secret.expose())?;
        }
        for (place, (name, secret)) in self.variables.iter().enumerate() {
            whole.extend_from_slice(if place == 0 { b",\"secrets\":{" } else { b"," });
            serde_json::to_writer(&mut *whole, name)?;
            whole.push(b':');
            serde_json::to_writer(&mut *whole, secret.expose())?;
        }
        if !self.variables.is_empty() {
            whole.push(b'}');
        }
        if let Some((certificate, key)) = &self.certificate {
            whole.extend_from_slice(b",\"client_certificate\":{\"certificate\":");
            serde_json::to_writer(&mut *whole, certificate)?;
            whole.extend_from_slice(b",\"key\":");
            serde_json::to_writer(&mut *whole, key.expose())?;
            whole.push(b'}');
        }
        whole.push(b'}');
        Ok(whole)
    }
}

/// What a file holds, in Base64.
fn encoded(path: Option<&Path>) -> anyhow::Result<Value> {
    let read = |path: &Path| {
        let read =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        anyhow::Ok(Value::from(STANDARD.encode(read)))
    };
    path.map_or(Ok(Value::Null), read)
}

fn absolute(path: Option<&Path>) -> anyhow::Result<Value> {
    Ok(path.map(std::path::absolute).transpose()?.map_or(Value::Null, |path| json!(path)))
}

fn pair<'a>(text: &'a str, option: &str) -> anyhow::Result<(&'a str, &'a str)> {
    let pair = text.split_once('=');
    pair.ok_or_else(|| anyhow!("{option} takes a name and a value: {option} name=value"))
}

fn pairs(all: &[String], option: &str) -> anyhow::Result<Map<String, Value>> {
    let pair = |text: &String| pair(text, option).map(|(name, value)| (name.into(), value.into()));
    all.iter().map(pair).collect()
}

/// `--login`, as the configuration has it.
fn login(asked: &ServiceArgs) -> anyhow::Result<Value> {
    let Some(login) = &asked.login else { return Ok(Value::Null) };
    let (how, what) = login.split_once('=').unwrap_or((login, ""));
    let (prefix, scope, audience) = (&asked.login_prefix, &asked.scope, &asked.audience);
    let fits = match how {
        "header" => scope.is_none() && audience.is_none(),
        "oauth" => prefix.is_none(),
        _ => prefix.is_none() && scope.is_none() && audience.is_none(),
    };
    if !fits {
        bail!(
            "--login-prefix is for --login header=NAME, --scope and --audience for --login oauth=URL"
        );
    }
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Ok(match (how, what) {
        ("none" | "bearer" | "basic", "") => json!(how),
        ("header", name) => json!({ "header": { "name": name, "prefix": text(prefix) } }),
        ("query" | "cookie", name) => json!({ how: name }),
        ("aws", place) => {
            let (region, service) = place.split_once('/').ok_or_else(|| {
                anyhow!("write the region and the service: --login aws=eu-central-1/s3")
            })?;
            json!({ "aws": { "region": region, "service": service } })
        }
        ("oauth", url) => json!({
            "oauth": { "token_url": url, "scope": text(scope), "audience": text(audience) }
        }),
        _ => bail!(
            "--login is bearer, basic, header=NAME, query=NAME, cookie=NAME, aws=REGION/SERVICE or oauth=TOKEN_URL"
        ),
    })
}

/// Named secrets.
type Named = Vec<(String, SecretString)>;

/// The variables of a program: those that are shown or say where a secret is, and those that are secret.
fn variables(asked: &ToolArgs) -> anyhow::Result<(Map<String, Value>, Named)> {
    let mut shown = pairs(&asked.env, "--env")?;
    let mut secrets = Vec::new();
    for secret in &asked.secrets {
        let (name, place) = pair(secret, "--secret")?;
        let unknown = || {
            anyhow!("--secret {name}= takes env:VAR, file:FILE, exec:COMMAND or vault:PATH#FIELD")
        };
        let (kind, place) = place.split_once(':').ok_or_else(unknown)?;
        let given = match kind {
            "env" => Credential::Env(place.to_owned()),
            "file" => Credential::File(place.into()),
            "exec" => {
                shown.insert(name.to_owned(), json!({ "exec": command(place)? }));
                continue;
            }
            "vault" => {
                shown.insert(name.to_owned(), json!({ "vault": vault(place) }));
                continue;
            }
            _ => return Err(unknown()),
        };
        let read = given.read().with_context(|| format!("cannot read the secret {name}"))?;
        secrets.push((name.to_owned(), read));
    }
    Ok((shown, secrets))
}

/// The password, where it is given.
fn given(asked: &AddArgs) -> anyhow::Result<Option<SecretString>> {
    if asked.password_stdin {
        let mut text = Zeroizing::new(String::with_capacity(LARGEST as usize + 2));
        let read = std::io::stdin().take(LARGEST + 1).read_to_string(&mut text);
        let size = read.map_err(|_| anyhow!("the password on the standard input is no text"))?;
        if size as u64 > LARGEST {
            bail!("the password on the standard input is larger than 32 KiB");
        }
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        return Ok(Some(SecretString::new(std::mem::take(&mut *text))));
    }
    let place = match (&asked.password_env, &asked.password_file) {
        (Some(name), _) => Credential::Env(name.clone()),
        (_, Some(file)) => Credential::File(file.clone()),
        _ => return Ok(None),
    };
    Ok(Some(place.read().context("cannot read the password")?))
}

/// Where the password is, where that is given.
fn reference(asked: &AddArgs) -> anyhow::Result<Option<Map<String, Value>>> {
    let (key, value) = match (&asked.password_exec, &asked.password_vault) {
        (Some(words), _) => ("exec", json!(command(words)?)),
        (_, Some(place)) => ("vault", vault(place)),
        _ => return Ok(None),
    };
    let mut reference = Map::from_iter([(key.to_owned(), value)]);
    if let Some(seconds) = asked.cache_seconds {
        reference.insert("cache_seconds".to_owned(), json!(seconds));
    }
    Ok(Some(reference))
}

fn vault(place: &str) -> Value {
    let (path, field) = place.split_once('#').unwrap_or((place, "password"));
    json!({ "path": path, "field": field })
}

/// A command's words: split at blanks; quotes keep them, and a backslash keeps the character that follows.
fn command(text: &str) -> anyhow::Result<Vec<String>> {
    let (mut words, mut word, mut quote) = (vec![], None::<String>, None);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(letters.next()),
            (letter, Some(open)) if letter == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (letter, None) if letter.is_whitespace() => words.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    if quote.is_some() || words.is_empty() {
        bail!("the command `{text}` is empty, or a quote in it has no end");
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_a_shell_would_without_one() {
        let split = |text: &str| command(text).unwrap();
        assert_eq!(split("pass show  db/orders"), ["pass", "show", "db/orders"]);
        assert_eq!(
            split(r#"sh -c 'echo "$PW"' a\ b """#),
            ["sh", "-c", r#"echo "$PW""#, "a b", ""]
        );
        assert!(command("echo 'x").is_err());
        assert!(command("  ").is_err());
    }

    #[test]
    fn a_login_is_written_as_the_configuration_has_it() {
        let asked =
            |login: &str| ServiceArgs { login: Some(login.into()), ..ServiceArgs::default() };
        let check = |text: &str, expected: Value| {
            assert_eq!(login(&asked(text)).unwrap(), expected, "{text}");
        };
        check("bearer", json!("bearer"));
        check("header=X-Key", json!({"header": {"name": "X-Key", "prefix": ""}}));
        check("aws=eu-central-1/s3", json!({"aws": {"region": "eu-central-1", "service": "s3"}}));
        let oauth = json!({"token_url": "https://a/t?x=1", "scope": "", "audience": ""});
        check("oauth=https://a/t?x=1", json!({ "oauth": oauth }));
        assert!(login(&asked("token")).is_err() && login(&asked("aws=s3")).is_err());
        let odd = ServiceArgs { login_prefix: Some("Token ".into()), ..asked("bearer") };
        assert!(login(&odd).is_err());
    }

    #[test]
    fn the_request_holds_every_secret_once() {
        let secrets = Secrets {
            password: Some(SecretString::new("a\"b".into())),
            variables: vec![
                ("ONE".into(), SecretString::new("1".into())),
                ("TWO".into(), SecretString::new("2".into())),
            ],
            certificate: Some(("PEM".into(), SecretString::new("KEY".into()))),
        };
        let written = secrets.written("{\"name\":\"x\"}").unwrap();
        let read: Value = serde_json::from_slice(&written).unwrap();
        let expected = json!({
            "name": "x", "password": "a\"b", "secrets": {"ONE": "1", "TWO": "2"},
            "client_certificate": {"certificate": "PEM", "key": "KEY"},
        });
        assert_eq!(read, expected);
    }
}
