//! Start-up parameters, which change how a session behaves before its first command is judged.

/// Why a start-up parameter is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the start-up parameter \"{name}\" is refused: {why}")]
pub struct ParameterRefused {
    /// Which.
    pub name: String,
    /// Why.
    pub why: &'static str,
}

/// Settings that would make the server another principal, or let it read statements otherwise than the judge.
const REFUSED: [(&str, &str); 5] = [
    ("role", "it would change who acts"),
    ("session_authorization", "it would change who acts"),
    ("local_preload_libraries", "it would load code into the server"),
    ("session_preload_libraries", "it would load code into the server"),
    ("backslash_quote", "it would change how statements are read"),
];

/// Checks what a client wants set, and gives what may be passed to the server: everything but user and database.
///
/// # Errors
/// The first parameter that is refused.
pub fn check_parameters(
    parameters: &[(String, String)],
) -> Result<Vec<(&str, &str)>, ParameterRefused> {
    let mut passed = Vec::new();
    for (name, value) in parameters {
        match name.as_str() {
            "user" | "database" => continue,
            "replication" if is_off(value) => continue,
            "replication" => {
                let why = "replication cannot be judged";
                return Err(ParameterRefused { name: name.clone(), why });
            }
            "options" => check_options(value)?,
            _ => check(name)?,
        }
        passed.push((name.as_str(), value.as_str()));
    }
    Ok(passed)
}

fn check(name: &str) -> Result<(), ParameterRefused> {
    let lower = name.to_ascii_lowercase();
    let refused = |why| Err(ParameterRefused { name: name.to_owned(), why });
    if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == lower) {
        return refused(why);
    }
    if lower == "replication" { refused("replication cannot be judged") } else { Ok(()) }
}

/// `options` holds words as on the server's command line: `-c name=value` and `--name=value` are understood.
fn check_options(options: &str) -> Result<(), ParameterRefused> {
    let refused = |why| ParameterRefused { name: "options".to_owned(), why };
    let mut words = split_options(options).into_iter();
    while let Some(word) = words.next() {
        let setting = if word == "-c" {
            words.next().ok_or(refused("-c has no setting behind it"))?
        } else if let Some(setting) = word.strip_prefix("--").or(word.strip_prefix("-c")) {
            setting.to_owned()
        } else {
            return Err(refused("only -c name=value and --name=value are understood"));
        };
        let (name, _) = setting.split_once('=').ok_or(refused("a setting has no value"))?;
        // The server takes `-` for `_` in names given so.
        check(&name.replace('-', "_"))?;
    }
    Ok(())
}

/// Splits at white space that no backslash precedes, as the server does.
fn split_options(options: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut chars = options.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.extend(chars.next()),
            c if c.is_ascii_whitespace() || c == '\u{b}' => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn is_off(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "off" | "false" | "no" | "0")
}
