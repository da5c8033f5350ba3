use super::*;
use crate::plugins::start_host;

fn prepared(policies: &str) -> Result<Prepared, Vec<Mistake>> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("p.toml"), policies).unwrap();
    let file = dir.path().join("palisade.toml");
    std::fs::write(&file, "[policies]\nfiles = ['p.toml']").unwrap();
    let config = Config::read(&file).unwrap();
    let host = start_host(&config.data_dir, [7; 32], &config.limits).unwrap();
    prepare(&config, &host)
}

/// What is wrong with a policy file, with its lines, or else the names in force.
fn check(policies: &str, expected: Result<&[&str], &[(usize, &str)]>) {
    let found: Result<Vec<String>, Vec<(usize, String)>> = prepared(policies)
        .map(|prepared| prepared.in_force.into_iter().map(|one| one.name).collect())
        .map_err(|mistakes| mistakes.into_iter().map(|m| (m.line.unwrap(), m.problem)).collect());
    match (&found, expected) {
        (Ok(names), Ok(expected)) => assert_eq!(names, expected),
        (Err(found), Err(expected)) => {
            assert_eq!(found.len(), expected.len(), "{found:?}");
            for ((line, problem), (at, part)) in found.iter().zip(expected) {
                assert!(line == at && problem.contains(part), "{found:?}");
            }
        }
        _ => panic!("{found:?}"),
    }
}

#[test]
fn every_bundled_plugin_loads() {
    check(
        "[[use]]\nplugin = 'mask-secrets'\n[use.config]\nnames = ['*']\n[[use]]\nplugin = 'sql-guard'\nname = 'guard'\n\
         [use.config]\ndeny = ['drop']\n[[use]]\nplugin = 'approve-risky'\n[use.config]\nhold = [{ actions = ['update'], objects = ['*'], approvers = ['a'], expires_in = 3 }]\n",
        Ok(&["mask-secrets", "guard", "approve-risky"]),
    );
}

#[test]
fn a_misspelt_plugin_is_named_with_its_line() {
    check("\n[[use]]\nplugin = 'sql-gard'", Err(&[(3, "there is no plugin `sql-gard`")]));
    check("[[use]]\nplugin = './x.wasm'", Err(&[(2, "cannot read the plugin")]));
}

#[test]
fn a_misspelt_key_of_a_plugins_configuration_is_named_with_its_line() {
    check(
        "[[use]]\nplugin = 'sql-guard'\n[use.config]\nread_only = []\ndenny = []\n",
        Err(&[(5, "config.denny: unknown key")]),
    );
}

#[test]
fn mistakes_of_several_policies_are_told_together() {
    check(
        "[[use]]\nplugin = 'nonesuch'\n[[use]]\nplugin = 'sql-guard'\n[use.config]\ndeny = 1\n",
        Err(&[(2, "there is no plugin"), (6, "config.deny")]),
    );
}

#[test]
fn policies_of_one_name_have_counters_of_their_own_and_what_observes_moves_none_that_binds() {
    let budget = |mode: &str| {
        format!(
            "[[use]]\nplugin = 'budget'\ngrants = ['state']\nmode = '{mode}'\n[use.config]\n\
             budgets = [{{ name = 'b', actions = ['use'], most = 1, within = 60 }}]\n"
        )
    };
    let counting = |modes: &[&str]| {
        let policies: String = modes.iter().map(|mode| budget(mode)).collect();
        let in_force = prepared(&policies).unwrap().in_force;
        in_force.iter().map(|one| one.policy.counts_as().to_owned()).collect::<Vec<_>>()
    };
    let alone = counting(&["enforce"]);
    let [first, observes, second] =
        counting(&["enforce", "observe", "enforce"]).try_into().unwrap();
    assert!(first != observes && first != second && observes != second);
    assert_eq!(alone, [first]);
    assert_eq!(counting(&["observe", "enforce"])[1], alone[0]);
}
