"""What psycopg 3 can do with libpq, one thing a test: for as long as its own tests are in no package."""

import datetime as dt
import decimal
import ipaddress
import threading
import time
import uuid

import psycopg
import pytest
from psycopg import pq, sql
from psycopg.rows import dict_row, namedtuple_row
from psycopg.types.composite import CompositeInfo, register_composite
from psycopg.types.enum import EnumInfo, register_enum
from psycopg.types.hstore import register_hstore
from psycopg.types.json import Json, Jsonb
from psycopg.types.multirange import Int4Multirange, Multirange
from psycopg.types.range import Int4Range, Range, RangeInfo, register_range

VALUES = (
    True, 7, 2**40, 10**30, 1.5, float("inf"), decimal.Decimal("12.340"), "text é € 🐘", "", b"\x00\xff bytes",
    dt.date(2024, 2, 29), dt.time(12, 30, 1, 5), dt.datetime(2024, 2, 29, 1, 2, 3, 4),
    dt.datetime(2024, 2, 29, tzinfo=dt.timezone.utc), dt.timedelta(days=-3, seconds=5, microseconds=7),
    uuid.UUID(int=5), ipaddress.ip_address("192.168.0.1"), ipaddress.ip_network("::1/128"), [1, 2, None], [[1, 2], [3, None]],
    Int4Range(1, 5), Int4Multirange([Range(1, 3), Range(5, 7)]), None,
)


@pytest.fixture
def conn():
    with psycopg.connect(autocommit=True) as conn:
        yield conn


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_come_back(conn, value, binary):
    kind = "%b" if binary else "%t"
    for _ in range(7):  # Prepared from the fifth time on.
        cur = conn.execute(sql.SQL(f"SELECT {kind} AS v"), [value], binary=binary)
        assert cur.fetchone()[0] == value


def test_json(conn):
    for wrapper in (Json, Jsonb):
        assert conn.execute("SELECT %s", [wrapper({"a": [1, None, "é"]})]).fetchone() == ({"a": [1, None, "é"]},)


def test_what_the_connection_tells(conn):
    info = conn.info
    assert info.status == pq.ConnStatus.OK and info.server_version >= 150000 and info.dbname == info.user
    assert info.parameter_status("server_encoding") == "UTF8" and info.backend_pid > 0
    conn.execute("SET timezone TO 'Europe/Rome'")
    assert str(info.timezone) == "Europe/Rome" and info.parameter_status("TimeZone") == "Europe/Rome"
    with conn.transaction():
        assert info.transaction_status == pq.TransactionStatus.INTRANS


@pytest.mark.parametrize("encoding", ["latin1", "utf8", "koi8r", "euc_jp", "win1252", "sql_ascii"])
def test_encodings(conn, encoding):
    conn.execute(f"SET client_encoding TO {encoding}")
    assert conn.execute("SELECT 'abc'::text || %s", ["def"]).fetchone()[0] in ("abcdef", b"abcdef")


def test_a_character_of_latin1(conn):
    conn.execute("SET client_encoding TO latin1")
    assert conn.execute("SELECT %s::text, 'é'", ["ü"]).fetchone() == ("ü", "é")


def test_pipelines(conn):
    with conn.pipeline() as pipeline:
        one = conn.execute("SELECT 1")
        many = conn.cursor()
        conn.execute("CREATE TEMP TABLE piped (a int, b text)")
        many.executemany("INSERT INTO piped VALUES (%s, %s) RETURNING a", [(n, str(n)) for n in range(50)], returning=True)
        pipeline.sync()
        assert one.fetchone() == (1,) and many.fetchone() == (0,)
    assert conn.execute("SELECT count(*) FROM piped").fetchone() == (50,)


def test_an_error_in_a_pipeline(conn):
    with pytest.raises(psycopg.errors.DivisionByZero):
        with conn.pipeline():
            conn.execute("SELECT 1 / 0")
            later = conn.execute("SELECT 2")
    with pytest.raises(psycopg.Error):
        later.fetchone()
    assert conn.execute("SELECT 3").fetchone() == (3,)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_cursors_of_the_server(conn, size):
    with conn.transaction(), conn.cursor("one", scrollable=True) as cur:
        cur.itersize = size
        cur.execute("SELECT generate_series(1, %s)", [50], binary=True)
        assert [row[0] for row in cur] == list(range(1, 51))
        cur.scroll(10, mode="absolute")
        assert cur.fetchmany(3) == [(11,), (12,), (13,)]


def test_a_cursor_that_outlives_its_transaction(conn):
    with conn.transaction():
        cur = conn.cursor("held", withhold=True).execute("SELECT generate_series(1, 3)")
    assert cur.fetchall() == [(1,), (2,), (3,)]
    cur.close()


def test_other_cursors(conn):
    assert psycopg.ClientCursor(conn).execute("SELECT %s, 'a%%'", ["it's"]).fetchone() == ("it's", "a%")
    assert psycopg.RawCursor(conn).execute("SELECT $1::int + $2", [1, 2]).fetchone() == (3,)
    assert conn.cursor(row_factory=dict_row).execute("SELECT 1 AS a, 2 AS a, 3 AS b").fetchone() == {"a": 2, "b": 3}
    assert conn.cursor(row_factory=namedtuple_row).execute('SELECT 1 AS "a b"').fetchone()[0] == 1


def test_results_of_odd_shapes(conn):
    assert conn.execute("SELECT FROM generate_series(1, 3)").fetchall() == [(), (), ()]
    assert conn.execute("").description is None and conn.execute(";").description is None
    cur = conn.execute("SELECT 1; SELECT 2, 'x'; CREATE TEMP TABLE t ()")
    assert cur.fetchone() == (1,) and cur.nextset() and cur.fetchone() == (2, "x") and cur.nextset()
    assert cur.statusmessage == "CREATE TABLE" and not cur.nextset()
    assert len(conn.execute(f"SELECT {', '.join('1' for _ in range(1600))}").fetchone()) == 1600


def test_streams(conn):
    cur = conn.cursor()
    assert sum(row[0] for row in cur.stream("SELECT generate_series(1, 10000)")) == 50005000
    assert sum(row[0] for row in cur.stream("SELECT generate_series(1, 10000)", binary=True)) == 50005000


@pytest.mark.parametrize("form", ["", "(FORMAT csv)", "(FORMAT binary)"])
def test_copies(conn, form):
    conn.execute("CREATE TEMP TABLE copied (a int4, b text)")
    cur = conn.cursor()
    if form == "(FORMAT csv)":
        with cur.copy(f"COPY copied FROM STDIN {form}") as copy:
            for n in range(1000):
                copy.write(f'{n},"a ""b"" é{n}"\n')
    else:
        with cur.copy(f"COPY copied FROM STDIN {form}") as copy:
            copy.set_types(["int4", "text"])
            for n in range(1000):
                copy.write_row((n, f'a "b" é{n}'))
    assert cur.rowcount == 1000
    with cur.copy(f"COPY (SELECT * FROM copied ORDER BY a) TO STDOUT {form}") as copy:
        if form == "(FORMAT csv)":
            assert b"".join(copy).count(b"\n") == 1000
        else:
            copy.set_types(["int4", "text"])
            assert list(copy.rows())[999] == (999, 'a "b" é999')


def test_copies_that_fail(conn):
    conn.execute("CREATE TEMP TABLE broken (a int4)")
    cur = conn.cursor()
    with pytest.raises(ZeroDivisionError):
        with cur.copy("COPY broken FROM STDIN") as copy:
            copy.write("1\n")
            1 / 0
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        with cur.copy("COPY broken FROM STDIN") as copy:
            copy.write("x\n")
    with pytest.raises(psycopg.errors.UndefinedTable):
        with cur.copy("COPY nowhere TO STDOUT"):
            pass
    with cur.copy("COPY (SELECT generate_series(1, 100000)) TO STDOUT") as copy:
        assert sum(map(len, copy)) == 588895
    assert conn.execute("SELECT count(*) FROM broken").fetchone() == (0,)


def test_notifications(conn):
    conn.execute("LISTEN one")
    with psycopg.connect(autocommit=True) as other:
        other.execute("NOTIFY one, 'first'")
        other.execute("SELECT pg_notify('one', %s)", ["é" * 100])
    heard = list(conn.notifies(timeout=5, stop_after=2))
    assert [note.payload for note in heard] == ["first", "é" * 100] and heard[0].channel == "one"


def test_notices_and_errors_with_all_their_fields(conn):
    heard = []
    told = lambda notice: (notice.message_primary, notice.message_detail, notice.message_hint)
    conn.add_notice_handler(lambda notice: heard.append(told(notice)))
    conn.execute("DO $$ BEGIN RAISE NOTICE 'hello %', 1 USING DETAIL = 'd', HINT = 'h'; END $$")
    assert heard == [("hello 1", "d", "h")]
    with pytest.raises(psycopg.Error) as raised:
        conn.execute("DO $$ BEGIN RAISE EXCEPTION 'bad' USING ERRCODE = 'XX999', SCHEMA = 's', TABLE = 't', COLUMN = 'c'; END $$")
    diag = raised.value.diag
    assert (diag.sqlstate, diag.schema_name, diag.table_name, diag.column_name) == ("XX999", "s", "t", "c")
    with pytest.raises(psycopg.errors.UndefinedColumn) as raised:
        conn.execute("SELECT wat")
    assert raised.value.diag.statement_position == "8" and raised.value.diag.source_function
    conn.execute("CREATE TEMP TABLE one_row (id int CONSTRAINT only_one PRIMARY KEY); INSERT INTO one_row VALUES (1)")
    with pytest.raises(psycopg.errors.UniqueViolation) as raised:
        conn.execute("INSERT INTO one_row VALUES (1)")
    assert raised.value.diag.constraint_name == "only_one" and "(id)=(1)" in raised.value.diag.message_detail


def test_transactions(conn):
    conn.execute("CREATE TEMP TABLE kept (a int)")
    with conn.transaction():
        conn.execute("INSERT INTO kept VALUES (1)")
        with pytest.raises(ZeroDivisionError), conn.transaction("inner"):
            conn.execute("INSERT INTO kept VALUES (2)")
            1 / 0
        with conn.transaction(force_rollback=True):
            conn.execute("INSERT INTO kept VALUES (3)")
    assert conn.execute("SELECT a FROM kept").fetchall() == [(1,)]
    conn.isolation_level, conn.read_only, conn.deferrable = psycopg.IsolationLevel.SERIALIZABLE, True, True
    with conn.transaction():
        assert conn.execute("SHOW transaction_isolation").fetchone() == ("serializable",)
        assert conn.execute("SHOW transaction_read_only").fetchone() == ("on",)


def test_two_phases():
    with psycopg.connect() as conn:
        conn.tpc_begin(conn.xid(1, "global", "branch"))
        conn.execute("CREATE TABLE two_phases (a int)")
        conn.tpc_prepare()
        with psycopg.connect() as other:
            assert [xid.gtrid for xid in other.tpc_recover()] == ["global"]
        conn.tpc_commit()
        conn.execute("DROP TABLE two_phases")


def test_prepared_statements_across_a_change(conn):
    conn.execute("CREATE TEMP TABLE changed (a int)")
    for _ in range(3):
        conn.execute("SELECT * FROM changed", prepare=True)
    assert conn.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()[0] >= 1
    conn.execute("ALTER TABLE changed ADD b text")
    assert len(conn.execute("SELECT * FROM changed", prepare=True).description) == 2
    conn.execute("DISCARD ALL")
    assert conn.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)


def test_cancelling(conn):
    for cancel in (conn.cancel, conn.cancel_safe):
        timer = threading.Timer(0.3, cancel)
        timer.start()
        began = time.monotonic()
        with pytest.raises(psycopg.errors.QueryCanceled):
            conn.execute("SELECT pg_sleep(20)")
        timer.join()
        assert time.monotonic() - began < 15
    assert conn.execute("SELECT 1").fetchone() == (1,)


def test_a_backend_that_is_terminated(conn):
    with psycopg.connect(autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [conn.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        for _ in range(10):
            conn.execute("SELECT pg_sleep(0.2)")
    assert conn.broken


def test_types_of_ones_own(conn):
    with conn.transaction(force_rollback=True):
        conn.execute("CREATE TYPE own_mood AS ENUM ('ok', 'bad')")
        conn.execute("CREATE TYPE own_pair AS (a int, b text)")
        conn.execute("CREATE TYPE own_range AS RANGE (subtype = text)")
        mood = EnumInfo.fetch(conn, "own_mood")
        register_enum(mood, conn)
        assert conn.execute("SELECT 'bad'::own_mood").fetchone()[0].name == "bad"
        register_composite(CompositeInfo.fetch(conn, "own_pair"), conn)
        assert conn.execute("SELECT (1, 'x')::own_pair").fetchone()[0].b == "x"
        register_range(RangeInfo.fetch(conn, "own_range"), conn)
        assert conn.execute("SELECT own_range('a', 'c')").fetchone()[0] == Range("a", "c")
        register_hstore(psycopg.types.TypeInfo.fetch(conn, "hstore"), conn)
        assert conn.execute("SELECT hstore('k', 'v') || 'a=>1'").fetchone() == ({"k": "v", "a": "1"},)
        assert conn.execute("SELECT multirange('[1,3)'::int4range)").fetchone() == (Multirange([Range(1, 3)]),)


def test_functions_of_ones_own(conn):
    conn.execute("CREATE FUNCTION pg_temp.own_add(a int, b int DEFAULT 2) RETURNS int LANGUAGE sql AS 'SELECT a + b'")
    assert conn.execute("SELECT pg_temp.own_add(1), pg_temp.own_add(b => 5, a => 1)").fetchone() == (3, 6)
    conn.execute("CREATE PROCEDURE pg_temp.own_proc(INOUT a int) LANGUAGE plpgsql AS $$ BEGIN a := a * 2; END $$")
    assert conn.execute("CALL pg_temp.own_proc(21)").fetchone() == (42,)


def test_the_lowest_level(conn):
    pg = conn.pgconn
    assert pg.exec_params(b"SELECT $1::int8", [b"\0\0\0\0\0\0\0\5"], [20], [1], 1).get_value(0, 0)[-1] == 5
    assert pg.prepare(b"named", b"SELECT $1::text, 1").status == pq.ExecStatus.COMMAND_OK
    described = pg.describe_prepared(b"named")
    assert (described.nparams, described.param_type(0), described.nfields) == (1, 25, 2)
    assert pg.exec_prepared(b"named", [b"x"]).get_value(0, 0) == b"x"
    assert pg.exec_prepared(b"named", [None]).get_value(0, 0) is None
    pg.exec_(b"BEGIN; DECLARE portal CURSOR FOR SELECT 1 AS c")
    assert pg.describe_portal(b"portal").fname(0) == b"c"
    pg.exec_(b"COMMIT")
    assert pg.exec_prepared(b"nobody", []).error_field(pq.DiagnosticField.SQLSTATE) == b"26000"


def test_much_at_once(conn):
    big = "é" * 3_000_000
    assert conn.execute("SELECT %s::text", [big]).fetchone() == (big,)
    assert conn.execute("SELECT repeat('x', 20000000)").fetchone()[0].count("x") == 20_000_000
    many = list(range(40_000))
    assert conn.execute("SELECT cardinality(%s)", [many]).fetchone() == (40_000,)
    texts = sql.SQL(", ").join(sql.Placeholder() * 60_000)
    assert len(conn.execute(sql.SQL("SELECT ARRAY[{}]").format(texts), [1] * 60_000).fetchone()[0]) == 60_000


def test_parameters_of_the_connection():
    options = {"options": "-c search_path=pg_catalog -c statement_timeout=12345", "application_name": "own é"}
    with psycopg.connect(**options, autocommit=True) as conn:
        assert conn.execute("SHOW search_path").fetchone() == ("pg_catalog",)
        assert conn.execute("SHOW statement_timeout").fetchone() == ("12345ms",)
        assert conn.execute("SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()").fetchone()
