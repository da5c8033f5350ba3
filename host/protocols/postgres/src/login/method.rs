//! How a client hands its token over, and how it says which way it wants.

use super::options;
use super::parameters::ParameterRefused;

/// How a client hands its token over. Only one way can be offered: the protocol has one authentication request, sent before
/// the client has said what it supports, and a client that cannot answer it gives up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoginMethod {
    /// As a password, in clear through TLS: every client can.
    #[default]
    Password,
    /// By the SASL mechanism OAUTHBEARER (RFC 7628): libpq can from version 18 on.
    OAuth,
}

/// The setting by which a client picks the way. It is the gateway's own and never reaches the server.
const SETTING: &str = "palisade.login";

/// Takes the setting out of the parameters, where it is one by itself or part of `options`; the last one counts.
///
/// Options that are not understood are left as they are: who is let in hears what is wrong with them.
///
/// # Errors
/// When its value is no way to log in.
pub(super) fn take_method(
    parameters: &mut Vec<(String, String)>,
) -> Result<Option<LoginMethod>, ParameterRefused> {
    let mut wanted = Vec::new();
    parameters.retain_mut(|(name, value)| match name.as_str() {
        "options" => take_from_options(value, &mut wanted),
        name if is_setting(name) => {
            wanted.push(std::mem::take(value));
            false
        }
        _ => true,
    });
    let methods: Result<Vec<_>, _> = wanted.iter().map(|value| method(value)).collect();
    Ok(methods?.pop())
}

/// Whether anything is left of the options.
fn take_from_options(options: &mut String, wanted: &mut Vec<String>) -> bool {
    let Ok(mut settings) = options::settings(options) else { return true };
    let taken: Vec<_> = settings.extract_if(.., |(name, _)| is_setting(name)).collect();
    if taken.is_empty() {
        return true;
    }
    wanted.extend(taken.into_iter().map(|(_, value)| value));
    *options = options::words(&settings);
    !settings.is_empty()
}

fn is_setting(name: &str) -> bool {
    name.eq_ignore_ascii_case(SETTING)
}

fn method(value: &str) -> Result<LoginMethod, ParameterRefused> {
    match value {
        "password" => Ok(LoginMethod::Password),
        "oauth" => Ok(LoginMethod::OAuth),
        _ => {
            let why = "it is either \"password\" or \"oauth\"";
            Err(ParameterRefused { name: SETTING.to_owned(), why })
        }
    }
}

#[cfg(test)]
mod tests;
