-- What drivers, pools, editors and dashboards send by themselves.

SELECT 1;

;

SELECT 1; SELECT 2;

SELECT version() LIKE 'PostgreSQL%';

--@ varies
SELECT pg_backend_pid();

--@ varies
SELECT now(), current_timestamp, clock_timestamp();

SET application_name = 'dashboard';

SHOW application_name;

SET TIME ZONE 'UTC';

SET SESSION timezone TO 'Europe/Oslo';

SHOW TimeZone;

SET DateStyle = 'ISO';

SET extra_float_digits = 3;

SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE;

SET intervalstyle = 'iso_8601';

SELECT interval '1 day 2 hours';

RESET intervalstyle;

SHOW TRANSACTION ISOLATION LEVEL;

SHOW standard_conforming_strings;

SHOW ALL;

SELECT current_schemas(true), current_user, session_user;

SELECT set_config('TimeZone', 'UTC', false);

SELECT current_setting('is_superuser');

SELECT oid, typname, typarray FROM pg_type WHERE typname IN ('int4', 'text', 'hstore') AND typnamespace = 'pg_catalog'::regnamespace ORDER BY oid;

SELECT t.oid, t.typname, t.typtype, t.typelem, r.rngsubtype FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid WHERE t.oid = 3904;

SELECT typname AS name, oid, typarray AS array_oid, oid::regtype::text AS regtype, typdelim AS delimiter FROM pg_type t WHERE t.oid = to_regtype('int8') ORDER BY t.oid;

SELECT ns.nspname, a.typname, a.oid, a.typrelid, CASE WHEN pg_proc.proname = 'array_recv' THEN 'a' ELSE a.typtype END AS typtype FROM pg_type AS a JOIN pg_namespace AS ns ON ns.oid = a.typnamespace JOIN pg_proc ON pg_proc.oid = a.typreceive WHERE a.typname = '_int4';

SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY nspname;

SELECT datname, pg_encoding_to_char(encoding) FROM pg_database WHERE datallowconn ORDER BY 1;

SELECT rolname, rolsuper, rolcanlogin FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1;

SELECT name, setting, unit FROM pg_settings WHERE name IN ('server_encoding', 'work_mem') ORDER BY name;

SELECT extname, extversion FROM pg_extension ORDER BY extname;

SELECT has_table_privilege('shop.orders', 'SELECT'), has_schema_privilege('shop', 'USAGE');

SELECT n.nspname AS schema, c.relname AS name, c.reltuples::bigint AS rows FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'shop' AND c.relkind = 'r' ORDER BY 2;

SELECT table_schema, table_name, table_type FROM information_schema.tables WHERE table_schema IN ('shop', 'vault') ORDER BY 1, 2;

SELECT c.column_name, c.udt_name, c.character_maximum_length, pgd.description FROM information_schema.columns c LEFT JOIN pg_catalog.pg_description pgd ON pgd.objoid = (quote_ident(c.table_schema) || '.' || quote_ident(c.table_name))::regclass AND pgd.objsubid = c.ordinal_position WHERE c.table_schema = 'shop' AND c.table_name = 'orders' ORDER BY c.ordinal_position;

SELECT i.relname, ix.indisunique, ix.indisprimary, array_agg(a.attname ORDER BY k.n) FROM pg_index ix JOIN pg_class i ON i.oid = ix.indexrelid CROSS JOIN LATERAL unnest(ix.indkey) WITH ORDINALITY AS k(attnum, n) LEFT JOIN pg_attribute a ON a.attrelid = ix.indrelid AND a.attnum = k.attnum WHERE ix.indrelid = 'shop.orders'::regclass GROUP BY 1, 2, 3 ORDER BY 1;

SELECT routine_name, data_type FROM information_schema.routines WHERE routine_schema = 'shop' ORDER BY 1;

SELECT p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid) FROM pg_proc p WHERE p.pronamespace = 'shop'::regnamespace ORDER BY 1;

SELECT relname, n_live_tup >= 0 FROM pg_stat_user_tables WHERE schemaname = 'shop' ORDER BY relname;

SELECT indexrelname, idx_scan >= 0 FROM pg_stat_user_indexes WHERE schemaname = 'shop' ORDER BY indexrelname;

SELECT count(*) >= 1 FROM pg_stat_activity WHERE datname = current_database();

--@ varies
SELECT pid, usename, state, wait_event_type FROM pg_stat_activity WHERE pid = pg_backend_pid();

SELECT count(*) >= 0 FROM pg_locks WHERE NOT granted;

SELECT pg_database_size(current_database()) > 0, pg_is_in_recovery();

SELECT blks_hit >= 0, numbackends > 0 FROM pg_stat_database WHERE datname = current_database();

SELECT tgname FROM pg_trigger WHERE tgrelid = 'shop.orders'::regclass AND NOT tgisinternal;

SELECT conname, contype, confrelid::regclass FROM pg_constraint WHERE conrelid = 'shop.lines'::regclass ORDER BY 1;

SELECT pg_get_indexdef('shop.open_orders'::regclass), pg_get_expr(indpred, indrelid) FROM pg_index WHERE indexrelid = 'shop.open_orders'::regclass;

SELECT * FROM pg_catalog.pg_timezone_names WHERE name = 'UTC';

SELECT attname, null_frac FROM pg_stats WHERE schemaname = 'shop' AND tablename = 'customers' ORDER BY attname;

BEGIN;

ROLLBACK;

BEGIN READ WRITE;

COMMIT;

COMMIT;

--@ values ["5", "x"]
SELECT $1::int + 1 AS a, $2::text AS b;

--@ values [null]
SELECT $1::int IS NULL;

--@ values ["1", "2", "a"]
INSERT INTO shop.regions (code, name, parent) VALUES ($3 || '-' || $1, 'number ' || $2, NULL) RETURNING code, name;

--@ values ["a-1"]
UPDATE shop.regions SET name = 'changed' WHERE code = $1 RETURNING *;

--@ values ["a-1"]
DELETE FROM shop.regions WHERE code = $1;

--@ values ["200"]
SELECT id, note FROM shop.orders WHERE id = $1 FOR UPDATE SKIP LOCKED;

SELECT id FROM shop.orders WHERE status = 'new' ORDER BY placed LIMIT 2 FOR UPDATE SKIP LOCKED;

UPDATE shop.orders SET status = 'paid' WHERE id = (SELECT id FROM shop.orders WHERE status = 'new' ORDER BY placed, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id;

WITH moved AS (UPDATE shop.orders SET note = 'late' WHERE placed < '2024-01-05' RETURNING id) SELECT count(*) FROM moved;

WITH gone AS (DELETE FROM shop.lines WHERE order_id = 199 RETURNING product_id, quantity) SELECT sum(quantity) FROM gone;

INSERT INTO vault.users (id, name, balance) VALUES (500, 'New One', 1) RETURNING id, name;

UPDATE vault.users SET name = 'New Name', balance = balance + 5 WHERE id = 500 RETURNING id, name, balance;

--@ values ["fresh-password", "500"]
UPDATE vault.users SET password = $1 WHERE id = $2;

--@ masked
UPDATE vault.users SET name = 'Other Name' WHERE id = 500 RETURNING *;

--@ values ["500", "n", "p-new"]
INSERT INTO vault.users (id, name, password) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET name = excluded.name, password = excluded.password RETURNING id;

DELETE FROM vault.users WHERE id = 500;

SELECT pg_cancel_backend(-1);

DISCARD ALL;

--@ undo
UPDATE shop.orders SET status = (enum_range(NULL::shop.status))[1 + id % 4], note = CASE WHEN id % 5 = 0 THEN 'leave at the door' END;
INSERT INTO shop.lines SELECT 199, l, 1 + (199 * l) % 24, 1 + (199 + l) % 4, 10 + (199 * l) % 24 * 3.5 FROM generate_series(1, 3) l ON CONFLICT DO NOTHING;
DELETE FROM vault.users WHERE id = 500; DELETE FROM shop.regions WHERE code = 'a-1';
