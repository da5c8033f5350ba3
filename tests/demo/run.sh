#!/usr/bin/env bash
# The main job, shown: a throwaway PostgreSQL with secrets, the gateway before it, psql as an agent.
# Exits 0 only if everything that it shows was observed. KEEP=1 leaves it running and prints the lines to paste.
set -euo pipefail
cd "$(dirname "$0")/../.."

palisade=$PWD/target/debug/palisade
dir=$(mktemp -d "${TMPDIR:-/tmp}/palisade-demo.XXXXXX")
server= gateway= service=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
    bold= dim= green= red= plain=
fi

say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
note() { printf '%s  %s%s\n' "$dim" "$*" "$plain"; }
ok() { printf '%s  ✓ %s%s\n' "$green" "$*" "$plain"; }
fail() {
    printf '%s  ✗ %s%s\n' "$red" "$*" "$plain"
    [ ! -f "$dir/gateway.log" ] || tail -n 20 "$dir/gateway.log"
    exit 1
}
expect() { # what is shown, the text that must be in it, what that proves
    if printf '%s' "$1" | grep -qF -- "$2"; then ok "$3"; else fail "$3: \"$2\" was not seen"; fi
}
refuse() { # what is shown, the text that must not be in it, what that proves
    if printf '%s' "$1" | grep -qF -- "$2"; then fail "$3: \"$2\" was seen"; else ok "$3"; fi
}
wait_for() { # what, a command that succeeds once it is there
    local what=$1 tries=0
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || fail "waited in vain for $what"
        sleep 0.1
    done
}

cleanup() {
    local status=$?
    if [ "${KEEP:-}" = 1 ] && [ "$status" = 0 ]; then return; fi
    [ -z "$gateway" ] || { kill "$gateway" 2>/dev/null && wait "$gateway" 2>/dev/null || true; }
    [ -z "$service" ] || { kill "$service" 2>/dev/null && wait "$service" 2>/dev/null || true; }
    [ -z "$server" ] || { kill -INT "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; }
    rm -rf "$dir"
    exit "$status"
}
trap cleanup EXIT

# --- PostgreSQL ---------------------------------------------------------------------------------

bin() { # a program of PostgreSQL's
    local found
    found=$(ls -d /usr/lib/postgresql/*/bin/"$1" 2>/dev/null | sort -V | tail -n 1)
    [ -n "$found" ] || found=$(command -v "$1") || { echo "demo: PostgreSQL's $1 is missing: run make setup" >&2; exit 1; }
    printf '%s' "$found"
}
as_owner() { # PostgreSQL refuses to run as root
    if [ "$(id -u)" = 0 ]; then
        local user=postgres
        id postgres >/dev/null 2>&1 || user=nobody
        setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"
    else
        "$@"
    fi
}
free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])' 2>/dev/null || echo $((20000 + RANDOM % 20000)); }

say "A throwaway PostgreSQL, with a table that holds secrets"
mkdir "$dir/pg"
chmod 755 "$dir"
if [ "$(id -u)" = 0 ]; then chown "$(id -u postgres 2>/dev/null || id -u nobody)" "$dir/pg"; fi
password=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
(cd / && as_owner "$(bin initdb)" -D "$dir/pg/data" -U admin -E UTF8 --locale=C -A trust --no-sync >/dev/null)
printf 'local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n' > "$dir/hba"
chmod 644 "$dir/hba"
for _ in 1 2 3 4 5; do
    pg_port=$(free_port)
    (cd / && exec 2>>"$dir/pg.log" && as_owner "$(bin postgres)" -D "$dir/pg/data" -k "$dir/pg" -h 127.0.0.1 -p "$pg_port" \
        -c hba_file="$dir/hba" -c fsync=off) &
    server=$!
    for _ in $(seq 100); do
        if psql -X -q -h "$dir/pg" -p "$pg_port" -U admin -d postgres -c 'SELECT 1' >/dev/null 2>&1; then break 2; fi
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
done
# The subshell's child is the server itself.
server=$(head -n 1 "$dir/pg/data/postmaster.pid")
psql -X -q -h "$dir/pg" -p "$pg_port" -U admin -d postgres -v ON_ERROR_STOP=1 <<SQL
CREATE ROLE svc_orders LOGIN PASSWORD '$password';
CREATE DATABASE orders OWNER svc_orders;
\c orders
SET ROLE svc_orders;
CREATE TABLE secrets (id int PRIMARY KEY, service text, password text, api_key text, token text);
INSERT INTO secrets VALUES
  (1, 'billing', 'correct-horse-battery', 'key-8d1f0c', 'tok-55aa01'),
  (2, 'mail', 'staple-tr0ub4dor', 'key-77b2e9', 'tok-90ce47');
CREATE TABLE orders (id int PRIMARY KEY, item text, amount numeric);
INSERT INTO orders SELECT i, 'item ' || i, i * 10 FROM generate_series(1, 5) i;
SQL
note "listening on 127.0.0.1:$pg_port; only the gateway knows the password of its user svc_orders"

say "An HTTP service with users, and an MCP server with notes"
service_key=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
python3 tests/demo/users.py "$service_key" > "$dir/service.port" 2> "$dir/service.log" &
service=$!
wait_for "the service" test -s "$dir/service.port"
service_port=$(cat "$dir/service.port")
note "the service listens on 127.0.0.1:$service_port, and only the gateway knows its key"
python=$(command -v python3)

# --- The gateway --------------------------------------------------------------------------------

say "Palisade, in front of it"
cat > "$dir/palisade.toml" <<TOML
data_dir = "data"
[listen]
postgres = "127.0.0.1:0"
http = "127.0.0.1:0"
http_proxy = "127.0.0.1:0"
admin = "127.0.0.1:0"
[[connection]]
name = "orders"
protocol = "postgres"
address = "127.0.0.1:$pg_port"
database = "orders"
username = "svc_orders"
password = { env = "ORDERS_PASSWORD" }
labels = { env = "prod" }
[[connection]]
name = "users"
protocol = "http"
address = "http://127.0.0.1:$service_port"
login = "bearer"
password = { env = "USERS_KEY" }
[[connection]]
name = "notes"
protocol = "mcp"
command = ["$python", "$PWD/tests/demo/notes.py"]
[[role]]
name = "support-agent"
connections = ["orders", "users", "notes"]
[[role]]
name = "approver"
approves = ["*"]
[policies]
files = ["$PWD/policies/baseline.toml", "$PWD/policies/http.toml", "$PWD/policies/mcp.toml"]
TOML
cli() { "$palisade" --config "$dir/palisade.toml" "$@"; }
ORDERS_PASSWORD=$password USERS_KEY=$service_key "$palisade" --config "$dir/palisade.toml" serve 2> "$dir/gateway.log" &
gateway=$!
wait_for "the gateway" test -f "$dir/data/listening.json"
port=$(sed -n 's/.*"postgres": *"[^"]*:\([0-9]*\)".*/\1/p' "$dir/data/listening.json")
http_port=$(sed -n 's/.*"http": *"[^"]*:\([0-9]*\)".*/\1/p' "$dir/data/listening.json")
proxy_port=$(sed -n 's/.*"http_proxy": *"[^"]*:\([0-9]*\)".*/\1/p' "$dir/data/listening.json")
[ -n "$port" ] && [ -n "$http_port" ] && [ -n "$proxy_port" ] || fail "the gateway does not say where it listens"
note "listening on 127.0.0.1:$port for PostgreSQL and :$http_port for HTTP and MCP, with policies/baseline.toml, http.toml and mcp.toml"

token=$(cli token --subject agent-7 --role support-agent --ttl 15m)
note "agent-7 has a token for 15 minutes, and nothing else"
target="host=127.0.0.1 port=$port user=orders dbname=orders sslmode=require"
agent() { PGPASSWORD=$token psql -X "$target" "$@" 2>&1; }
show() { printf '%s\n' "$1" | sed 's/^/    /'; }

# --- What an agent meets ------------------------------------------------------------------------

say "1. A SELECT: the secrets come back masked, by their true column, whatever they are called"
shown=$(agent -c 'SELECT id, service, password AS nothing_to_see, api_key, token FROM secrets')
show "$shown"
expect "$shown" "billing" "what is not secret is there"
expect "$shown" "********" "what is secret is masked"
refuse "$shown" "correct-horse" "no password came through"
refuse "$shown" "key-8d1f0c" "no key came through"
refuse "$shown" "tok-55aa01" "no token came through"

say "2. A DROP TABLE and a DELETE without WHERE: blocked, with the rule's name"
shown=$(agent -c 'DROP TABLE orders' || true)
show "$shown"
expect "$shown" "sql-guard.drop" "the DROP was blocked by sql-guard.drop"
shown=$(agent -c 'DELETE FROM orders' || true)
show "$shown"
expect "$shown" "sql-guard.delete-without-where" "the DELETE was blocked by sql-guard.delete-without-where"
shown=$(agent -At -c 'SELECT count(*) FROM orders')
expect "$shown" "5" "all 5 orders are still there"

say "3. An UPDATE on the secrets: it waits for somebody else"
agent -c "UPDATE secrets SET token = 'tok-new' WHERE id = 2" > "$dir/update.out" &
waiting=$!
hold=
held() { hold=$(cli approvals list --json | sed -n 's/.*"id": *"\([^"]*\)".*/\1/p' | head -n 1) && [ -n "$hold" ]; }
wait_for "the hold" held
held
show "$(cli approvals show "$hold")"
own=$(cli token --subject agent-7 --role approver --ttl 5m)
shown=$(PALISADE_TOKEN=$own cli approvals approve "$hold" 2>&1 || true)
show "$shown"
refuse "$shown" "approved" "agent-7 cannot approve its own command, whatever its roles"
alice=$(cli token --subject alice --role approver --ttl 5m)
shown=$(PALISADE_TOKEN=$alice cli approvals approve "$hold" --reason "ticket 4711" 2>&1)
show "$shown"
wait "$waiting" || fail "the approved UPDATE failed: $(cat "$dir/update.out")"
shown=$(cat "$dir/update.out")
show "$shown"
expect "$shown" "$hold" "the waiting client was told the hold's id at once"
expect "$shown" "UPDATE 1" "alice approved it, and then it ran"

say "4. A plugin swapped while a session is open"
mkfifo "$dir/in"
PGPASSWORD=$token psql -X -At "$target" < "$dir/in" > "$dir/session.out" 2>&1 &
session=$!
exec 9> "$dir/in"
pid_of() { grep -c '^pid [0-9]' "$dir/session.out"; }
echo "SELECT 'pid ' || pg_backend_pid();" >&9
echo "ALTER TABLE orders ADD COLUMN note text;" >&9
wait_for "the first answers" grep -q 'ALTER TABLE' "$dir/session.out"
note "ALTER TABLE passes under the baseline"
tests/demo/build-plugin.sh "$dir/no-ddl"
shown=$(cli plugins load "$dir/no-ddl/no_ddl.wasm" --name sql-guard 2>&1) || { show "$shown"; fail "the plugin was not loaded"; }
show "$shown"
echo "ALTER TABLE orders DROP COLUMN note;" >&9
echo "SELECT 'pid ' || pg_backend_pid();" >&9
exec 9>&-
wait "$session" || true
shown=$(cat "$dir/session.out")
show "$shown"
expect "$shown" "no-ddl.alter" "the same session's next ALTER TABLE met the new plugin"
[ "$(pid_of)" = 2 ] && [ "$(grep '^pid' "$dir/session.out" | sort -u | wc -l)" = 1 ] \
    && ok "no connection was dropped: the server's process is the same" || fail "the session was not the same"

say "5. The replay of a session"
id=$(cli sessions list --json | tr '{' '\n' | sed -n 's/.*"id": *"\([^"]*\)".*/\1/p' | head -n 1)
shown=$(cli sessions replay "$id" --speed 0)
show "$shown"
expect "$shown" "ALTER TABLE orders DROP COLUMN note" "the record holds the command"
expect "$shown" "no-ddl.alter" "and its verdict"

say "6. An HTTP service: its answers masked by key and by what they look like, a deletion held"
users=https://127.0.0.1:$http_port/c/users/v1/users
ask() { curl -sS -k -H "Authorization: Bearer $token" "$@" 2>&1; }
shown=$(ask "$users/7")
show "$shown"
expect "$shown" '"name": "Ada"' "what is not secret is there"
refuse "$shown" "key-8d1f0c" "no key came through"
refuse "$shown" "ghp_16C7" "nor the token within a text"
shown=$(curl -sS --noproxy "" -x "http://users:$token@127.0.0.1:$proxy_port" "http://127.0.0.1:$service_port/v1/users/7" 2>&1)
expect "$shown" '"name": "Ada"' "a client that cannot change its URL goes by HTTP_PROXY"
refuse "$shown" "key-8d1f0c" "and no key comes through there either"
shown=$(ask -X DELETE "$users/7" -H "Prefer: respond-async" -i)
show "$(printf '%s\n' "$shown" | tr -d '\r' | grep -iE '^(HTTP|location|\{)' || true)"
expect "$shown" " 202" "the DELETE waits for a person"
held
shown=$(PALISADE_TOKEN=$alice cli approvals deny "$hold" --reason "she is still with us" 2>&1)
show "$shown"
shown=$(ask "$users/7")
expect "$shown" "Ada" "alice refused it, and Ada is still there"

say "7. An MCP server, started by the gateway: a tool called, its result masked, another held"
mcp=https://127.0.0.1:$http_port/c/notes/mcp
say_to() { # the session's header, a JSON-RPC message
    curl -sS -k -D "$dir/head" -H "Authorization: Bearer $token" -H "Content-Type: application/json" \
        -H "Accept: application/json, text/event-stream" -H "$1" --data "$2" --max-time "${3:-20}" "$mcp" 2>&1 || true
}
say_to "X-None: 1" '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"agent","version":"1"}}}' > /dev/null
mcp_session=$(tr -d '\r' < "$dir/head" | grep -i '^mcp-session-id:')
[ -n "$mcp_session" ] || fail "there is no MCP session"
say_to "$mcp_session" '{"jsonrpc":"2.0","method":"notifications/initialized"}' > /dev/null
shown=$(say_to "$mcp_session" '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"read_note","arguments":{"name":"plan"}}}')
show "$shown"
expect "$shown" "ship on friday" "the tool was called"
refuse "$shown" "correct-horse" "its result is masked"
say_to "$mcp_session" '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"delete_note","arguments":{"name":"plan"}}}' > "$dir/call.out" &
waiting=$!
hold=
wait_for "the hold" held
held
show "$(cli approvals show "$hold")"
shown=$(PALISADE_TOKEN=$alice cli approvals approve "$hold" 2>&1)
show "$shown"
wait "$waiting"
shown=$(cat "$dir/call.out")
show "$shown"
expect "$shown" '"id":3' "alice approved the call, and then it ran"

say "All of it was observed."
if [ "${KEEP:-}" = 1 ]; then
    cat <<EOF

It is still running. To look around:
  cd $PWD
  export PALISADE="$palisade --config $dir/palisade.toml"
  PGPASSWORD=\$(\$PALISADE token --subject me --role support-agent --ttl 1h) psql "$target"
  \$PALISADE approvals list
  \$PALISADE sessions list
To end it:
  kill $gateway $service; kill -INT $server; rm -rf $dir
EOF
fi
