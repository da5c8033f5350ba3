//! psql's own commands, by the real psql.

use super::harness::{Outcome, Psql};
use super::place::Place;

/// Runs all commands directly and through the gateway, adds those whose output differs, and tells how many there are.
pub(crate) fn compare(place: &Place, hindered: &mut Vec<String>) -> usize {
    let commands: Vec<_> =
        include_str!("ordinary/psql.txt").lines().filter(|line| !line.is_empty()).collect();
    let direct = place.direct();
    let direct = Psql::new(direct.port, "none").user("svc_orders").sslmode("disable");
    let through = Psql::new(place.gateway.port, &place.through().password);
    let (expected, found) = (sections(&direct, &commands), sections(&through, &commands));
    for (at, command) in commands.iter().enumerate() {
        if expected.get(at) == found.get(at) && expected.get(at).is_some() {
            continue;
        }
        let said = through.run(&[command]);
        let differing = first_difference(expected.get(at), found.get(at));
        hindered.push(format!("psql: {command}\n      {}{differing}", said.stderr.trim_end()));
    }
    commands.len()
}

/// What each command prints, all in one session.
fn sections(psql: &Psql, commands: &[&str]) -> Vec<String> {
    let marks: Vec<_> = (0..commands.len()).map(|_| "\\echo @@@").collect();
    let texts: Vec<_> =
        commands.iter().zip(&marks).flat_map(|(command, mark)| [*command, *mark]).collect();
    let Outcome { stdout, .. } = psql.run(&texts);
    stdout.split("@@@\n").map(str::to_owned).collect()
}

fn first_difference(expected: Option<&String>, found: Option<&String>) -> String {
    let (Some(expected), Some(found)) = (expected, found) else {
        return "\n      the session ended".to_owned();
    };
    let pair = expected.lines().zip(found.lines()).find(|(expected, found)| expected != found);
    match pair {
        Some((expected, found)) => format!("\n      {found}\n      directly: {expected}"),
        None => format!(
            "\n      {} lines, directly {}",
            found.lines().count(),
            expected.lines().count()
        ),
    }
}
