//! From nothing to a plugin that is built and tested, in each language, without a gateway and without its configuration.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Outcome, cli, repository, run};
use crate::plugins;

/// Runs `palisade plugins …` in a folder where there is no configuration.
fn author(arguments: &[&str]) -> Outcome {
    let nowhere = TempDir::new().unwrap();
    let mut command = cli(nowhere.path());
    command.arg("plugins").args(arguments).env_remove("RUST_LOG");
    if std::env::var_os("PALISADE_TOOLS").is_none() {
        // Kept between runs, and apart from whoever works here.
        command.env("PALISADE_TOOLS", repository().join("target/tools"));
    }
    // Where rustup has no standard library for WebAssembly, the set-up makes this.
    let wrapper = repository().join("target/wasm-toolchain/cargo");
    if wrapper.exists() {
        command.env("PALISADE_CARGO", wrapper);
    }
    run(&mut command)
}

fn done(arguments: &[&str]) -> String {
    let outcome = author(arguments);
    assert!(outcome.ok, "{arguments:?}: {}{}", outcome.stdout, outcome.stderr);
    outcome.stdout
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// An example's folder: a copy, but for Rust, whose package names the SDK by its place.
struct Example {
    plugin: PathBuf,
    _copy: Option<TempDir>,
}

impl Example {
    fn build(language: &str) -> Self {
        let original = repository().join("plugins/examples").join(language);
        let copy = (language != "rust").then(|| TempDir::new().unwrap());
        let folder = match &copy {
            Some(copy) => {
                copy_files(&original, copy.path());
                copy.path().to_owned()
            }
            None => original,
        };
        let built = done(&["build", text(&folder)]);
        let plugin = PathBuf::from(built.split_whitespace().next().unwrap());
        Self { plugin, _copy: copy }
    }
}

fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && name == "cases" {
            fs::create_dir(to.join(&name)).unwrap();
            copy_files(&path, &to.join(&name));
        } else if path.is_file() {
            fs::copy(&path, to.join(&name)).unwrap();
        }
    }
}

/// The file of an example, built once for all tests of this process.
pub(crate) fn example(language: &str) -> &'static Path {
    macro_rules! once {
        ($language:literal) => {{
            static BUILT: LazyLock<Example> = LazyLock::new(|| Example::build($language));
            &BUILT
        }};
    }
    let built: &'static LazyLock<Example> = match language {
        "c" => once!("c"),
        "go" => once!("go"),
        "js" => once!("js"),
        "python" => once!("python"),
        "rust" => once!("rust"),
        _ => panic!("no example in {language}"),
    };
    &built.plugin
}

/// The example builds, and answers as its cases say.
fn example_passes(language: &str) {
    let plugin = example(language);
    let folder = repository().join("plugins/examples").join(language);
    let shown = done(&["test", text(&folder), "--plugin", text(plugin)]);
    assert!(shown.contains(" passed, 0 failed, 0 skipped"), "{shown}");
}

/// A new plugin builds, passes its cases, and a case that it does not pass is shown with what differs.
fn from_nothing(language: &str) {
    let parent = TempDir::new().unwrap();
    done(&["new", "keep-orders", "--lang", language, "--dir", text(parent.path())]);
    let folder = parent.path().join("keep-orders");
    let built = done(&["build", text(&folder)]);
    let file = folder.join("keep-orders.wasm");
    let size = fs::metadata(&file).unwrap().len();
    assert!(built.starts_with(&format!("{}  {size} bytes  ", file.display())), "{built}");
    let shown = done(&["test", text(&folder)]);
    assert!(shown.ends_with("7 passed, 0 failed, 0 skipped\n"), "{shown}");
    let wrong = "[[case]]\nname = 'orders are dropped'\n[case.command]\ntext = 'DROP TABLE orders'\n\
        operations = [{ action = 'drop', object = 'public.orders' }]\n[case.expect]\nverdict = 'allow'\n";
    let wrong = format!("config = {{ keep = ['public.orders'] }}\n{wrong}");
    fs::write(folder.join("cases/wrong.toml"), wrong).unwrap();
    let failed = author(&["test", text(&folder)]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let difference = "FAILED  orders are dropped (cases/wrong.toml:3)\n          \
        - verdict = \"allow\"\n          + verdict = \"deny\"\n          + rule    = \"keep-orders\"\n";
    assert!(failed.stdout.contains(difference), "{}", failed.stdout);
    assert!(failed.stdout.ends_with("7 passed, 1 failed, 0 skipped\n"), "{}", failed.stdout);
}

#[test]
fn a_plugin_in_rust_begins_from_nothing() {
    from_nothing("rust");
}

#[test]
#[cfg_attr(not(have_python3), ignore = "python3 with venv is not installed")]
fn a_plugin_in_c_begins_from_nothing() {
    from_nothing("c");
}

#[test]
#[cfg_attr(not(have_python3), ignore = "python3 with venv is not installed")]
fn a_plugin_in_go_begins_from_nothing() {
    from_nothing("go");
}

#[test]
#[cfg_attr(not(have_npm), ignore = "npm is not installed")]
fn a_plugin_in_javascript_begins_from_nothing() {
    from_nothing("js");
}

#[test]
#[cfg_attr(not(have_python3), ignore = "python3 with venv is not installed")]
fn a_plugin_in_python_begins_from_nothing() {
    from_nothing("python");
}

#[test]
fn the_example_in_rust_answers_as_its_cases_say() {
    example_passes("rust");
}

#[test]
#[cfg_attr(not(have_python3), ignore = "python3 with venv is not installed")]
fn the_example_in_c_answers_as_its_cases_say() {
    example_passes("c");
}

#[test]
#[cfg_attr(not(have_python3), ignore = "python3 with venv is not installed")]
fn the_example_in_go_answers_as_its_cases_say() {
    example_passes("go");
}

#[test]
#[cfg_attr(not(have_npm), ignore = "npm is not installed")]
fn the_example_in_javascript_answers_as_its_cases_say() {
    example_passes("js");
}

#[test]
#[cfg_attr(not(have_python3), ignore = "python3 with venv is not installed")]
fn the_example_in_python_answers_as_its_cases_say() {
    example_passes("python");
}

#[test]
fn the_bundled_plugins_answer_as_their_cases_say() {
    for plugin in ["approve-risky", "budget", "http-guard", "mask-secrets", "sql-guard"] {
        let folder = repository().join("plugins").join(plugin);
        let shown = done(&["test", text(&folder)]);
        assert!(shown.contains(" passed, 0 failed, 0 skipped"), "{plugin}: {shown}");
    }
}

/// A folder with one file of cases.
fn cases(text: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("cases")).unwrap();
    fs::write(folder.path().join("cases/some.toml"), text).unwrap();
    folder
}

#[test]
fn cases_are_shown_as_json_too() {
    let folder = cases(
        "config = { deny = ['drop'] }\n[[case]]\nname = 'good'\ncommand = { text = '' }\nexpect = { verdict = 'allow' }\n\
         [[case]]\nname = 'bad'\ncommand = { text = '' }\nexpect = { verdict = 'deny' }\n",
    );
    let shown = author(&["test", text(folder.path()), "--plugin", "sql-guard", "--json"]);
    assert_eq!(shown.code, Some(1), "{shown:?}");
    let shown: Vec<Value> = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown[0]["id"], "cases/some.toml:3");
    assert_eq!(shown[0]["outcome"], "passed");
    assert_eq!(shown[1]["outcome"], "failed");
    let difference = serde_json::json!([{ "key": "verdict", "expected": "deny", "got": "allow" }]);
    assert_eq!(shown[1]["differences"], difference);
}

#[test]
fn a_case_that_asks_for_what_a_plugin_has_not_fails() {
    let folder = cases(
        "[[case]]\nname = 'x'\nresult = { document = 'application/json' }\nexpect = { rest = 'keep' }\n",
    );
    let failed = author(&["test", text(folder.path()), "--plugin", "sql-guard"]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stdout.contains("does not export the hook `mask`"), "{}", failed.stdout);
}

#[test]
fn a_rule_on_what_a_plugin_says_that_it_does_not_look_at_fails_its_cases() {
    let folder = cases(
        "config = { word = 'xyzzy', except = 'wizard' }\n\
         [[case]]\nname = 'unsaid'\ncommand = { text = 'SELECT 1' }\nexpect = { verdict = 'allow' }\n\
         [[case]]\nname = 'said'\ncommand = { text = 'SELECT xyzzy' }\nexpect = { verdict = 'allow' }\n",
    );
    let plugin = plugins::build("blinkered");
    let failed = author(&["test", text(folder.path()), "--plugin", text(&plugin)]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stdout.contains("ok      unsaid"), "{}", failed.stdout);
    assert!(failed.stdout.contains("1 passed, 1 failed"), "{}", failed.stdout);
    let told = "it answers otherwise when it is given session, principal, target, client-address, text too";
    assert!(failed.stdout.contains(told), "{}", failed.stdout);
}

#[test]
fn a_misspelt_key_is_named_with_its_place_and_what_was_meant() {
    let folder = cases("[[case]]\nname = 'x'\n[case.comand]\ntext = ''\n[case.expect]\n");
    let refused = author(&["test", text(folder.path()), "--plugin", "sql-guard"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let told = "cases/some.toml:3: unknown key `comand`\n  fix: did you mean `command`?";
    assert!(refused.stderr.contains(told), "{}", refused.stderr);
}

#[test]
fn what_does_not_compile_is_told_in_the_compilers_words() {
    let parent = TempDir::new().unwrap();
    done(&["new", "broken", "--lang", "rust", "--dir", text(parent.path())]);
    let folder = parent.path().join("broken");
    fs::write(folder.join("src/lib.rs"), "fn broken() -> u32 { \"text\" }\n").unwrap();
    fs::write(folder.join("Cargo.toml"), "[package]\nname = 'broken'\nedition = '2024'\n[lib]\ncrate-type = ['cdylib']\n[workspace]\n").unwrap();
    let failed = author(&["build", text(&folder)]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    for told in
        ["error: building broken failed\n", "  command: ", "mismatched types", "src/lib.rs:1"]
    {
        assert!(failed.stderr.contains(told), "{told}: {}", failed.stderr);
    }
}

#[test]
fn what_compiles_and_is_no_plugin_is_told_when_it_is_built() {
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("empty");
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("plugin.toml"), "name = 'empty'\nlanguage = 'rust'\n").unwrap();
    fs::write(folder.join("src/lib.rs"), "").unwrap();
    fs::write(folder.join("Cargo.toml"), "[package]\nname = 'empty'\nedition = '2024'\n[lib]\ncrate-type = ['cdylib']\n[workspace]\n").unwrap();
    let refused = author(&["build", text(&folder)]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("is no plugin that the gateway can run"), "{}", refused.stderr);
    assert!(refused.stderr.contains("palisade:policy/plugin"), "{}", refused.stderr);
    assert!(!folder.join("empty.wasm").exists());
}

#[test]
fn a_tool_that_cannot_be_installed_is_told_with_what_to_do() {
    let parent = TempDir::new().unwrap();
    done(&["new", "lonely", "--lang", "js", "--dir", text(parent.path())]);
    let folder = parent.path().join("lonely");
    let mut command = cli(parent.path());
    command.args(["plugins", "build", text(&folder)]);
    command.env("PALISADE_TOOLS", parent.path().join("tools")).env("PATH", "/nowhere");
    let failed = run(&mut command);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    for told in ["npm is not installed", "componentize-qjs", "fix: install Node.js"] {
        assert!(failed.stderr.contains(told), "{told}: {}", failed.stderr);
    }
}

#[test]
fn a_plugin_is_inspected_before_it_is_put_in_force() {
    let shown = done(&["inspect", "budget"]);
    for line in ["name         budget", "hooks        guard", "needs        grants = [\"state\"]"] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let shown = done(&["inspect", text(example("rust")), "--json"]);
    let shown: Vec<Value> = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown[0]["id"], "canary");
    assert_eq!(shown[0]["asks"], serde_json::json!(["log"]));
    assert_eq!(shown[0]["pure"], false);
    assert_eq!(shown[0]["hash"].as_str().unwrap().len(), 64);
    assert!(shown[0]["schema"]["properties"]["tables"].is_object());
    assert!(!author(&["inspect", "/no/such.wasm"]).ok);
}

#[test]
fn nothing_is_made_over_what_is_there() {
    let parent = TempDir::new().unwrap();
    let begin = || author(&["new", "once", "--lang", "c", "--dir", text(parent.path())]);
    assert!(begin().ok);
    let again = begin();
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
}
