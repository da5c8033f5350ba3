//! Globs on paths: `*` stands for any characters of one segment, `**` for any characters at all.

use plugin_sdk::prelude::*;

/// A glob on a path (`/v1/users/*`, `/v1/**`), or on a name where there are no paths (`deleteUser`, `github.delete_*`).
#[config]
#[serde(transparent)]
pub(crate) struct PathGlob(#[schemars(length(min = 1))] String);

impl PathGlob {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it matches to the letter.
    pub(crate) fn matches(&self, path: &str) -> bool {
        matches(self.0.as_bytes(), path.as_bytes())
    }

    /// Whether it matches for a server that may tell neither upper from lower case nor a slash at the end from none.
    pub(crate) fn may_match(&self, path: &str) -> bool {
        let (glob, path) = (self.0.to_lowercase(), path.to_lowercase());
        let bare =
            |text: &str| text.strip_suffix('/').map_or_else(|| text.to_owned(), str::to_owned);
        matches(glob.as_bytes(), path.as_bytes())
            || matches(bare(&glob).as_bytes(), bare(&path).as_bytes())
    }
}

/// Which places of the path a glob can have reached, letter by letter; the time is at most the product of both lengths.
pub(crate) fn matches(glob: &[u8], path: &[u8]) -> bool {
    let mut reached = vec![false; path.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    let mut rest = glob;
    while let Some((letter, behind)) = rest.split_first() {
        rest = behind;
        if *letter != b'*' {
            // From the end, so that each place is read before it is written.
            for at in (0..=path.len()).rev() {
                let before = at.checked_sub(1);
                let fits = before.is_some_and(|before| {
                    reached.get(before) == Some(&true) && path.get(before) == Some(letter)
                });
                if let Some(place) = reached.get_mut(at) {
                    *place = fits;
                }
            }
            continue;
        }
        let anything = rest.first() == Some(&b'*');
        while rest.first() == Some(&b'*') {
            rest = rest.get(1..).unwrap_or_default();
        }
        let mut goes_on = false;
        for (at, place) in reached.iter_mut().enumerate() {
            let crosses = at.checked_sub(1).and_then(|before| path.get(before)) == Some(&b'/');
            goes_on = *place || goes_on && (anything || !crosses);
            *place = goes_on;
        }
    }
    reached.last().copied().unwrap_or(false)
}
