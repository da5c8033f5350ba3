-- Reports, as analysts write them: on tables that nobody protects, and on those columns of the vault that are not protected.

SELECT count(*) FROM shop.orders;

SELECT count(*), count(DISTINCT customer_id), min(placed), max(placed), sum(total), round(avg(total), 2) FROM shop.orders;

SELECT status, count(*) FROM shop.orders GROUP BY status ORDER BY status;

SELECT status, count(*) AS n, sum(total) AS total FROM shop.orders GROUP BY 1 HAVING count(*) > 10 ORDER BY n DESC, status;

SELECT name, region, joined FROM shop.customers WHERE active ORDER BY joined DESC LIMIT 5;

SELECT name, status, total FROM shop.orders JOIN shop.customers ON customers.id = customer_id WHERE total > 90 ORDER BY total DESC, orders.id;

SELECT c.name, count(o.id) AS orders FROM shop.customers c LEFT JOIN shop.orders o ON o.customer_id = c.id GROUP BY c.id ORDER BY orders DESC, c.id LIMIT 10;

SELECT region, count(*) FILTER (WHERE active) AS active, count(*) FILTER (WHERE NOT active) AS gone FROM shop.customers GROUP BY region ORDER BY region;

SELECT r.name, p.name AS parent FROM shop.regions r LEFT JOIN shop.regions p ON p.code = r.parent ORDER BY r.code;

WITH RECURSIVE tree AS (
    SELECT code, name, 0 AS depth FROM shop.regions WHERE parent IS NULL
    UNION ALL
    SELECT r.code, r.name, depth + 1 FROM shop.regions r JOIN tree t ON r.parent = t.code
)
SELECT repeat('  ', depth) || name AS name FROM tree ORDER BY code;

WITH RECURSIVE days(d) AS (SELECT date '2024-01-01' UNION ALL SELECT d + 1 FROM days WHERE d < '2024-01-10') SELECT d, count(o.id) FROM days LEFT JOIN shop.orders o ON o.placed::date = d GROUP BY d ORDER BY d;

SELECT date_trunc('month', placed) AS month, count(*), sum(total) FROM shop.orders GROUP BY 1 ORDER BY 1;

SELECT to_char(placed, 'IYYY-"W"IW') AS week, sum(total) FROM shop.orders GROUP BY 1 ORDER BY 1;

SELECT extract(dow FROM placed) AS weekday, extract(hour FROM placed) AS hour, count(*) FROM shop.orders GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 10;

SELECT placed::date AS day, sum(total), sum(sum(total)) OVER (ORDER BY placed::date) AS running FROM shop.orders GROUP BY 1 ORDER BY 1;

SELECT customer_id, placed, total, lag(total) OVER w AS before, total - lag(total) OVER w AS change FROM shop.orders WINDOW w AS (PARTITION BY customer_id ORDER BY placed) ORDER BY customer_id, placed LIMIT 20;

SELECT * FROM (SELECT o.*, row_number() OVER (PARTITION BY customer_id ORDER BY placed DESC) AS place FROM shop.orders o) s WHERE place = 1 ORDER BY customer_id;

SELECT DISTINCT ON (customer_id) customer_id, id, placed FROM shop.orders ORDER BY customer_id, placed DESC;

SELECT category, name, price, rank() OVER (PARTITION BY category ORDER BY price DESC), percent_rank() OVER (PARTITION BY category ORDER BY price) FROM shop.products ORDER BY category, price DESC;

SELECT category, avg(price)::numeric(10,2), percentile_cont(0.5) WITHIN GROUP (ORDER BY price) AS median, percentile_disc(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY price) AS quarters, mode() WITHIN GROUP (ORDER BY name) FROM shop.products GROUP BY category ORDER BY category;

SELECT ntile(4) OVER (ORDER BY total, id) AS quarter, id, total FROM shop.orders ORDER BY id LIMIT 8;

SELECT id, total, avg(total) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)::numeric(10,2) AS smooth FROM shop.orders ORDER BY id LIMIT 10;

SELECT id, first_value(id) OVER w, last_value(id) OVER w, nth_value(id, 2) OVER w FROM shop.orders WINDOW w AS (PARTITION BY status ORDER BY id RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) ORDER BY id LIMIT 5;

SELECT region, status, count(*) FROM shop.orders o JOIN shop.customers c ON c.id = o.customer_id GROUP BY GROUPING SETS ((region, status), (region), ()) ORDER BY region NULLS LAST, status NULLS LAST;

SELECT region, status, grouping(region, status), sum(total) FROM shop.orders JOIN shop.customers c ON c.id = customer_id GROUP BY CUBE (region, status) ORDER BY 1 NULLS FIRST, 2 NULLS FIRST;

SELECT region, extract(month FROM placed) AS month, sum(total) FROM shop.orders JOIN shop.customers c ON c.id = customer_id GROUP BY ROLLUP (region, 2) ORDER BY 1, 2;

SELECT c.name, l.id, l.total FROM shop.customers c CROSS JOIN LATERAL (SELECT id, total FROM shop.orders o WHERE o.customer_id = c.id ORDER BY total DESC, id LIMIT 2) l ORDER BY c.id, l.total DESC, l.id LIMIT 12;

SELECT c.id, last.placed FROM shop.customers c LEFT JOIN LATERAL (SELECT placed FROM shop.orders WHERE customer_id = c.id ORDER BY placed DESC LIMIT 1) last ON true ORDER BY c.id LIMIT 10;

SELECT name FROM shop.customers c WHERE EXISTS (SELECT FROM shop.orders o WHERE o.customer_id = c.id AND status = 'returned') ORDER BY id;

SELECT name FROM shop.customers c WHERE NOT EXISTS (SELECT 1 FROM shop.orders o WHERE o.customer_id = c.id AND total > 90) ORDER BY id;

SELECT name FROM shop.products WHERE id IN (SELECT product_id FROM shop.lines GROUP BY product_id HAVING sum(quantity) > 60) ORDER BY name, id;

SELECT name FROM shop.products WHERE id NOT IN (SELECT product_id FROM shop.lines) ORDER BY id;

SELECT id FROM shop.orders WHERE total >= ALL (SELECT total FROM shop.orders);

SELECT id FROM shop.orders WHERE customer_id = ANY (ARRAY[1, 2, 3]) ORDER BY id LIMIT 5;

SELECT id, CASE WHEN total < 20 THEN 'small' WHEN total < 60 THEN 'middle' ELSE 'large' END AS size FROM shop.orders ORDER BY id LIMIT 10;

SELECT CASE status WHEN 'new' THEN 'open' WHEN 'paid' THEN 'open' ELSE 'done' END AS stage, count(*) FROM shop.orders GROUP BY 1 ORDER BY 1;

SELECT sum(CASE WHEN status = 'returned' THEN total ELSE 0 END) / nullif(sum(total), 0) AS share FROM shop.orders;

SELECT coalesce(note, 'none') AS note, count(*) FROM shop.orders GROUP BY note ORDER BY 1;

SELECT p.category, sum(l.quantity * l.price) AS sales, sum(l.quantity) AS pieces FROM shop.lines l JOIN shop.products p ON p.id = l.product_id GROUP BY p.category ORDER BY sales DESC;

SELECT o.id, sum(quantity * price) AS computed FROM shop.orders o JOIN shop.lines l ON l.order_id = o.id GROUP BY o.id ORDER BY computed DESC, o.id LIMIT 5;

SELECT id, total FROM shop.order_totals WHERE total > 200 ORDER BY total DESC, id;

SELECT month, orders, total FROM shop.monthly ORDER BY month;

SELECT order_id, line, shop.line_total(l) FROM shop.lines l ORDER BY 1, 2 LIMIT 3;

SELECT settings ->> 'lang' AS lang, count(*) FROM shop.customers GROUP BY 1 ORDER BY 1;

SELECT name FROM shop.customers WHERE settings @> '{"news": true, "level": 2}' ORDER BY id;

SELECT id, settings #>> '{level}' AS level, settings ? 'lang' AS has, jsonb_typeof(settings -> 'news') FROM shop.customers ORDER BY id LIMIT 4;

SELECT key, count(*), min(value::text) FROM shop.customers, jsonb_each(settings) GROUP BY key ORDER BY key;

SELECT id, page FROM shop.events, jsonb_array_elements_text(body -> 'pages') AS page ORDER BY id, page LIMIT 6;

SELECT jsonb_path_query_array(body, '$.pages[*] ? (@ > 3)') FROM shop.events ORDER BY id LIMIT 4;

SELECT jsonb_build_object('id', id, 'status', status, 'total', total) FROM shop.orders ORDER BY id LIMIT 3;

SELECT jsonb_agg(jsonb_build_object('line', line, 'product', name) ORDER BY line) FROM shop.lines JOIN shop.products p ON p.id = product_id WHERE order_id = 7;

SELECT row_to_json(o) FROM shop.orders o ORDER BY id LIMIT 2;

SELECT json_object_agg(status, n ORDER BY status) FROM (SELECT status, count(*) AS n FROM shop.orders GROUP BY status) s;

SELECT jsonb_pretty(jsonb_set(settings, '{level}', '9')) FROM shop.customers WHERE id = 1;

SELECT x.customer, count(*) FROM shop.events, jsonb_to_record(body) AS x(customer int) GROUP BY 1 ORDER BY 1 LIMIT 5;

SELECT kind, count(*) FROM shop.events WHERE at BETWEEN '2024-01-10' AND '2024-02-10' GROUP BY kind ORDER BY kind;

SELECT tableoid::regclass, count(*) FROM shop.events GROUP BY 1 ORDER BY 1::text;

SELECT label, count(*) FROM shop.customers, unnest(labels) AS label GROUP BY label ORDER BY label;

SELECT name, labels[1], cardinality(labels), array_to_string(labels, '/') FROM shop.customers WHERE 'loyal' = ANY (labels) ORDER BY id LIMIT 5;

SELECT array_agg(id ORDER BY id) FROM shop.orders WHERE customer_id = 3;

SELECT string_agg(name, ', ' ORDER BY name) FROM shop.products WHERE category = 'light';

SELECT name, ts_rank(search, q) > 0 AS hit FROM shop.products, to_tsquery('english', 'red & chair | lamp') q WHERE search @@ q ORDER BY name, id;

SELECT ts_headline('english', name, plainto_tsquery('english', 'table')) FROM shop.products WHERE search @@ plainto_tsquery('english', 'table') ORDER BY id LIMIT 3;

SELECT name FROM shop.products WHERE search @@ websearch_to_tsquery('english', '"blue lamp" or shelf -red') ORDER BY id;

SELECT name, similarity(name, 'red chare') > 0.3 AS near FROM shop.products ORDER BY name <-> 'red chare', id LIMIT 3;

SELECT name FROM shop.products WHERE name ILIKE '%CHAIR' AND name ~ '^(red|blue)' ORDER BY id;

SELECT substring(name FROM '(\w+)$') AS last, count(*) FROM shop.products GROUP BY 1 ORDER BY 1;

SELECT upper(left(name, 1)) || substr(name, 2), length(name), reverse(name), md5(name), lpad(id::text, 5, '0') FROM shop.products ORDER BY id LIMIT 3;

SELECT regexp_replace(name, '(\w+) (\w+)', '\2, \1'), split_part(name, ' ', 2), initcap(name), translate(name, 'aeiou', '12345') FROM shop.products ORDER BY id LIMIT 3;

SELECT format('%s (%s)', name, category), concat_ws(' / ', category, name), quote_literal(name) FROM shop.products ORDER BY id LIMIT 3;

SELECT age(timestamp '2024-06-01', min(placed)), max(placed) - min(placed), justify_days(max(placed) - min(placed)) FROM shop.orders;

SELECT generate_series('2024-01-01'::date, '2024-03-01', '1 month')::date AS month;

SELECT g.day::date, count(o.id) FROM generate_series('2024-01-01'::timestamp, '2024-01-07', '1 day') AS g(day) LEFT JOIN shop.orders o ON o.placed >= g.day AND o.placed < g.day + interval '1 day' GROUP BY g.day ORDER BY g.day;

SELECT width_bucket(total, 0, 100, 5) AS bucket, count(*), min(total), max(total) FROM shop.orders GROUP BY bucket ORDER BY bucket;

SELECT corr(quantity, price), regr_slope(price, quantity), stddev_samp(price)::numeric(10,4), variance(quantity)::numeric(10,4) FROM shop.lines;

SELECT upper(made) - lower(made) AS span, made @> timestamptz '2024-02-01 00:00+00' AS then FROM shop.products ORDER BY id LIMIT 4;

SELECT id FROM shop.products WHERE made && tstzrange('2024-01-01', '2024-01-03') ORDER BY id;

SELECT (SELECT count(*) FROM shop.orders) AS orders, (SELECT count(*) FROM shop.customers) AS customers, (SELECT sum(price) FROM shop.products) AS prices;

SELECT id, (SELECT name FROM shop.customers WHERE id = o.customer_id) AS who FROM shop.orders o ORDER BY id LIMIT 4;

SELECT status FROM shop.orders UNION SELECT 'paid'::shop.status ORDER BY 1;

SELECT id FROM shop.customers EXCEPT SELECT customer_id FROM shop.orders WHERE status = 'shipped' ORDER BY 1 LIMIT 10;

SELECT id FROM shop.customers INTERSECT ALL SELECT customer_id FROM shop.orders ORDER BY 1 LIMIT 10;

WITH best AS MATERIALIZED (SELECT customer_id, sum(total) AS spent FROM shop.orders GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5), named AS (SELECT name, spent FROM best JOIN shop.customers ON id = customer_id) SELECT name, spent, round(100 * spent / sum(spent) OVER (), 1) AS share FROM named ORDER BY spent DESC, name;

WITH cohort AS (SELECT id, date_trunc('quarter', joined) AS quarter FROM shop.customers), firsts AS (SELECT customer_id, min(placed) AS first FROM shop.orders GROUP BY 1) SELECT quarter, count(*) AS joined, count(first) AS bought FROM cohort LEFT JOIN firsts ON customer_id = id GROUP BY quarter ORDER BY quarter;

SELECT name, n FROM (VALUES ('one', 1), ('two', 2)) AS v(name, n) WHERE n > 1;

TABLE shop.regions ORDER BY code;

SELECT o.* FROM shop.orders AS o NATURAL JOIN (SELECT 3 AS id) one;

SELECT customer_id, a.id, b.id FROM shop.orders a JOIN shop.orders b USING (customer_id) WHERE a.id < b.id AND a.status = b.status ORDER BY 1, 2, 3 LIMIT 6;

SELECT coalesce(a.day, b.day) AS day, a.n, b.n FROM (SELECT placed::date AS day, count(*) AS n FROM shop.orders GROUP BY 1) a FULL JOIN (SELECT at AS day, count(*) AS n FROM shop.events GROUP BY 1) b ON a.day = b.day ORDER BY 1 LIMIT 10;

SELECT id, total FROM shop.orders ORDER BY total DESC, id FETCH FIRST 3 ROWS WITH TIES;

SELECT id FROM shop.orders ORDER BY id OFFSET 10 ROWS FETCH NEXT 5 ROWS ONLY;

SELECT count(*) FROM shop.orders TABLESAMPLE SYSTEM (100);

SELECT n, n::numeric / 3, power(n, 2), sqrt(n), mod(n, 3), n % 2 = 0, greatest(n, 3), least(n, 3), n::text || '!' FROM generate_series(1, 4) n;

SELECT ROW(id, status)::text, (ROW(1, 'a')) = (ROW(1, 'a')) FROM shop.orders ORDER BY id LIMIT 2;

SELECT bool_and(active), bool_or(active), every(joined < '2030-01-01'), bit_and(id), count(*) FILTER (WHERE id % 2 = 0) FROM shop.customers;

SELECT hstore(ARRAY['a', '1', 'b', '2']) -> 'a', 'a=>1'::hstore ? 'b';

SELECT levenshtein('kitten', 'sitting'), soundex('Robert'), 'Top.Science'::ltree @> 'Top.Science.Art'::ltree, unaccent('Hôtel');

SELECT pg_size_pretty(1234567::bigint), pg_typeof(1.5), current_database(), current_schema();

EXPLAIN (COSTS OFF) SELECT id FROM shop.orders WHERE customer_id = 5 ORDER BY placed DESC;

EXPLAIN (COSTS OFF, FORMAT json) SELECT count(*) FROM shop.products WHERE search @@ 'lamp'::tsquery;

EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) SELECT count(*) FROM shop.orders WHERE status = 'new';

SELECT id, name, balance FROM vault.users ORDER BY id;

SELECT u.name, born, extract(year FROM born) AS year FROM vault.users u WHERE born < '1985-01-01' ORDER BY born;

SELECT count(*), sum(balance), avg(balance)::numeric(10,2), max(born) FROM vault.users;

SELECT profile ->> 'city' AS city, count(*) FROM vault.users GROUP BY 1 ORDER BY 1;

SELECT upper(name), profile -> 'theme', coalesce(balance, 0) + 1 FROM vault.users WHERE balance > 50 ORDER BY name;

SELECT n.body, u.name FROM public.notes n JOIN vault.users u ON u.name = n.author ORDER BY n.id;

SELECT body, balance FROM public.notes JOIN vault.users ON name = author ORDER BY balance DESC;

SELECT name, count(t.id) FROM vault.users u LEFT JOIN vault.tokens t ON t.user_id = u.id GROUP BY u.id ORDER BY u.id;

SELECT name, last_used FROM vault.tokens t JOIN vault.users u ON u.id = user_id WHERE last_used > '2024-04-01' ORDER BY last_used;

WITH rich AS (SELECT id, name, balance FROM vault.users WHERE balance > 10) SELECT name, rank() OVER (ORDER BY balance DESC) FROM rich ORDER BY 2;

SELECT name, lag(balance) OVER (ORDER BY id) FROM vault.users ORDER BY id;

SELECT s.name, s.born FROM (SELECT name, born FROM vault.users) s WHERE s.born IS NOT NULL ORDER BY s.born;

SELECT id, note FROM vault.parent ORDER BY id;

SELECT region, count(*) FROM vault.parted GROUP BY region ORDER BY region;

SELECT region FROM vault.parted_north;

SELECT count(*) FROM vault.users WHERE password IS NULL;

SELECT id FROM vault.users WHERE ssn IS NOT NULL ORDER BY id;

SELECT count(*) FROM vault.users WHERE ssn IS NOT NULL;

--@ masked
SELECT name, ssn IS NULL AS missing FROM vault.users WHERE id < 3 ORDER BY id;

--@ masked
SELECT ssn FROM vault.users;

--@ masked
SELECT tablename, attname, n_distinct, correlation FROM pg_stats WHERE schemaname = 'shop' ORDER BY 1, 2;

--@ values ["512-44-9031"]
SELECT id, name FROM vault.users WHERE ssn = $1;

--@ values ["tk-Cumin-8Rv"]
SELECT user_id FROM vault.tokens WHERE token = $1;

--@ values ["Zq7-Kestrel-Vm", "1"]
SELECT count(*) FROM vault.users WHERE password = $1 AND id = $2;

--@ masked
SELECT * FROM vault.users ORDER BY id;

--@ masked
SELECT u.*, t.token FROM vault.users u LEFT JOIN vault.tokens t ON t.user_id = u.id ORDER BY u.id;

--@ masked
SELECT name, email, ssn, api_key FROM vault.users WHERE id = 1;

--@ masked
SELECT id, upper(password), length(api_key) FROM vault.users ORDER BY id;

--@ masked
SELECT name, email FROM vault.users ORDER BY name;

--@ masked
SELECT u.id, data -> 'otp', tags[1] FROM vault.users u ORDER BY u.id;

--@ masked
COPY vault.users TO STDOUT;

--@ masked
SELECT id, to_jsonb(u) FROM vault.users u ORDER BY id;

COPY (SELECT id, name, total FROM shop.order_totals JOIN shop.customers USING (id) ORDER BY id) TO STDOUT (FORMAT csv, HEADER);

COPY shop.regions TO STDOUT;

COPY shop.regions TO STDOUT WITH NULL 'null';

COPY (SELECT id, name FROM vault.users ORDER BY id) TO STDOUT;

--@ values ["2024-01-10", "paid", "3"]
SELECT id, total FROM shop.orders WHERE placed >= $1 AND status = $2::shop.status ORDER BY id LIMIT $3;

--@ values ["{1,2,3}"]
SELECT id, name FROM shop.customers WHERE id = ANY ($1::int[]) ORDER BY id;

--@ values ["lamp", null]
SELECT name FROM shop.products WHERE name LIKE '%' || $1 AND coalesce($2::text, category) = category ORDER BY id;

--@ values ["{\"news\": true}"]
SELECT count(*) FROM shop.customers WHERE settings @> $1::jsonb;

SELECT id FROM shop.nowhere;

SELECT 1 / 0;

SELECT 'x'::int;

SELECT nonsense FROM shop.orders;

SELEKT 1;

SELECT 'IBAN is spelt IBAN', 'order 2024-0001-77', '2024-01-01 10:00:00', 4111, '192.168.0.1', '+1', 'a@b';

SELECT 123456789012, 1234567.89, '00000000-0000-0000-0000-000000000001'::uuid, md5('x'), 'INV-2024-000123456';
