//! The start-up parameter `options`: words as on the server's command line.

/// The settings in these words, names and values. `-c name=value` and `--name=value` are understood.
///
/// # Errors
/// Why the words are something else.
pub(super) fn settings(options: &str) -> Result<Vec<(String, String)>, &'static str> {
    let mut settings = Vec::new();
    let mut words = split(options).into_iter();
    while let Some(word) = words.next() {
        let setting = if word == "-c" {
            words.next().ok_or("-c has no setting behind it")?
        } else if let Some(setting) = word.strip_prefix("--").or(word.strip_prefix("-c")) {
            setting.to_owned()
        } else {
            return Err("only -c name=value and --name=value are understood");
        };
        let (name, value) = setting.split_once('=').ok_or("a setting has no value")?;
        // The server takes `-` for `_` in names given so.
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

/// Words that mean these settings.
pub(super) fn words(settings: &[(String, String)]) -> String {
    let words: Vec<_> =
        settings.iter().map(|(name, value)| escape(&format!("{name}={value}"))).collect();
    words.iter().map(|word| format!("-c {word}")).collect::<Vec<_>>().join(" ")
}

/// Splits at white space that no backslash precedes, as the server does.
fn split(options: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut chars = options.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.extend(chars.next()),
            c if is_space(c) => {
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

fn escape(word: &str) -> String {
    let mut escaped = String::new();
    for c in word.chars() {
        if c == '\\' || is_space(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\u{b}'
}
