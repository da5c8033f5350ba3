-- Migrations on tables that nobody protects, and what tools send around them.

SELECT pg_catalog.set_config('search_path', '', false);

SET search_path = public;

SET statement_timeout = 0;

SET lock_timeout = '5s';

SET idle_in_transaction_session_timeout = 0;

SET client_encoding = 'UTF8';

SET standard_conforming_strings = on;

SET check_function_bodies = false;

SET client_min_messages = warning;

SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE SCHEMA IF NOT EXISTS store;

CREATE TYPE store.grade AS ENUM ('low', 'high');

ALTER TYPE store.grade ADD VALUE 'middle' BEFORE 'high';

ALTER TYPE store.grade RENAME VALUE 'low' TO 'lower';

CREATE TYPE store.spot AS (x int, y int);

ALTER TYPE store.spot ADD ATTRIBUTE z int;

CREATE DOMAIN store.code AS text CHECK (VALUE ~ '^[a-z]+$');

ALTER DOMAIN store.code SET NOT NULL;

ALTER DOMAIN store.code DROP NOT NULL;

CREATE SEQUENCE store.numbers START 100 INCREMENT 5 CACHE 1;

ALTER SEQUENCE store.numbers OWNED BY NONE;

CREATE TABLE store.things (
    id bigserial PRIMARY KEY,
    code store.code NOT NULL,
    name varchar(50) NOT NULL DEFAULT '',
    grade store.grade,
    made timestamptz NOT NULL DEFAULT now(),
    spot store.spot,
    CONSTRAINT things_code_key UNIQUE (code)
);

CREATE TABLE IF NOT EXISTS store.things (id int);

CREATE TABLE store.parts (id int GENERATED ALWAYS AS IDENTITY, thing_id bigint NOT NULL REFERENCES store.things (id) ON DELETE CASCADE, amount int CHECK (amount > 0), twice int GENERATED ALWAYS AS (amount * 2) STORED, PRIMARY KEY (id));

INSERT INTO store.things (code, name, grade) SELECT chr(96 + i), 'thing ' || i, 'lower' FROM generate_series(1, 10) i;

INSERT INTO store.parts (thing_id, amount) SELECT id, id * 3 FROM store.things ORDER BY id;

INSERT INTO store.things (code, name) VALUES ('zz', 'last') RETURNING id, code;

INSERT INTO store.things (code, name) VALUES ('zz', 'again') ON CONFLICT (code) DO UPDATE SET name = excluded.name RETURNING id, name;

INSERT INTO store.things (code) VALUES ('zz') ON CONFLICT DO NOTHING;

INSERT INTO store.things (code) VALUES ('zz');

INSERT INTO store.things (code) VALUES ('ZZ');

ALTER TABLE store.things ADD COLUMN note text;

ALTER TABLE store.things ADD COLUMN IF NOT EXISTS rank int NOT NULL DEFAULT 0;

UPDATE store.things SET note = 'row ' || id WHERE note IS NULL;

UPDATE store.things t SET rank = p.amount FROM store.parts p WHERE p.thing_id = t.id;

UPDATE store.things SET (name, rank) = (upper(name), rank + 1) WHERE id <= 3 RETURNING id, name, rank;

UPDATE store.things SET rank = rank + 1 WHERE id IN (SELECT thing_id FROM store.parts WHERE amount > 10);

DELETE FROM store.parts WHERE amount > 28 RETURNING id, amount;

ALTER TABLE store.things ALTER COLUMN note SET NOT NULL;

ALTER TABLE store.things ALTER COLUMN note DROP NOT NULL;

ALTER TABLE store.things ALTER COLUMN note SET DEFAULT 'none';

ALTER TABLE store.things ALTER COLUMN note DROP DEFAULT;

ALTER TABLE store.things ALTER COLUMN rank TYPE bigint;

ALTER TABLE store.things ALTER COLUMN name TYPE text USING trim(name);

ALTER TABLE store.things ALTER COLUMN note SET STATISTICS 500, ALTER COLUMN note SET STORAGE EXTERNAL;

ALTER TABLE store.things RENAME COLUMN note TO remark;

ALTER TABLE store.things ADD CONSTRAINT rank_check CHECK (rank >= 0) NOT VALID;

ALTER TABLE store.things VALIDATE CONSTRAINT rank_check;

ALTER TABLE store.things RENAME CONSTRAINT rank_check TO rank_positive;

ALTER TABLE store.parts ADD CONSTRAINT parts_unique UNIQUE (thing_id, amount);

ALTER TABLE store.parts ADD COLUMN owner_code text;

ALTER TABLE store.parts ADD FOREIGN KEY (owner_code) REFERENCES store.things (code) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE store.things SET (fillfactor = 90);

ALTER TABLE store.things CLUSTER ON things_pkey;

ALTER TABLE store.things REPLICA IDENTITY FULL;

CREATE INDEX things_name ON store.things (name);

CREATE INDEX CONCURRENTLY things_rank ON store.things (rank DESC NULLS LAST) INCLUDE (name);

CREATE INDEX IF NOT EXISTS things_lower ON store.things (lower(name)) WHERE rank > 0;

CREATE UNIQUE INDEX things_both ON store.things USING btree (code, name);

CREATE INDEX things_words ON store.things USING gin (to_tsvector('english', name));

ALTER INDEX store.things_name RENAME TO things_name_old;

REINDEX INDEX store.things_both;

REINDEX TABLE CONCURRENTLY store.things;

CREATE VIEW store.ranked AS SELECT id, code, rank FROM store.things WHERE rank > 0;

CREATE OR REPLACE VIEW store.ranked AS SELECT id, code, rank, name FROM store.things WHERE rank > 0;

SELECT * FROM store.ranked ORDER BY id;

UPDATE store.ranked SET name = 'through the view' WHERE id = 1;

CREATE MATERIALIZED VIEW store.counts AS SELECT grade, count(*) AS n FROM store.things GROUP BY grade;

CREATE UNIQUE INDEX ON store.counts (grade);

REFRESH MATERIALIZED VIEW store.counts;

REFRESH MATERIALIZED VIEW CONCURRENTLY store.counts;

SELECT * FROM store.counts ORDER BY 1;

SELECT setval('store.things_id_seq', (SELECT max(id) FROM store.things));

SELECT setval(pg_get_serial_sequence('store.things', 'id'), coalesce(max(id), 1), max(id) IS NOT NULL) FROM store.things;

SELECT nextval('store.numbers');

SELECT currval('store.numbers'), lastval();

SELECT last_value, is_called FROM store.numbers;

COMMENT ON TABLE store.things IS 'all things';

COMMENT ON COLUMN store.things.rank IS 'its rank';

COMMENT ON SCHEMA store IS 'the store';

COMMENT ON INDEX store.things_rank IS 'for lists';

BEGIN;

CREATE TABLE store.moved (LIKE store.things INCLUDING ALL);

INSERT INTO store.moved SELECT * FROM store.things;

SELECT count(*) FROM store.moved;

SAVEPOINT before;

INSERT INTO store.moved (id, code) VALUES (1, 'dup');

ROLLBACK TO SAVEPOINT before;

RELEASE SAVEPOINT before;

ALTER TABLE store.moved RENAME TO moved_things;

COMMIT;

SELECT count(*), max(rank) FROM store.moved_things;

CREATE TABLE store.by_year (id int, year int) PARTITION BY RANGE (year);

CREATE TABLE store.by_year_2023 PARTITION OF store.by_year FOR VALUES FROM (2023) TO (2024);

CREATE TABLE store.by_year_2024 (id int, year int);

ALTER TABLE store.by_year ATTACH PARTITION store.by_year_2024 FOR VALUES FROM (2024) TO (2025);

INSERT INTO store.by_year SELECT i, 2023 + i % 2 FROM generate_series(1, 10) i;

SELECT year, count(*) FROM store.by_year GROUP BY year ORDER BY year;

ALTER TABLE store.by_year DETACH PARTITION store.by_year_2023;

CREATE TABLE store.sign_ins (id int, year int, mail text, folded text GENERATED ALWAYS AS (lower(mail)) STORED, token text) PARTITION BY RANGE (year);

CREATE TABLE store.sign_ins_2024 (id int, year int, mail text, folded text GENERATED ALWAYS AS (lower(mail)) STORED, token text);

ALTER TABLE store.sign_ins ATTACH PARTITION store.sign_ins_2024 FOR VALUES FROM (2024) TO (2025);

INSERT INTO store.sign_ins (id, year, mail, token) VALUES (1, 2024, 'A@B.example', 'first'), (2, 2024, 'C@D.example', 'second');

ALTER TABLE store.sign_ins DETACH PARTITION store.sign_ins_2024;

ALTER TABLE store.sign_ins ATTACH PARTITION store.sign_ins_2024 FOR VALUES FROM (2024) TO (2025);

CREATE TABLE store.sign_ins_kept (id int, mail text, folded text GENERATED ALWAYS AS (lower(mail)) STORED, token text);

CREATE VIEW store.sign_ins_shown AS SELECT id, token FROM store.sign_ins_kept;

INSERT INTO store.sign_ins_shown (id, token) SELECT id, token FROM store.sign_ins;

SELECT count(*) FROM store.sign_ins_kept;

CREATE TEMP TABLE staging (code text, name text) ON COMMIT PRESERVE ROWS;

--@ data "q\tfrom a file\nr\tanother\n"
COPY staging FROM STDIN;

--@ data "code,name\ns,quoted \"\"text\"\"\n"
COPY staging (code, name) FROM STDIN WITH (FORMAT csv, HEADER true);

SELECT * FROM staging ORDER BY code;

INSERT INTO store.things (code, name) SELECT code, name FROM staging ON CONFLICT DO NOTHING;

CREATE INDEX ON staging (code);

ANALYZE staging;

MERGE INTO store.things t USING staging s ON s.code = t.code WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT (code, name) VALUES (s.code, s.name);

CREATE TEMPORARY TABLE totals AS SELECT grade, sum(rank) AS total FROM store.things GROUP BY grade;

SELECT * FROM totals ORDER BY grade;

ANALYZE store.things;

ANALYZE (VERBOSE false) store.things (name, rank);

VACUUM store.things;

VACUUM (ANALYZE) store.parts;

CREATE STATISTICS store.both (ndistinct, dependencies) ON code, name FROM store.things;

BEGIN ISOLATION LEVEL REPEATABLE READ;

SELECT count(*) FROM store.things;

END;

START TRANSACTION READ ONLY;

SHOW transaction_read_only;

ROLLBACK;

BEGIN;

SET LOCAL work_mem = '8MB';

SET CONSTRAINTS ALL DEFERRED;

DECLARE walk CURSOR FOR SELECT id, code FROM store.things ORDER BY id;

FETCH 2 FROM walk;

FETCH FORWARD 2 FROM walk;

MOVE 1 FROM walk;

CLOSE walk;

COMMIT;

PREPARE by_code (text) AS SELECT id, name FROM store.things WHERE code = $1;

EXECUTE by_code ('a');

DEALLOCATE by_code;

LISTEN store_changes;

NOTIFY store_other, 'something';

UNLISTEN *;

SHOW server_version_num;

SHOW search_path;

SELECT current_setting('server_version_num')::int >= 150000;

SELECT pg_advisory_lock(4711), pg_advisory_unlock(4711);

SELECT pg_try_advisory_xact_lock(4712);

SELECT EXISTS (SELECT 1 FROM information_schema.tables WHERE table_schema = 'store' AND table_name = 'things');

SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns WHERE table_schema = 'store' AND table_name = 'things' ORDER BY ordinal_position;

SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'store.things'::regclass ORDER BY conname;

SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'store' ORDER BY indexname;

SELECT c.relname, c.relkind, pg_get_userbyid(c.relowner) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'store' AND c.relkind IN ('r', 'v', 'm', 'S', 'p') ORDER BY 1;

SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull FROM pg_attribute a WHERE a.attrelid = 'store.things'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;

SELECT t.typname, array_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = 'store' GROUP BY 1;

SELECT to_regclass('store.things') IS NOT NULL, to_regclass('store.nothing') IS NULL;

SELECT pg_get_viewdef('store.ranked'::regclass, true);

SELECT obj_description('store.things'::regclass, 'pg_class'), col_description('store.things'::regclass, 7);

SELECT sequence_name, start_value, increment FROM information_schema.sequences WHERE sequence_schema = 'store' ORDER BY 1;

SELECT tc.constraint_name, kcu.column_name, ccu.table_name FROM information_schema.table_constraints tc JOIN information_schema.key_column_usage kcu USING (constraint_schema, constraint_name) JOIN information_schema.constraint_column_usage ccu USING (constraint_schema, constraint_name) WHERE tc.constraint_type = 'FOREIGN KEY' AND tc.table_schema = 'store' ORDER BY 1, 2;

SELECT pg_relation_size('store.things') > 0, pg_total_relation_size('store.things') > 0;

RESET lock_timeout;

RESET ALL;

DISCARD TEMP;

DISCARD PLANS;

--@ undo
DROP SCHEMA IF EXISTS store CASCADE;
