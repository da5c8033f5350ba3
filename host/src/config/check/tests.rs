use super::*;
use crate::config::PostgresLogin;

const CONNECTION: &str = "[[connection]]\nname = 'orders'\nprotocol = 'postgres'\n\
    address = '127.0.0.1:5432'\ndatabase = 'orders'\nusername = 'svc'\n";

fn mistakes(text: &str) -> Vec<(Option<usize>, String)> {
    match parse(Path::new("palisade.toml"), text) {
        Ok(_) => vec![],
        Err(mistakes) => mistakes.into_iter().map(|m| (m.line, m.problem)).collect(),
    }
}

fn check(text: &str, expected: &[(usize, &str)]) {
    let found = mistakes(text);
    let found: Vec<_> = found.iter().map(|(line, text)| (line.unwrap(), text.as_str())).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn an_empty_file_is_a_gateway_on_loopback_that_nobody_can_use() {
    let config = parse(Path::new("dir/palisade.toml"), "").unwrap();
    assert_eq!(config.listen.postgres, "127.0.0.1:6432".parse().unwrap());
    assert_eq!(config.data_dir, Path::new("dir/data"));
    assert_eq!(config.warnings.len(), 2);
}

#[test]
fn a_whole_connection_is_taken_as_written() {
    let text = format!("{CONNECTION}tls = 'verify-full'\nlabels = {{ env = 'prod' }}\n");
    let config = parse(Path::new("palisade.toml"), &text).unwrap();
    let connection = config.connection("orders").unwrap();
    assert_eq!((connection.host.as_str(), connection.port), ("127.0.0.1", 5432));
    assert_eq!(connection.tls, crate::config::UpstreamTls::VerifyFull);
    assert_eq!(connection.labels["env"], "prod");
}

#[test]
fn an_ipv6_address_loses_its_brackets() {
    let text = CONNECTION.replace("127.0.0.1:5432", "[::1]:5432");
    let config = parse(Path::new("palisade.toml"), &text).unwrap();
    assert_eq!(config.connection("orders").unwrap().host, "::1");
}

#[test]
fn addresses_without_a_port_are_mistakes() {
    check("[listen]\npostgres = 'here'", &[(2, "`here` is no address to listen on")]);
    let text = CONNECTION.replace("127.0.0.1:5432", "db");
    check(&text, &[(4, "`db` is no address of a server")]);
    let text = CONNECTION.replace("127.0.0.1:5432", "db:0");
    check(&text, &[(4, "`db:0` is no address of a server")]);
}

#[test]
fn a_secret_in_the_wrong_place_is_not_quoted() {
    let quoted = |text: &str, key: &str| {
        let found = mistakes(text);
        assert!(found.iter().any(|(line, _)| line.is_some()), "{found:?}");
        assert!(found.iter().all(|(_, problem)| !problem.contains("S3cr3t")), "{found:?}");
        assert!(found.iter().any(|(_, problem)| problem.contains(key)), "{found:?}");
    };
    quoted(&format!("{CONNECTION}password = 'S3cr3t'\n"), "`password`");
    quoted(&format!("{CONNECTION}tls = 'S3cr3t'\n"), "`tls`");
    let vault = "[vault.server]\naddress = 'https://vault.internal'\n";
    quoted(&format!("{vault}token = 'S3cr3t'\n"), "`token`");
    quoted(&format!("{vault}approle = {{ role_id = 'a', secret_id = 'S3cr3t' }}\n"), "`approle`");
    quoted("[vault]\nmaster_key = 'S3cr3t'\n", "`master_key`");
    let address = CONNECTION.replace("127.0.0.1:5432", "svc:S3cr3t@db");
    quoted(&address, "`***@db` is no address of a server");
}

#[test]
fn clients_log_in_by_password_unless_it_says_otherwise() {
    let login = |text: &str| {
        parse(Path::new("palisade.toml"), text).map(|config| config.listen.postgres_login)
    };
    assert_eq!(login("").unwrap(), PostgresLogin::Password);
    assert_eq!(login("[listen]\npostgres_login = 'oauth'").unwrap(), PostgresLogin::OAuth);
    let wrong = login("[listen]\npostgres_login = 'oidc'").unwrap_err().remove(0);
    assert!(wrong.line == Some(2) && wrong.problem.contains("`password` or `oauth`"), "{wrong}");
}

#[test]
fn clients_are_told_of_the_issuer_that_people_log_in_at_or_of_one_that_can_be_asked() {
    let issuer = |name: &str, more: &str| {
        format!(
            "[[issuer]]\nname = '{name}'\nurl = 'https://{name}.example'\naudience = ['x']\n{more}\n"
        )
    };
    let told = |text: &str| {
        let config = parse(Path::new("palisade.toml"), text).unwrap();
        config.tells_of().map(|issuer| issuer.name.clone())
    };
    let cluster = issuer("cluster", "jwks = 'https://cluster.example/keys'");
    assert_eq!(told(""), None);
    assert_eq!(told(&cluster), None);
    let text = format!("{cluster}{}{}", issuer("first", ""), issuer("second", ""));
    assert_eq!(told(&text).as_deref(), Some("first"));
    let text = format!("{text}{}", issuer("people", "client_id = 'cli'"));
    assert_eq!(told(&text).as_deref(), Some("people"));
}

#[test]
fn one_address_cannot_serve_both() {
    let text = "[listen]\npostgres = '127.0.0.1:1'\nadmin = '127.0.0.1:1'";
    check(text, &[(3, "`postgres` and `admin` have the same address")]);
    check("[listen]\npostgres = '127.0.0.1:0'\nadmin = '127.0.0.1:0'", &[]);
}

#[test]
fn names_are_used_once() {
    check(
        &format!("{CONNECTION}{CONNECTION}"),
        &[(8, "a second connection has the name `orders`")],
    );
    check("[[role]]\nname = 'a'\n[[role]]\nname = 'a'\n", &[(4, "a second role has the name `a`")]);
}

#[test]
fn a_role_names_connections_that_exist_or_globs() {
    let text = format!("{CONNECTION}[[role]]\nname = 'a'\nconnections = ['order', 'ord*']\n");
    check(&text, &[(9, "no connection is called `order`")]);
}

#[test]
fn a_missing_file_is_named() {
    let found = mistakes("[policies]\nfiles = ['no/such.toml']");
    assert_eq!(found.len(), 1);
    assert!(found[0].1.contains("no/such.toml"), "{found:?}");
}

#[test]
fn a_password_that_is_not_there_yet_is_a_warning() {
    let text = format!(
        "{CONNECTION}password = {{ env = 'PALISADE_NO_SUCH_VARIABLE' }}\n[[role]]\nname='a'"
    );
    let config = parse(Path::new("palisade.toml"), &text).unwrap();
    assert_eq!(config.warnings.len(), 1);
    assert_eq!(config.warnings[0].line, Some(7));
}

#[test]
fn every_limit_has_a_range() {
    check("[limits]\nplugin_time_ms = 0", &[(2, "0 milliseconds is out of range")]);
    check("[limits]\nanswer_seconds = 0", &[(2, "0 seconds is out of range")]);
    check("[limits]\nthreads = 0", &[(2, "0 threads is out of range")]);
    check("[limits]\nmax_sessions = -1", &[(2, "-1 sessions is out of range")]);
    check("[record]\nresult_limit = 33554433", &[(2, "33554433 bytes is out of range")]);
}

#[test]
fn several_mistakes_are_told_together() {
    let text = "[listen]\nadmin = 'x'\n[limits]\nframe_bytes = 1\n";
    assert_eq!(mistakes(text).len(), 2);
}

#[test]
fn an_unknown_protocol_is_refused() {
    let text = CONNECTION.replace("'postgres'", "'mysql'");
    check(&text, &[(3, "unknown protocol `mysql`")]);
}

#[test]
fn a_key_is_a_key_and_an_empty_list_of_them_is_a_mistake() {
    check("[policies]\ntrusted_keys = ['x']", &[(2, "`x` is no public key")]);
    let empty = "`trusted_keys` is empty: it would trust nobody, or everybody";
    check("[policies]\ntrusted_keys = []", &[(2, empty)]);
}

const SERVICE: &str = "[listen]\nhttp = '127.0.0.1:6481'\n[[connection]]\nname = 'api'\nprotocol = 'http'\n\
    address = 'https://api.internal'\n";

#[test]
fn a_service_is_reached_by_its_scheme_and_port_and_its_certificate_is_verified() {
    let text = format!(
        "{SERVICE}login = 'bearer'\npassword = {{ exec = ['true'] }}\npaths = ['/v1/{{id}}']\n"
    );
    let config = parse(Path::new("palisade.toml"), &text).unwrap();
    let connection = config.connection("api").unwrap();
    assert_eq!((connection.host.as_str(), connection.port), ("api.internal", 443));
    assert_eq!(connection.tls, crate::config::UpstreamTls::VerifyFull);
    let http = connection.http.as_ref().unwrap();
    assert!(http.tls && !http.websocket);
    assert_eq!(http.login.name(), "bearer");
}

#[test]
fn what_a_service_cannot_have_is_a_mistake() {
    let with = |lines: &str| format!("{SERVICE}{lines}\n");
    let secret = "password = { exec = ['true'] }";
    let address = |new: &str| SERVICE.replace("https://api.internal", new);
    check(&address("api.internal:443"), &[(6, "`api.internal:443` is no origin")]);
    check(&address("https://api.internal/v1"), &[(6, "`https://api.internal/v1` is no origin")]);
    let text = format!("{}login = 'bearer'\n{secret}\n", address("http://api.internal"));
    check(&text, &[(6, "the credential would travel in clear text over the network")]);
    check(&with("login = 'bearer'"), &[(7, "`login` needs a `password`, which is its secret")]);
    let basic = "`login` needs a `username`: the user, the access key's id, or the client's id";
    check(&with(&format!("login = 'basic'\n{secret}")), &[(7, basic)]);
    let unsaid = "there is a `password`, and no `login` that says how it is sent";
    check(&with(secret), &[(4, unsaid)]);
    let header = "`login.header.name` is no name of a header";
    check(&with(&format!("login = {{ header = {{ name = 'a b' }} }}\n{secret}")), &[(7, header)]);
    let path = "`v1` is no path template: write it as /v1/users/{id}";
    check(&with("paths = ['v1']"), &[(7, path)]);
    let tls = "`tls` says nothing here: the address does, and certificates are verified";
    check(&with("tls = 'require'"), &[(7, tls)]);
}

#[test]
fn a_service_that_nobody_can_reach_is_a_mistake() {
    let text = SERVICE.replace("http = '127.0.0.1:6481'\n", "");
    check(&text, &[(1, "the gateway listens nowhere for `api`")]);
    let text = SERVICE.replace("6481", "6432");
    check(&text, &[(2, "`postgres` and `http` have the same address")]);
    check("[listen]\nhttp_domain = 'a b'", &[(2, "`a b` is no domain")]);
}

#[test]
fn a_forward_proxy_leads_to_services_and_not_to_programs() {
    let text = SERVICE.replace("http = '127.0.0.1:6481'", "http_proxy = '127.0.0.1:6481'");
    check(&text, &[]);
    let program = "[[connection]]\nname = 'notes'\nprotocol = 'mcp'\ncommand = ['notes']\n";
    check(&format!("{text}\n{program}"), &[(1, "the gateway listens nowhere for `notes`")]);
    let same = text.replace("6481", "6480");
    check(&same, &[(2, "`http_proxy` and `admin` have the same address")]);
    let tunnel = "`tunnel` is for connections of the protocol `http`";
    check(&format!("{CONNECTION}tunnel = 'blind'\n"), &[(7, tunnel)]);
}

#[test]
fn what_is_for_services_alone_is_a_mistake_elsewhere() {
    let text = format!("{CONNECTION}login = 'bearer'\n");
    check(&text, &[(7, "`login` is for connections of the protocol `http`")]);
    let text = CONNECTION.replace("database = 'orders'\n", "");
    check(&text, &[(2, "missing field `database`")]);
}

/// A configuration that is read twice, and this file of its folder replaced between.
fn replaced(text: &str, file: &str) -> (Config, Config) {
    let dir = tempfile::tempdir().unwrap();
    for name in ["ca.pem", "policies.toml"] {
        std::fs::write(dir.path().join(name), "one").unwrap();
    }
    let read = || parse(&dir.path().join("palisade.toml"), text).unwrap();
    let before = read();
    assert!(read().is_same(&before));
    std::fs::write(dir.path().join(file), "another").unwrap();
    (before, read())
}

#[test]
fn another_file_under_the_same_path_makes_another_configuration_and_connection() {
    let (before, now) = replaced(&format!("{CONNECTION}tls_ca = 'ca.pem'\n"), "ca.pem");
    assert!(!now.is_same(&before) && now.hash == before.hash);
    let (before, now) = (&before.connections[0], &now.connections[0]);
    assert_ne!(now, before);
    assert_eq!(Connection { files: before.files.clone(), ..now.clone() }, *before);
}

#[test]
fn whoever_vouches_for_a_vault_is_part_of_each_connection_whose_secret_is_there() {
    let ways = ["token = { env = 'HOME' }", "ca = 'ca.pem'", "address = 'https://vault.internal'"];
    let [token, ca, address] = ways;
    let shared = format!("[vault.server]\n{address}\n{token}\n{ca}\n");
    let with =
        |place: &str| format!("{CONNECTION}password = {{ vault = {{ path = 'a'{place} }} }}\n");
    let own = format!(", {}", ways.join(", "));
    for text in [format!("{}{shared}", with("")), with(&own)] {
        let (before, now) = replaced(&text, "ca.pem");
        assert_ne!(now.connections, before.connections, "{text}");
    }
    let (before, now) = replaced(&format!("{CONNECTION}{shared}"), "ca.pem");
    assert_eq!(now.connections, before.connections, "it has no secret there");
}

#[test]
fn a_policy_file_is_compared_where_policies_are_and_not_here() {
    let text = format!("{CONNECTION}[policies]\nfiles = ['policies.toml']\n");
    let (before, now) = replaced(&text, "policies.toml");
    assert!(now.is_same(&before));
}
