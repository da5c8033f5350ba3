use std::path::Path;

use palisade_mcp::NewTools;

use super::super::parse;
use super::*;

const LISTEN: &str = "[listen]\nhttp = '127.0.0.1:6481'\n";

fn connection(name: &str, lines: &str) -> String {
    format!("[[connection]]\nname = '{name}'\nprotocol = 'mcp'\n{lines}\n")
}

fn read(text: &str) -> Result<Vec<Connection>, String> {
    let config = parse(Path::new("dir/palisade.toml"), &format!("{LISTEN}{text}"));
    config.map(|config| config.connections).map_err(|mistakes| {
        mistakes.iter().map(|it| it.problem.clone()).collect::<Vec<_>>().join("; ")
    })
}

#[test]
fn a_program_has_a_command_an_environment_and_a_folder() {
    let text = connection(
        "git",
        "command = ['./bin/server', '--x']\nfolder = 'work'\nenv = { A = 'b', KEY = { env = 'K' } }\n\
         allow = ['sampling']\nnew_tools = 'hold'\nreads = ['git.get_*']",
    );
    let mcp = read(&text).unwrap().remove(0).mcp.unwrap();
    let McpPlace::Program { command, environment, folder } = mcp.place else { panic!("a program") };
    assert_eq!(command, ["dir/./bin/server", "--x"]);
    assert_eq!(folder.unwrap(), Path::new("dir/work"));
    assert_eq!(environment[0], ("A".to_owned(), Variable::Text("b".to_owned())));
    assert!(matches!(&environment[1], (name, Variable::Secret(_)) if name == "KEY"));
    assert!(mcp.allow.sampling && !mcp.allow.elicitation);
    assert_eq!(mcp.new_tools, NewTools::Hold);
}

#[test]
fn a_service_has_an_endpoint_and_others_are_offered_as_one() {
    let text = connection("wiki", "address = 'https://wiki.example:8443/a/mcp?x=1'")
        + &connection("all", "servers = ['wiki']");
    let read = read(&text).unwrap();
    let (wiki, all) = (&read[0], &read[1]);
    assert_eq!((wiki.host.as_str(), wiki.port), ("wiki.example", 8443));
    assert_eq!(wiki.mcp.as_ref().unwrap().place, McpPlace::Service("/a/mcp?x=1".to_owned()));
    assert!(wiki.http.as_ref().unwrap().tls);
    assert_eq!(all.mcp.as_ref().unwrap().place, McpPlace::Servers(vec!["wiki".to_owned()]));
}

#[test]
fn a_server_needs_a_place_where_its_clients_come_in() {
    let text = connection("git", "command = ['a']");
    let mistakes = parse(Path::new("palisade.toml"), &text).unwrap_err();
    assert!(mistakes[0].problem.contains("listens nowhere for `git`"), "{mistakes:?}");
}

#[test]
fn what_is_amiss_is_named() {
    for (text, told) in [
        (connection("git", ""), "one of `address`, `command` and `servers`"),
        (connection("git", "command = ['a']\nservers = ['b']"), "one of"),
        (connection("Git.Hub", "command = ['a']"), "by its name"),
        (connection("git", "command = []"), "no program"),
        (connection("git", "command = ['a']\nallow = ['shell']"), "cannot ask for `shell`"),
        (connection("git", "command = ['a']\nnew_tools = 'maybe'"), "trusted or held"),
        (
            connection("git", "address = 'https://a/mcp'\nenv = { A = 'b' }"),
            "for servers that are started",
        ),
        (connection("git", "servers = ['nobody']"), "no MCP server `nobody`"),
        (connection("git", "servers = ['nobody', 'none']"), "no MCP server `none`"),
        (connection("git", "servers = ['git']"), "no MCP server `git`"),
        (
            connection(
                "git",
                "address = 'http://a.example/mcp'\nlogin = 'bearer'\npassword = { env = 'K' }",
            ),
            "in clear text",
        ),
        (
            connection(
                "git",
                "address = 'https://a/mcp'\nlogin = { query = 'key' }\npassword = { env = 'K' }",
            ),
            "by a header or a cookie",
        ),
        (connection("git", "comand = ['a']"), "comand"),
        (
            "[[connection]]\nname = 'x'\nprotocol = 'http'\naddress = 'https://a'\nreads = ['a']\n"
                .to_owned(),
            "are for connections of the protocol `mcp`",
        ),
    ] {
        let problem = read(&text).unwrap_err();
        assert!(problem.contains(told), "{text}: {problem}");
    }
}
