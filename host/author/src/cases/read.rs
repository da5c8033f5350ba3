//! From a file of cases to cases that can be run, or to what is wrong with the file.

use std::path::Path;
use std::time::Duration;

use palisade_policy::{Batch, CallLimits, Grants, Mistake, line_of, unknown_keys};
use palisade_wasm::Limits;
use serde_json::Value;
use toml::Spanned;

use super::expect::{Asked, Expected};
use super::form::{KEYS, RawCase, RawFile};
use super::{Case, CaseFile, Input};

impl CaseFile {
    /// Reads the text of a file of cases; `file` is only named.
    ///
    /// # Errors
    /// Every unknown key, or the first other mistake.
    pub(super) fn parse(file: &Path, text: &str) -> Result<Self, Vec<Mistake>> {
        let unknown = unknown_keys(file, text, &KEYS);
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let raw: RawFile =
            toml::from_str(text).map_err(|error| vec![Mistake::from_toml(file, text, &error)])?;
        let reading = Reading { file, text };
        let config = raw.config.unwrap_or_else(empty);
        let grants = reading.grants(&raw.grants)?;
        let cases = raw.cases.into_iter().map(|case| reading.case(case, &config, &grants));
        let cases = cases.collect::<Result<Vec<_>, _>>()?;
        if cases.is_empty() {
            let problem = "there is no case in it".to_owned();
            return Err(vec![reading.mistake(None, problem, "begin one with [[case]]")]);
        }
        Ok(Self { file: file.to_owned(), limits: limits(raw.limits), cases })
    }
}

struct Reading<'f> {
    file: &'f Path,
    text: &'f str,
}

impl Reading<'_> {
    fn case(&self, raw: RawCase, config: &Value, grants: &Grants) -> Result<Case, Vec<Mistake>> {
        let line = line_of(self.text, raw.name.span().start);
        let wrong = |problem: &str, fix: &str| {
            vec![self.mistake(Some(line), format!("{}: {problem}", raw.name.get_ref()), fix)]
        };
        let (asked, input) = match (raw.command, raw.result, raw.inspect, raw.hold) {
            (Some(command), None, None, None) => (Asked::Command, Input::Command(command.into())),
            (Some(command), None, None, Some(hold)) => {
                (Asked::Review, Input::Held(command.into(), hold.into()))
            }
            (None, Some(result), None, None) => {
                let shape = result.shape().ok_or_else(|| {
                    wrong(
                        "what form the result has is not clear",
                        "give [case.result] one of `fields`, `document` and `byte_stream = true`",
                    )
                })?;
                (Asked::Result, Input::Result(shape))
            }
            (None, None, Some(inspect), None) => {
                let mut batch = Batch::default();
                inspect.values.iter().for_each(|value| batch.push(value.as_bytes()));
                (Asked::Inspect, Input::Inspect(batch))
            }
            (None, None, None, None) => (Asked::Configuration, Input::Configuration),
            _ => {
                return Err(wrong(
                    "it asks for several things at once",
                    "give it one of [case.command], [case.result] and [case.inspect]; [case.hold] goes with [case.command]",
                ));
            }
        };
        let written = raw.expect.iter().map(|(key, value)| (key.get_ref().as_str(), value.clone()));
        let expected = Expected::read(asked, written).map_err(|found| {
            let at = |key: &str| raw.expect.keys().find(|known| known.get_ref() == key);
            let place = found.key.and_then(at).map(|key| line_of(self.text, key.span().start));
            vec![self.mistake(place.or(Some(line)), found.problem, &found.fix)]
        })?;
        Ok(Case {
            line,
            config: raw.config.unwrap_or_else(|| config.clone()),
            grants: match raw.grants {
                Some(own) => self.grants(&own)?,
                None => grants.clone(),
            },
            context: raw.context.into(),
            input,
            expected,
            name: raw.name.into_inner(),
        })
    }

    fn grants(&self, items: &[Spanned<Value>]) -> Result<Grants, Vec<Mistake>> {
        let mut grants = Grants::default();
        for item in items {
            grants.add(item.get_ref()).map_err(|problem| {
                let line = line_of(self.text, item.span().start);
                vec![self.mistake(Some(line), format!("grants: {problem}"), "")]
            })?;
        }
        Ok(grants)
    }

    fn mistake(&self, line: Option<usize>, problem: String, fix: &str) -> Mistake {
        Mistake { file: self.file.to_owned(), line, problem, fix: fix.to_owned() }
    }
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

/// What a call may use here where the file does not say: more than in the gateway, for a test is not about the machine.
fn limits(own: CallLimits) -> Limits {
    let number = |own: Option<std::num::NonZeroU32>| own.map(|own| own.get() as usize);
    let usual = Limits::default();
    Limits {
        time: own.time_ms.map_or(USUAL_TIME, |ms| Duration::from_millis(ms.get().into())),
        memory: number(own.memory_mib).map_or(crate::MOST_MEMORY, |mib| mib << 20),
        tables: number(own.tables).unwrap_or(usual.tables),
        instances: number(own.instances).unwrap_or(usual.instances),
    }
}

const USUAL_TIME: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
