//! Start-up parameters, which change how a session behaves before its first command is judged.

use super::options;

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
    // Those that there are have been taken out before.
    if lower.starts_with("palisade.") {
        return refused("the gateway has no such setting");
    }
    if lower == "replication" { refused("replication cannot be judged") } else { Ok(()) }
}

fn check_options(options: &str) -> Result<(), ParameterRefused> {
    let settings = options::settings(options)
        .map_err(|why| ParameterRefused { name: "options".to_owned(), why })?;
    settings.iter().try_for_each(|(name, _)| check(name))
}

fn is_off(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "off" | "false" | "no" | "0")
}
