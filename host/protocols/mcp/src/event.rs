//! A request as the command that policies judge and the record keeps.
//!
//! Of `tools/call` the action is `call`, the object `server.tool`, the fields are the arguments' names (inner ones behind a
//! dot, those in lists without a number), and each value is a fact: (`argument:path`, `/etc/passwd`).

use palisade_policy::{Command, Denial, MOST_INNER, MOST_WITHIN, Operation, Told, TooMuch, Within};

use crate::json::{Inner, Json};
use crate::request::{Ask, Kind};
use crate::schema::Schema;

/// What is known of what a request is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct About<'a> {
    /// The server's name in the configuration.
    pub server: &'a str,
    /// The name or address that the server knows; empty for lists.
    pub name: &'a str,
    /// Facts besides those of the params.
    pub facts: &'a [(&'static str, String)],
    /// What the tool that is called says of its arguments.
    pub schema: Schema<'a>,
}

/// The command that a request is.
///
/// # Errors
/// When it tells too much.
pub fn command(ask: &Ask, about: About<'_>) -> Result<Command, TooMuch> {
    let mut found = Found::default();
    let (action, name) = match ask {
        Ask::Call { arguments, .. } => {
            found.walk(arguments, Within::default(), about.schema)?;
            ("call", about.name)
        }
        Ask::Prompt { arguments, .. } => {
            found.arguments(arguments)?;
            ("get", about.name)
        }
        Ask::Read(_) => ("read", about.name),
        Ask::Subscribe(_) => ("subscribe", about.name),
        Ask::Unsubscribe(_) => ("unsubscribe", about.name),
        Ask::Complete { given, .. } => {
            found.completed(given)?;
            ("complete", about.name)
        }
        Ask::List(Kind::Tools) => ("list", "tools"),
        Ask::List(Kind::Prompts) => ("list", "prompts"),
        Ask::List(Kind::Resources) => ("list", "resources"),
        Ask::List(Kind::Templates) => ("list", "resource-templates"),
        Ask::Level(level) => {
            found.told.fact("level".to_owned(), level.clone())?;
            ("set", "logging")
        }
    };
    for (name, value) in about.facts {
        found.told.fact((*name).to_owned(), value.clone())?;
    }
    let object = format!("{}.{name}", about.server);
    let text = text(ask, &object);
    let (fields, facts) = found.told.take();
    let operation = Operation { action: action.to_owned(), object, fields, facts };
    Ok(Command { text, operations: [operation].into(), complete: !found.doubt })
}

/// What a server asks of the client: an action on the client's side that the server may not take by itself.
///
/// # Errors
/// When it tells too much.
pub fn reverse_command(method: &str, server: &str, params: &Json) -> Result<Command, TooMuch> {
    let action = match method {
        "sampling/createMessage" => "sample",
        "elicitation/create" => "elicit",
        _ => "roots",
    };
    let mut found = Found::default();
    found.arguments(params)?;
    let (fields, facts) = found.told.take();
    let operation =
        Operation { action: action.to_owned(), object: server.to_owned(), fields, facts };
    let text = format!("{method} {server}\n{}", params.to_text());
    Ok(Command { text, operations: [operation].into(), complete: !found.doubt })
}

/// The denial of what tells too much: nobody was asked about it.
#[must_use]
pub fn too_much(why: TooMuch) -> Denial {
    Denial {
        reason: format!("the params name more than is told to judge them: {why}"),
        rule: "gateway.params".to_owned(),
        hint: "Send less at once.".to_owned(),
    }
}

/// What cannot be judged, for the record.
#[must_use]
pub fn refused_command(method: &str) -> Command {
    let method: String = method.chars().take(128).collect();
    Command { text: method, operations: [].into(), complete: false }
}

/// The method and the object on the first line, the arguments on the second.
fn text(ask: &Ask, object: &str) -> String {
    let head = format!("{} {object}", ask.method());
    match ask {
        Ask::Call { arguments, .. } | Ask::Prompt { arguments, .. } => {
            format!("{head}\n{}", arguments.to_text())
        }
        Ask::Complete { given, .. } => format!("{head}\n{}", given.to_text()),
        Ask::Level(level) => format!("{head} {level}"),
        _ => head,
    }
}

/// The request that a policy's text stands for: other arguments for the same tool or prompt.
///
/// `None` where the text names something else, or has no arguments.
#[must_use]
pub fn rewritten(ask: &Ask, object: &str, text: &str) -> Option<Ask> {
    let (head, arguments) = text.split_once('\n')?;
    if head != format!("{} {object}", ask.method()) {
        return None;
    }
    let arguments = Json::read(arguments.as_bytes()).ok()?;
    let mut params = Json::object([("arguments", arguments)]);
    let (Ask::Call { name, .. } | Ask::Prompt { name, .. }) = ask else { return None };
    params.set("name", Json::text(name));
    Ask::read(ask.method(), &params).ok()
}

/// What is found in params.
#[derive(Default)]
struct Found {
    told: Told,
    /// So many texts lie around what is read now.
    around: usize,
    /// So many fields were told of what texts say, and so many values.
    inner: (usize, usize),
    /// Whether a text is in it that servers could read differently.
    doubt: bool,
}

impl Found {
    fn arguments(&mut self, arguments: &Json) -> Result<(), TooMuch> {
        self.walk(arguments, Within::default(), Schema::default())
    }

    fn completed(&mut self, given: &Json) -> Result<(), TooMuch> {
        let argument = given.get("argument").unwrap_or(&Json::Null);
        let name = argument.str_at("name").unwrap_or_default();
        let field = self.told.field(Within::default(), name)?;
        let value = argument.str_at("value").unwrap_or_default();
        self.text(field, value, Schema::default())?;
        match given.get("context").and_then(|context| context.get("arguments")) {
            Some(known) => self.arguments(known),
            None => Ok(()),
        }
    }

    fn walk(&mut self, value: &Json, within: Within, schema: Schema<'_>) -> Result<(), TooMuch> {
        match value {
            Json::Object(members) => members.iter().try_for_each(|(name, inner)| {
                let field = self.field(within, name)?;
                self.walk(inner, field, schema.of(name))
            }),
            Json::List(list) => {
                list.iter().try_for_each(|inner| self.walk(inner, within, schema.items()))
            }
            Json::Text(text) => self.text(within, text, schema),
            Json::Number(spelled) => {
                self.leaf(within, spelled)?;
                match plain_number(spelled) {
                    Some(plain) => {
                        // It may be much longer.
                        self.told.spend(plain.len())?;
                        self.leaf(within, &plain)
                    }
                    None => Ok(()),
                }
            }
            Json::Bool(value) => self.leaf(within, &value.to_string()),
            Json::Null => self.leaf(within, "null"),
        }
    }

    /// A text, and what it says where servers read it as JSON: those that say that they take a text and nothing else do not.
    fn text(&mut self, within: Within, text: &str, schema: Schema<'_>) -> Result<(), TooMuch> {
        self.leaf(within, text)?;
        if schema.is_text() {
            return Ok(());
        }
        match Inner::of(text) {
            Inner::Text => {}
            Inner::Value(inner) if self.around < MOST_WITHIN => {
                // It is told once more; the command's text has all that is too much for that.
                self.around += 1;
                let told = self.told.spend(text.len());
                let told = told.and_then(|()| self.walk(&inner, within, Schema::default()));
                self.around -= 1;
                self.doubt |= told.is_err();
            }
            Inner::Value(_) | Inner::Doubt => self.doubt = true,
        }
        Ok(())
    }

    fn field(&mut self, within: Within, name: &str) -> Result<Within, TooMuch> {
        let before = self.told.fields();
        let field = self.told.field(within, name)?;
        if self.around > 0 {
            self.inner.0 += self.told.fields() - before;
            bounded(self.inner.0)?;
        }
        Ok(field)
    }

    fn leaf(&mut self, within: Within, value: &str) -> Result<(), TooMuch> {
        if self.around > 0 {
            self.inner.1 += 1;
            bounded(self.inner.1)?;
        }
        let name = format!("argument:{}", self.told.path(within));
        self.told.fact(name, value.to_owned())
    }
}

/// No more is told of what texts say.
fn bounded(count: usize) -> Result<(), TooMuch> {
    if count > MOST_INNER { Err(TooMuch) } else { Ok(()) }
}

/// A number that is spelled with a point or an exponent (`1e2`, `100.0`) as others spell it (`100`), where it is another.
fn plain_number(spelled: &str) -> Option<String> {
    let is_odd = spelled.contains(['.', 'e', 'E']) || spelled == "-0";
    let number = spelled.parse::<f64>().ok().filter(|number| is_odd && number.is_finite())?;
    // Minus nothing is nothing.
    let plain = (number + 0.0).to_string();
    (plain != spelled).then_some(plain)
}

#[cfg(test)]
mod tests;
