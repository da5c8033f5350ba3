//! A reload of the policies, in steps: whoever changes more than these does all that can fail before the first part of it is
//! in force.

use std::sync::{Arc, MutexGuard};

use palisade_policy::Mistake;

use super::super::prepare::prepare_unquoted;
use super::super::{InForce, Prepared};
use super::{Asked, Plugins};
use crate::config::Config;

/// Policies that are ready to be put in force. No other change of the policies comes between.
pub struct Pending<'a> {
    plugins: &'a Plugins,
    /// The last version that is on record.
    version: MutexGuard<'a, u64>,
    asked: Asked<'a>,
    /// The new set; none where it is as it was.
    new: Option<Vec<InForce>>,
    /// What is allowed and still looks wrong.
    pub warnings: Vec<Mistake>,
}

impl Plugins {
    /// Reads the policy files and the plugins' files anew, and compiles them. Nothing is in force by it.
    ///
    /// # Errors
    /// Why what is written there cannot be put in force; everything is then as before.
    pub fn prepare_reload<'a>(
        &'a self,
        config: &Config,
        harmless: &[String],
        by: &'a str,
    ) -> Result<Pending<'a>, String> {
        let asked = Asked { change: "reload", policy: None, by };
        let version = self.changing();
        let prepared = prepare_unquoted(config, &self.host).map_err(|mistakes| {
            let texts: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            texts.join("; ")
        });
        let checked = prepared.and_then(|prepared| self.taken_up(prepared, harmless));
        let (new, warnings) = checked.map_err(|reason| self.refused(asked, reason))?;
        Ok(Pending { plugins: self, version, asked, new, warnings })
    }

    /// The set that follows the one in force, where it is another; and what looks wrong with it.
    fn taken_up(
        &self,
        prepared: Prepared,
        harmless: &[String],
    ) -> Result<(Option<Vec<InForce>>, Vec<Mistake>), String> {
        if prepared.harmless_functions != harmless {
            return Err("`harmless_functions` changed, which needs a restart".to_owned());
        }
        let Prepared { in_force: mut new, warnings, .. } = prepared;
        let old = self.in_force();
        if old.len() == new.len() && old.iter().zip(&new).all(|(old, new)| old.is_same(new)) {
            return Ok((None, warnings));
        }
        for one in &mut new {
            if let Some(twin) = old.iter().find(|old| old.is_asked_alike(one)) {
                one.memory = Arc::clone(&twin.memory);
            }
        }
        Ok((Some(new), warnings))
    }
}

impl Pending<'_> {
    /// Whether they are others than those in force.
    pub const fn changes(&self) -> bool {
        self.new.is_some()
    }

    /// Records them: before they are in force, so that nothing is in force that is not in the record.
    ///
    /// # Errors
    /// Why that cannot be; everything is then as before.
    pub fn record(&mut self) -> Result<(), String> {
        let (plugins, asked) = (self.plugins, self.asked);
        if let Some(new) = &self.new {
            let recorded = plugins.record(asked, new, *self.version + 1, None);
            *self.version = recorded.map_err(|reason| plugins.refused(asked, reason))?;
        }
        Ok(())
    }

    /// Puts them in force, which cannot fail. They were recorded before.
    pub fn swap(self) {
        if let Some(new) = self.new {
            self.plugins.swap(*self.version, new);
        }
    }
}
