-- Queues of work, upserts and duplicates: rows of a table that are chosen by looking into the same table, and columns that
-- keep their values.

CREATE SCHEMA work;

CREATE TABLE work.jobs (id int PRIMARY KEY, state text NOT NULL, n int, token text);

INSERT INTO work.jobs VALUES (1, 'q', 1, NULL), (2, 'q', 2, NULL), (3, 'r', 3, NULL), (4, 'q', 3, NULL);

WITH nxt AS (SELECT id FROM work.jobs WHERE state = 'q' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) UPDATE work.jobs SET state = 'r' FROM nxt WHERE jobs.id = nxt.id RETURNING jobs.id;

UPDATE work.jobs SET state = 'r' FROM (SELECT id FROM work.jobs WHERE state = 'q' ORDER BY id LIMIT 1) q WHERE jobs.id = q.id;

UPDATE work.jobs a SET n = p.n + 1 FROM work.jobs p WHERE p.id = a.id AND p.state = 'q';

DELETE FROM work.jobs a USING work.jobs b WHERE a.n = b.n AND a.id > b.id;

DELETE FROM work.jobs USING (SELECT id, row_number() OVER (PARTITION BY n ORDER BY id) AS rn FROM work.jobs) d WHERE jobs.id = d.id AND d.rn > 1;

MERGE INTO work.jobs t USING (SELECT id FROM work.jobs WHERE n > 3) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET state = 'late';

--@ values ["late", "1"]
UPDATE work.jobs SET state = COALESCE($1, state) WHERE id = $2;

INSERT INTO work.jobs (id, state, n) VALUES (1, 'q', 9) ON CONFLICT (id) DO UPDATE SET n = COALESCE(EXCLUDED.n, jobs.n), state = EXCLUDED.state;

CREATE TABLE work.accounts (id int PRIMARY KEY, auth_token text);

ALTER TABLE work.accounts RENAME COLUMN auth_token TO token;

CREATE TABLE work.format (id int, t text);

INSERT INTO work.format (id, t) VALUES (1, format('%s', 'x'));

CREATE COLLATION work.german (provider = icu, locale = 'de', deterministic = true);

ALTER TABLE work.format ALTER COLUMN id TYPE bigint USING id::bigint;

--@ undo
DROP SCHEMA work CASCADE;
