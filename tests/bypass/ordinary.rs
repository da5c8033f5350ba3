//! Ordinary work: what it brings through the strict policy is what it brings directly.

use super::client::{Opening, Session, Target};
use super::harness::repository;
use super::place::Place;
use super::psql;
use super::script::{Script, Statement};
use super::transcript::Transcript;

#[test]
fn ordinary_work_passes_untouched() {
    let place = Place::start(&[include_str!("fixture.sql"), include_str!("shop.sql")]);
    let (mut count, mut hindered) = (0, vec![]);
    for (name, script) in all() {
        let direct = play(&place, &place.direct(), &name, &script);
        let through = play(&place, &place.through(), &name, &script);
        count += script.statements.len();
        for (statement, (direct, through)) in
            script.statements.iter().zip(direct.iter().zip(&through))
        {
            let place = format!("{name}:{}", statement.line);
            if let Some(difference) = differs(statement, direct, through) {
                let text: String = statement.sql.chars().take(160).collect();
                hindered.push(format!("{place}: {}\n      {difference}", text.replace('\n', " ")));
            }
        }
    }
    let commands = psql::compare(&place, &mut hindered);
    count += commands;
    // Ends it first: it prints its whole log if it is dropped by a panic.
    drop(place);
    let permille = hindered.len() * 1000 / count.max(1);
    println!(
        "ordinary work: {count} statements, {} hindered ({}.{} %)",
        hindered.len(),
        permille / 10,
        permille % 10
    );
    for line in &hindered {
        println!("  {line}");
    }
    assert!(permille < 10, "{} of {count} statements are hindered", hindered.len());
}

/// All scripts with their names. `BYPASS_ONLY` picks those whose name contains it.
fn all() -> Vec<(String, Script)> {
    let only = std::env::var("BYPASS_ONLY").unwrap_or_default();
    let mut files: Vec<_> =
        std::fs::read_dir(repository().join("tests/bypass/ordinary")).unwrap().flatten().collect();
    files.retain(|file| file.path().extension().is_some_and(|extension| extension == "sql"));
    files.sort_by_key(|file| file.file_name());
    let named = files
        .into_iter()
        .map(|file| (file.file_name().to_string_lossy().into_owned(), file.path()));
    let named = named.filter(|(name, _)| name.contains(&only));
    named
        .map(|(name, path)| (name, Script::read(&std::fs::read_to_string(path).unwrap())))
        .collect()
}

/// Runs a script in one session, then its way back. Gives what each statement brought.
fn play(place: &Place, target: &Target, name: &str, script: &Script) -> Vec<Transcript> {
    let mut session = Session::open(target, &Opening::default());
    let mut heard = vec![];
    for statement in &script.statements {
        let start = session.heard.len();
        statement.run(&mut session);
        heard.push(session.heard.since(start));
    }
    session.close();
    if !script.undo.trim().is_empty() {
        place
            .admin(&script.undo)
            .unwrap_or_else(|error| panic!("{name}: the way back fails: {error}"));
    }
    heard
}

/// How a statement's answer differs from what it should be.
fn differs(statement: &Statement, direct: &Transcript, through: &Transcript) -> Option<String> {
    let (mut expected, mut found) = (direct.lines(), through.lines());
    if !statement.sql.to_uppercase().contains("ORDER BY") {
        // Rows whose order nobody asked for come in any.
        expected.sort();
        found.sort();
    }
    // A script that goes astray directly says nothing about the gateway.
    assert!(
        !direct.shows(b"25P02\0"),
        "{} fails directly, since what came before it did",
        statement.sql
    );
    if statement.masked || statement.varies {
        if let Some(error) = direct.error() {
            return Some(format!("fails directly: {error}"));
        }
        let tags =
            |lines: &[String]| lines.iter().map(|line| line.chars().next()).collect::<Vec<_>>();
        let fails = through.error().filter(|_| tags(&expected) != tags(&found));
        return fails
            .or_else(|| (tags(&expected) != tags(&found)).then(|| "other messages".to_owned()));
    }
    let differing = expected.iter().zip(&found).find(|(expected, found)| expected != found);
    match differing {
        Some((expected, found)) => {
            let cut = |line: &str| line.chars().take(300).collect::<String>();
            Some(format!("{}\n      directly: {}", cut(found), cut(expected)))
        }
        None if expected.len() != found.len() => {
            Some(format!("{} messages, directly {}", found.len(), expected.len()))
        }
        None => None,
    }
}
