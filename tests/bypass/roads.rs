//! The roads: each is walked directly, where it must lead to its goal, and then through the gateway, where it must not.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::client::{Opening, Session, Target};
use super::harness::repository;
use super::place::Place;
use super::steps::{Step, take, unhex};
use super::transcript::Transcript;

/// Every value that is protected, and no other text has. None may be seen through the gateway, whatever the case.
const PROTECTED: [&str; 19] = [
    "Zq7-Kestrel-Vm",
    "Yx3-Osprey-Lc",
    "Wp9-Merlin-Dz",
    "512-44-9031",
    "533-71-2286",
    "561-08-7743",
    "kx_Marlin8f2Wd",
    "kx_Halibut4p7",
    "kx_Turbot1n5",
    "70613",
    "Hd5-Juniper-Rk",
    "Gb8-Hemlock-Ty",
    "Wombat-9kT",
    "Badger-4qX",
    "Qe4-Lapwing-Fs",
    "Bn6-Plover-Gy",
    "Cm2-Dunlin-Hx",
    "tk-Saffron-3Jw",
    "hunter2-billing",
];

/// What a timing oracle's right guess takes longer than its wrong one.
const SLOW: Duration = Duration::from_millis(250);

/// A file of roads.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    road: Vec<Road>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Road {
    name: String,
    /// SQL run directly before, by the owner of the tables; undone by `undo`.
    setup: Option<String>,
    /// Why this road is known to lead around; it must, or the mark goes.
    open: Option<String>,
    undo: Option<String>,
    /// Start-up parameters, bytes ahead of the start-up packet (hexadecimal), the protocol's version.
    #[serde(default)]
    startup: BTreeMap<String, String>,
    #[serde(default)]
    requests: Vec<String>,
    version: Option<u32>,
    #[serde(default)]
    steps: Vec<Step>,
    /// Texts of which each shows that the value came out.
    #[serde(default)]
    proof: Vec<String>,
    /// Texts of which one shows it: which comes first depends on where a row lies.
    #[serde(default)]
    proof_any: Vec<String>,
    /// The same as `proof`, as bytes in hexadecimal.
    #[serde(default)]
    proof_hex: Vec<String>,
    /// A question whose answer shows that something was written, asked directly afterwards.
    proof_sql: Option<String>,
    proof_result: Option<String>,
    /// A question put to the server by a right guess and by a wrong one. The answers differ, or the time that they take.
    #[serde(default)]
    steps_true: Vec<Step>,
    #[serde(default)]
    steps_false: Vec<Step>,
    #[serde(default)]
    timing: bool,
}

/// What a walk brought.
struct Walk {
    heard: Transcript,
    hangs: bool,
    took: Duration,
}

/// So many servers, each with a gateway, share the roads.
const LANES: usize = 2;

/// What a lane found.
#[derive(Default)]
struct Found {
    roads: usize,
    /// Roads that are known to lead around.
    open: usize,
    leaks: Vec<String>,
    /// Roads that test nothing, or leave something behind.
    faults: Vec<String>,
}

#[test]
fn no_road_leads_around_the_gateway() {
    let found: Vec<_> = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|lane| scope.spawn(move || walk_lane(lane))).collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).collect()
    });
    let roads: usize = found.iter().map(|found| found.roads).sum();
    let mut leaks: Vec<_> = found.iter().flat_map(|found| &found.leaks).collect();
    let mut faults: Vec<_> = found.iter().flat_map(|found| &found.faults).collect();
    leaks.sort();
    faults.sort();
    let open: usize = found.iter().map(|found| found.open).sum();
    println!(
        "bypass corpus: {roads} roads, {} leaks, {open} known to be open, {} faults",
        leaks.len(),
        faults.len()
    );
    for line in faults.iter().chain(&leaks) {
        println!("  {line}");
    }
    assert!(faults.is_empty(), "{} roads test nothing, or leave something behind", faults.len());
    assert!(leaks.is_empty(), "{} roads lead around the gateway", leaks.len());
}

fn walk_lane(lane: usize) -> Found {
    let place = Place::start(&[include_str!("fixture.sql")]);
    let (direct, through) = (place.direct(), place.through());
    let only_direct = std::env::var_os("BYPASS_DIRECT").is_some();
    let mut state = place.state();
    let mut found = Found::default();
    for (file, road) in all(&place).into_iter().skip(lane).step_by(LANES) {
        found.roads += 1;
        let named = |what: &str| format!("{file}: {}\n      {what}", road.name);
        if let Err(error) = road.open(&place, &direct) {
            found.faults.push(named(&format!("does not work directly: {error}")));
        }
        match (!only_direct).then(|| road.closed(&place, &through)) {
            Some(Err(_)) if road.open.is_some() => found.open += 1,
            Some(Ok(())) if road.open.is_some() => {
                found.faults.push(named("is marked as open and is closed: take the mark away"));
            }
            Some(Err(leak)) => found.leaks.push(named(&leak)),
            Some(Ok(())) | None => {}
        }
        state = settled(&place, &state).unwrap_or_else(|(now, left)| {
            found.faults.push(named(&format!("leaves behind: {left}")));
            now
        });
    }
    found
}

/// All roads, each with its file. `BYPASS_ONLY` picks those whose file or name contains it.
fn all(place: &Place) -> Vec<(String, Road)> {
    let only = std::env::var("BYPASS_ONLY").unwrap_or_default();
    let mut files: Vec<_> =
        std::fs::read_dir(repository().join("tests/bypass/roads")).unwrap().flatten().collect();
    files.sort_by_key(|file| file.file_name());
    let mut roads = vec![];
    for file in files {
        let name = file.file_name().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file.path()).unwrap();
        let text = text
            .replace("{filler}", &"x".repeat(1 << 21))
            .replace("{data}", &place.data)
            .replace("{port}", &place.postgres.port.to_string());
        let kind: Kind = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        roads.extend(kind.road.into_iter().map(|road| (name.clone(), road)));
    }
    roads.retain(|(file, road)| file.contains(&only) || road.name.contains(&only));
    roads
}

impl Road {
    /// Walks it directly. An error says why it does not lead to its goal.
    fn open(&self, place: &Place, target: &Target) -> Result<(), String> {
        if self.asks() {
            let differences = self.ask(place, target)?;
            let differ = differences.iter().any(Option::is_some);
            return if differ {
                Ok(())
            } else {
                Err("right and wrong guesses look alike".to_owned())
            };
        }
        let (walk, written) = self.walk(place, target, &self.steps)?;
        if walk.hangs {
            return Err("hangs".to_owned());
        }
        let missing = self.proofs().into_iter().find(|(_, proof)| !walk.heard.shows(proof));
        if let Some((name, _)) = missing {
            return Err(format!("{name:?} was not seen\n      {}", walk.heard.report()));
        }
        let any = self.proof_any.iter().any(|proof| walk.heard.shows(proof.as_bytes()));
        if !any && !self.proof_any.is_empty() {
            return Err(format!(
                "none of {:?} was seen\n      {}",
                self.proof_any,
                walk.heard.report()
            ));
        }
        match (&self.proof_result, written) {
            (Some(expected), Some(found)) if *expected != found => Err(format!(
                "{found:?} is written, not {expected:?}\n      {}",
                walk.heard.report()
            )),
            (None, _) if self.proofs().is_empty() && !any => Err("nothing proves it".to_owned()),
            _ => Ok(()),
        }
    }

    /// Walks it through the gateway. An error says what was seen or done.
    fn closed(&self, place: &Place, target: &Target) -> Result<(), String> {
        if self.asks() {
            let differences: Option<Vec<_>> = self.ask(place, target)?.into_iter().collect();
            return match differences.and_then(|mut all| all.pop()) {
                None => Ok(()),
                Some(difference) => Err(format!("guesses can be told apart: {difference}")),
            };
        }
        let (walk, written) = self.walk(place, target, &self.steps)?;
        let odd = !self.startup.is_empty() || !self.requests.is_empty() || self.version.is_some();
        if !odd && !walk.heard.has(b'Z') {
            return Err(format!("no session is to be had\n      {}", walk.heard.report()));
        }
        let everywhere =
            PROTECTED.iter().map(|value| ((*value).to_owned(), value.as_bytes().to_vec()));
        let any = self.proof_any.iter().map(|text| (text.clone(), text.clone().into_bytes()));
        let seen = self
            .proofs()
            .into_iter()
            .chain(any)
            .chain(everywhere)
            .find(|(_, proof)| walk.heard.shows(proof));
        if let Some((name, _)) = seen {
            return Err(format!("{name:?} was seen\n      {}", walk.heard.report()));
        }
        if written.is_some() && written == self.proof_result {
            return Err(format!(
                "{:?} was written\n      {}",
                written.unwrap_or_default(),
                walk.heard.report()
            ));
        }
        if walk.hangs { Err(format!("hangs\n      {}", walk.heard.report())) } else { Ok(()) }
    }

    /// Puts the right guess and the wrong one, and tells how the answers differ. Time is asked for more than once,
    /// since a busy machine may take it too.
    fn ask(&self, place: &Place, target: &Target) -> Result<Vec<Option<String>>, String> {
        let attempts = if self.timing { 3 } else { 1 };
        let ask = |_| {
            let (right, _) = self.walk(place, target, &self.steps_true)?;
            let (wrong, _) = self.walk(place, target, &self.steps_false)?;
            Ok(self.difference(&right, &wrong))
        };
        (0..attempts).map(ask).collect()
    }

    fn asks(&self) -> bool {
        !self.steps_true.is_empty()
    }

    fn proofs(&self) -> Vec<(String, Vec<u8>)> {
        let texts = self.proof.iter().map(|text| (text.clone(), text.clone().into_bytes()));
        texts.chain(self.proof_hex.iter().map(|hex| (hex.clone(), unhex(hex)))).collect()
    }

    /// Set-up, steps, the question what was written, and the way back.
    fn walk(
        &self,
        place: &Place,
        target: &Target,
        steps: &[Step],
    ) -> Result<(Walk, Option<String>), String> {
        if let Some(setup) = &self.setup {
            place.admin(setup).map_err(|error| format!("the set-up fails: {error}"))?;
            place.forget();
        }
        let opening = Opening {
            parameters: self.startup.clone(),
            requests: self.requests.iter().map(|hex| unhex(hex)).collect(),
            version: self.version,
        };
        let started = Instant::now();
        let mut session = Session::open(target, &opening);
        let mut second = None;
        take(&mut session, &mut second, steps);
        let took = started.elapsed();
        let mut hangs = session.hangs;
        let mut heard = session.close();
        if let Some(second) = second {
            hangs |= second.hangs;
            heard.append(second.close());
        }
        let written = self.proof_sql.as_ref().map(|sql| {
            let rows = place.admin(sql).unwrap_or_else(|error| vec![vec![error]]);
            rows.iter().map(|row| row.join("|")).collect::<Vec<_>>().join("\n")
        });
        if let Some(undo) = &self.undo {
            place.admin(undo).map_err(|error| format!("the way back fails: {error}"))?;
        }
        Ok((Walk { heard, hangs, took }, written))
    }

    /// How a right guess can be told from a wrong one.
    fn difference(&self, right: &Walk, wrong: &Walk) -> Option<String> {
        if self.timing {
            // What is denied before it runs takes no time of its own, however long a busy machine takes over it.
            let denied = |walk: &Walk| walk.heard.shows(b"sql-guard.");
            return (!(denied(right) && denied(wrong)) && right.took > wrong.took + SLOW)
                .then(|| format!("{:?} against {:?}", right.took, wrong.took));
        }
        let start_up = |line: &String| !line.starts_with(['R', 'K', 'S']);
        let lines =
            |walk: &Walk| walk.heard.lines().into_iter().filter(start_up).collect::<Vec<_>>();
        let (right, wrong) = (lines(right), lines(wrong));
        let differing = right.iter().zip(&wrong).find(|(right, wrong)| right != wrong);
        match differing {
            Some((right, wrong)) => Some(format!("\n      {right}\n      {wrong}")),
            None if right.len() != wrong.len() => {
                Some(format!("{} messages against {}", right.len(), wrong.len()))
            }
            None => None,
        }
    }
}

/// Waits a moment for the state to be what it was. Otherwise: what it is, and what differs.
fn settled(place: &Place, before: &str) -> Result<String, (String, String)> {
    for attempt in 0..10 {
        let now = place.state();
        if now == before {
            return Ok(now);
        }
        if attempt == 9 {
            let left = now.lines().filter(|line| !before.lines().any(|other| other == *line));
            let gone = before.lines().filter(|line| !now.lines().any(|other| other == *line));
            let left: Vec<_> = left
                .map(|line| format!("+{line}"))
                .chain(gone.map(|line| format!("-{line}")))
                .collect();
            return Err((now.clone(), left.join("; ")));
        }
        // A session of a gateway ends a moment after its client's.
        std::thread::sleep(Duration::from_millis(20));
    }
    unreachable!("the last attempt returns")
}
