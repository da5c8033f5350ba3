//! The `#[config]` attribute of the plugin SDK: the derives of a configuration type, in one word.
//!
//! Not for use by itself; `plugin_sdk::prelude` brings it in.
//!
//! ```text
//!   #[config] struct X {..}  ──▶  #[derive(Debug, Deserialize, JsonSchema)] deny_unknown_fields  struct X {..}
//! ```

use proc_macro::TokenStream;

/// What `#[config]` stands for. The crates are named through the SDK, so a plugin needs no other dependency.
const ATTRIBUTES: &str = r#"
    #[derive(Debug, ::plugin_sdk::serde::Deserialize, ::plugin_sdk::schemars::JsonSchema)]
    #[serde(crate = "::plugin_sdk::serde", deny_unknown_fields)]
    #[schemars(crate = "::plugin_sdk::schemars")]
"#;

/// Makes a struct or an enum readable from a plugin's configuration, and gives it a JSON Schema.
///
/// Fields that it does not have are refused, so a typing mistake in a policy file never passes unseen.
/// Doc comments become the descriptions in the schema; serde's and schemars' own attributes work beside it.
#[proc_macro_attribute]
pub fn config(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    // The text above always parses; if it did not, the derives would be missing and the plugin would not compile.
    ATTRIBUTES.parse::<TokenStream>().into_iter().flatten().chain(item).collect()
}
