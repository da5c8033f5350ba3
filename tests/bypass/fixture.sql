-- What both corpora speak of. Run by the server's owner; svc_orders, the gateway's own user, owns what it uses.
-- That user may do far more than it should: the corpora ask what the gateway stops, not what the server stops.
CREATE ROLE reporter;
CREATE ROLE auditor_role;
GRANT reporter TO svc_orders WITH ADMIN OPTION;
GRANT pg_read_all_stats, pg_read_all_settings, pg_signal_backend TO svc_orders;
GRANT pg_read_server_files, pg_write_server_files, pg_execute_server_program TO svc_orders;
ALTER ROLE svc_orders REPLICATION;
GRANT CREATE ON DATABASE orders TO svc_orders;

CREATE EXTENSION dblink;
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION file_fdw;
CREATE EXTENSION hstore;
CREATE EXTENSION pgcrypto;
CREATE EXTENSION tablefunc;
CREATE EXTENSION xml2;
CREATE EXTENSION pageinspect;
CREATE EXTENSION citext;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION fuzzystrmatch;
CREATE EXTENSION unaccent;
CREATE EXTENSION lo;
CREATE EXTENSION intarray;
CREATE EXTENSION ltree;
CREATE EXTENSION pg_stat_statements;
GRANT EXECUTE ON FUNCTION dblink_connect_u(text), dblink_connect_u(text, text) TO svc_orders;
GRANT EXECUTE ON FUNCTION pg_read_file(text), pg_read_file(text, bigint, bigint), pg_read_binary_file(text) TO svc_orders;
GRANT EXECUTE ON FUNCTION lo_import(text), lo_import(text, oid), lo_export(oid, text) TO svc_orders;
GRANT EXECUTE ON FUNCTION get_raw_page(text, bigint), heap_page_items(bytea) TO svc_orders;
GRANT EXECUTE ON FUNCTION heap_page_item_attrs(bytea, regclass), heap_page_item_attrs(bytea, regclass, boolean) TO svc_orders;
GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw, file_fdw TO svc_orders;
GRANT SET ON PARAMETER log_statement, lc_messages, session_replication_role TO svc_orders;
GRANT ALL ON SCHEMA public TO svc_orders;

SET ROLE svc_orders;

-- Protected by strict.toml: password, ssn, api_key, pin, renewed, data, tags.
CREATE SCHEMA vault;
CREATE TABLE vault.users (
    id int PRIMARY KEY, name text NOT NULL, email text, password text, ssn text UNIQUE, api_key text, pin int,
    renewed timestamp, balance numeric(10,2), born date, profile jsonb, data jsonb, tags text[]);
INSERT INTO vault.users VALUES
    (1, 'Ada Quill', 'ada@quill.example', 'Zq7-Kestrel-Vm', '512-44-9031', 'kx_Marlin8f2Wd', 70613,
     '1987-03-14 05:17:29', 1203.50, '1984-03-07', '{"theme": "dark", "city": "Bergen"}', '{"otp": "Hd5-Juniper-Rk"}', '{Wombat-9kT,spare}'),
    (2, 'Bo Tamm', 'bo@tamm.example', 'Yx3-Osprey-Lc', '533-71-2286', 'kx_Halibut4p7', 82954,
     '1991-11-02 16:43:08', 88.00, '1990-11-21', '{"theme": "light", "city": "Oslo"}', '{"otp": "Gb8-Hemlock-Ty"}', '{Badger-4qX,other}'),
    (3, 'Cy Ruud', NULL, 'Wp9-Merlin-Dz', '561-08-7743', 'kx_Turbot1n5', 35187,
     '1979-06-23 21:38:51', 0, '1975-05-02', NULL, NULL, NULL);

CREATE TABLE vault.parent (id int, note text, password text);
CREATE TABLE vault.child (extra text) INHERITS (vault.parent);
INSERT INTO vault.child VALUES (1, 'inherited', 'Qe4-Lapwing-Fs', 'more');
CREATE TABLE vault.parted (id int NOT NULL, region text NOT NULL, password text) PARTITION BY LIST (region);
CREATE TABLE vault.parted_north PARTITION OF vault.parted FOR VALUES IN ('north');
CREATE TABLE vault.parted_south PARTITION OF vault.parted DEFAULT;
INSERT INTO vault.parted VALUES (1, 'north', 'Bn6-Plover-Gy'), (2, 'south', 'Cm2-Dunlin-Hx');

CREATE TABLE vault.tokens (id int PRIMARY KEY, user_id int REFERENCES vault.users ON DELETE CASCADE, token text, last_used date);
INSERT INTO vault.tokens VALUES (1, 1, 'tk-Saffron-3Jw', '2024-05-01'), (2, 2, 'tk-Cumin-8Rv', '2024-05-02');

CREATE TABLE public.notes (id int PRIMARY KEY, author text, body text);
INSERT INTO public.notes VALUES (1, 'Ada Quill', 'first note'), (2, 'Bo Tamm', 'second note');
CREATE SEQUENCE public.tickets;
CREATE SEQUENCE audit.numbers;
CREATE TABLE audit.rules (id int PRIMARY KEY, rule text);
INSERT INTO audit.rules VALUES (1, 'keep'), (2, 'keep too');

RESET ROLE;
GRANT USAGE ON SCHEMA vault TO reporter;
GRANT SELECT ON vault.users TO reporter;
ALTER TABLE vault.users SET (autovacuum_enabled = off);
ANALYZE;
