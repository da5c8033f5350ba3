//! How the server's catalog is asked for what becomes of a table's values: what compares them, as indexes, checks and the
//! bounds of partitions do, and what is made of them.

/// How many tables and parts of theirs one look-up asks after. Where there are as many, there may be more, and nothing is
/// certain of any.
const MOST: usize = 5_000;

/// What [`ATTACHED`] asks of, for a `WITH RECURSIVE`: these tables, each with itself and with its parts
/// (`every_member`, and `members` as far as more is asked of them), the columns of their indexes (`indexed`), of what their
/// partitions are told apart by (`split`), and of their row policies (`judged`).
pub(super) fn with(list: &str) -> String {
    format!(
        "every_member(root, child) AS ( \
           SELECT c.oid, c.oid FROM pg_catalog.pg_class c WHERE c.oid IN ({list}) \
           UNION SELECT m.root, h.inhrelid FROM every_member m JOIN pg_catalog.pg_inherits h ON h.inhparent = m.child), \
         members AS (SELECT root, child FROM every_member LIMIT {MOST}), \
         indexed AS ({INDEXED}), split AS ({SPLIT}), judged AS ({JUDGED}), \
         beyond AS (SELECT m.root FROM members m WHERE (SELECT count(*) FROM members) >= {MOST})"
    )
}

/// Indexes of these tables and of their parts, what tests their values, and what their partitions are told apart by.
///
/// Each row has the table, what it says of a column, the index, and the column: `key` and `carried` for indexes that bring
/// rows in an order, `unique` where no two rows may be alike, `primary` for a key that holds for all rows, `tested`,
/// `split`, `judged`; `made` has in the place of the index a column that the generated one is made of, and `beyond` nothing:
/// there are more parts than were asked after.
pub(super) const ATTACHED: &str = "\
    SELECT c.root, CASE WHEN c.key THEN 'key' ELSE 'carried' END, c.name, c.attname FROM indexed c WHERE c.scans \
    UNION SELECT c.root, 'unique', '', c.attname FROM indexed c WHERE c.key AND c.apart \
    UNION SELECT c.root, 'primary', '', c.attname FROM indexed c WHERE c.key AND c.whole \
    UNION SELECT c.root, 'tested', '', c.attname FROM indexed c WHERE c.computes \
    UNION SELECT m.root, 'tested', '', a.attname FROM members m \
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass \
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = m.child \
      JOIN pg_catalog.pg_attribute a ON a.attrelid = m.child AND a.attnum = d.refobjsubid AND a.attnum > 0 \
    UNION SELECT m.root, 'tested', '', a.attname FROM members m \
      JOIN pg_catalog.pg_attribute a ON a.attrelid = m.root AND a.attnum > 0 \
      JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem \
      WHERE m.child = m.root AND (t.typtype = 'd' OR e.typtype = 'd') \
    UNION SELECT m.root, 'tested', '', a.attname FROM members m \
      JOIN pg_catalog.pg_constraint c ON c.conrelid = m.child AND c.contype IN ('c', 'f') \
      JOIN pg_catalog.pg_attribute a ON a.attrelid = m.child AND a.attnum > 0 AND (a.attnum = ANY (c.conkey) OR 0 = ANY (c.conkey)) \
    UNION SELECT s.root, 'tested', '', s.attname FROM split s \
    UNION SELECT s.root, 'split', '', s.attname FROM split s WHERE s.own \
    UNION SELECT j.root, 'tested', '', j.attname FROM judged j \
    UNION SELECT j.root, 'judged', '', j.attname FROM judged j \
    UNION SELECT m.root, 'made', s.attname, g.attname FROM members m \
      JOIN pg_catalog.pg_attribute g ON g.attrelid = m.child AND g.attnum > 0 AND g.attgenerated <> '' \
      JOIN pg_catalog.pg_attrdef f ON f.adrelid = m.child AND f.adnum = g.attnum \
      JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = m.child \
        AND d.refobjsubid <> g.attnum \
        AND (d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = f.oid \
          OR d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = m.child AND d.objsubid = g.attnum) \
      JOIN pg_catalog.pg_attribute s ON s.attrelid = m.child AND s.attnum = d.refobjsubid AND s.attnum > 0 \
    UNION SELECT b.root, 'beyond', '', '' FROM beyond b";

/// The columns of all indexes of these tables and of their parts: those that an index orders by, also within an expression
/// or a condition (`key`), and those that it only has. Of parts, of which there may be very many, indexes over columns in the
/// same places are told as one, and those that are parts of an index themselves by that one.
const INDEXED: &str = "\
    SELECT m.root, a.attname, \
      CASE WHEN m.child = m.root THEN x.relname ELSE '(parts) ' || i.indkey::text END AS name, \
      a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1]) OR NOT a.attnum = ANY (i.indkey) AS key, \
      coalesce(pg_catalog.pg_index_has_property(i.indexrelid, 'index_scan'), true) AS scans, \
      i.indisunique OR i.indisexclusion AS apart, \
      i.indexprs IS NOT NULL OR i.indpred IS NOT NULL AS computes, \
      i.indisprimary AND i.indisvalid AND i.indimmediate AND m.child = m.root AND (t.relkind = 'p' OR NOT EXISTS ( \
        SELECT 1 FROM pg_catalog.pg_inherits h WHERE h.inhparent = m.root)) AS whole \
    FROM members m JOIN pg_catalog.pg_class t ON t.oid = m.child \
      JOIN pg_catalog.pg_index i ON i.indrelid = m.child JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid \
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum > 0 AND ( \
        a.attnum = ANY (i.indkey) OR EXISTS (SELECT 1 FROM pg_catalog.pg_depend d \
          WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid \
            AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = i.indrelid \
            AND d.refobjsubid = a.attnum)) \
    WHERE m.child = m.root OR NOT EXISTS ( \
      SELECT 1 FROM pg_catalog.pg_inherits h WHERE h.inhrelid = i.indexrelid)";

/// The columns that partitions are told apart by, also within an expression: those that cannot be without the table.
/// `own`: of the table, and not of its parts.
const SPLIT: &str = "\
    SELECT m.root, m.child = m.root AS own, a.attname FROM members m \
      JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = m.child \
      JOIN pg_catalog.pg_attribute a ON a.attrelid = p.partrelid AND a.attnum > 0 AND ( \
        a.attnum = ANY (p.partattrs) OR EXISTS (SELECT 1 FROM pg_catalog.pg_depend d \
          WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = p.partrelid AND d.objsubid = a.attnum \
            AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = p.partrelid \
            AND d.refobjsubid = 0 AND d.deptype = 'i'))";

/// The columns that row policies look at, those that are not in force yet among them: one by one, or all with the whole row.
const JUDGED: &str = "\
    SELECT m.root, a.attname FROM members m \
      JOIN pg_catalog.pg_policy p ON p.polrelid = m.child \
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objid = p.oid \
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = m.child \
      JOIN pg_catalog.pg_attribute a ON a.attrelid = m.child AND a.attnum > 0 \
        AND (a.attnum = d.refobjsubid OR d.refobjsubid = 0 AND d.deptype = 'n')";
