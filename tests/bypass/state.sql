RESET ROLE;
WITH ours AS (
    SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)'
), kept(kind, item) AS (
    SELECT 'schema', nspname || coalesce(nspacl::text, '') FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)'
    UNION ALL SELECT 'relation', concat_ws(' ', nspname, relname, relkind, relrowsecurity, relacl, relowner::regrole) FROM pg_class c JOIN ours ON relnamespace = ours.oid WHERE c.oid >= 16384
    UNION ALL SELECT 'column', concat_ws(' ', nspname, relname, attname, atttypid, attacl) FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN ours ON relnamespace = ours.oid WHERE c.oid >= 16384 AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT 'function', concat_ws(' ', nspname, proname, proargtypes, md5(prosrc)) FROM pg_proc p JOIN ours ON pronamespace = ours.oid WHERE p.oid >= 16384
    UNION ALL SELECT 'type', concat_ws(' ', nspname, typname, typtype) FROM pg_type t JOIN ours ON typnamespace = ours.oid WHERE t.oid >= 16384 AND typtype <> 'c' AND typelem = 0
    UNION ALL SELECT 'operator', oprname FROM pg_operator WHERE oid >= 16384
    UNION ALL SELECT 'cast', concat_ws(' ', castsource::regtype, casttarget::regtype) FROM pg_cast WHERE oid >= 16384
    UNION ALL SELECT 'rule', concat_ws(' ', ev_class::regclass, rulename) FROM pg_rewrite WHERE oid >= 16384 AND rulename <> '_RETURN'
    UNION ALL SELECT 'trigger', concat_ws(' ', tgrelid::regclass, tgname) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'event trigger', evtname FROM pg_event_trigger
    UNION ALL SELECT 'constraint', concat_ws(' ', conrelid::regclass, conname) FROM pg_constraint WHERE oid >= 16384
    UNION ALL SELECT 'default', concat_ws(' ', adrelid::regclass, adnum) FROM pg_attrdef
    UNION ALL SELECT 'policy', concat_ws(' ', polrelid::regclass, polname) FROM pg_policy
    UNION ALL SELECT 'large object', oid::text FROM pg_largeobject_metadata
    UNION ALL SELECT 'role', concat_ws(' ', rolname, rolsuper, rolconfig) FROM pg_roles
    UNION ALL SELECT 'member', concat_ws(' ', roleid::regrole, member::regrole) FROM pg_auth_members
    UNION ALL SELECT 'database', datname FROM pg_database
    UNION ALL SELECT 'comment', concat_ws(' ', classoid::regclass, description) FROM pg_description WHERE objoid >= 16384 AND objoid IN (SELECT oid FROM pg_class)
    UNION ALL SELECT 'server', srvname FROM pg_foreign_server
    UNION ALL SELECT 'slot', slot_name FROM pg_replication_slots
    UNION ALL SELECT 'publication', pubname FROM pg_publication
    UNION ALL SELECT 'prepared', gid FROM pg_prepared_xacts
    UNION ALL SELECT 'extension', extname FROM pg_extension
    UNION ALL SELECT 'statistics', stxname FROM pg_statistic_ext
    UNION ALL SELECT 'setting', array_to_string(setconfig, ' ') FROM pg_db_role_setting
    UNION ALL SELECT 'sequence', concat_ws(' ', schemaname, sequencename, last_value) FROM pg_sequences
    UNION ALL SELECT 'users', md5(users::text) FROM vault.users
    UNION ALL SELECT 'tokens', md5(tokens::text) FROM vault.tokens
    UNION ALL SELECT 'parent', md5(parent::text) FROM vault.parent
    UNION ALL SELECT 'parted', md5(parted::text) FROM vault.parted
    UNION ALL SELECT 'notes', md5(notes::text) FROM public.notes
    UNION ALL SELECT 'orders', md5(string_agg(orders::text, ' ' ORDER BY orders::text)) FROM public.orders
    UNION ALL SELECT 'secrets', md5(secrets::text) FROM public.secrets
    UNION ALL SELECT 'log', md5(log::text) FROM audit.log
    UNION ALL SELECT 'rules', md5(rules::text) FROM audit.rules
)
SELECT kind, item FROM kept ORDER BY kind, item
